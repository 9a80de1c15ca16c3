"""RFC 5183: environment."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "4 contains nothing",
        """\
if environment :contains "item" "" { ... }""",
        fragment="dots, and no require",
        misprints=(("{ ... }", "{ stop; }"),),
        before='require "environment";\n',
    ),
    Example(
        "5 remote-host",
        """\
if environment :matches "remote-host" "*.example.com" { ... }""",
        fragment="dots, and no require",
        misprints=(("{ ... }", "{ stop; }"),),
        before='require "environment";\n',
    ),
)
