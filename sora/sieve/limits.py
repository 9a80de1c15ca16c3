"""How much a script may do. All of it is counted, not timed: the same script does the same with the
same message everywhere (G49)."""

from attrs import frozen


@frozen
class Limits:
    """The limits of compiling and of running.

    script_size: octets of a script's text.
    nesting: levels of blocks, and levels of tests (RFC 5228 §2.10.7 wants 15 of each).
    commands: commands and tests of a script, those of included ones not counted.
    errors: how many errors are told at once.
    instructions: commands, tests and comparisons of one run, a long text being several.
    string: characters of a variable (RFC 5229 §6 wants 4,000); a longer value is cut.
    variables: variables of a script (RFC 5229 §6 wants 128).
    memory: characters of all variables and edits together.
    actions: actions of all kinds.
    redirects: different addresses that the message is sent on to.
    include_depth, includes: levels of `include`, and included scripts in all (RFC 6609 §3).
    header: octets of the header that a script can make.
    body: octets of the message that a script sees when it tests the body.
    cpu: seconds of computing, by the clock that is handed in; 0 is without limit.
    """

    script_size: int = 65_536
    nesting: int = 32
    commands: int = 20_000
    errors: int = 20
    instructions: int = 200_000
    string: int = 65_536
    variables: int = 512
    memory: int = 4_194_304
    actions: int = 64
    redirects: int = 5
    include_depth: int = 10
    includes: int = 50
    header: int = 1_048_576
    body: int = 10_485_760
    cpu: float = 0
