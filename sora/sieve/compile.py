"""The one way from text to a script (G47)."""

from sora.sieve.check import check
from sora.sieve.dialect import SIEVE, Dialect
from sora.sieve.errors import ScriptError, ScriptErrors
from sora.sieve.lexer import Source
from sora.sieve.limits import Limits
from sora.sieve.parser import parse
from sora.sieve.script import Script

DEFAULT_LIMITS = Limits()


def compile_script(
    source: str | bytes, dialect: Dialect = SIEVE, limits: Limits = DEFAULT_LIMITS
) -> Script:
    """Compile a script. Pure, and takes time linear in its size.

    Raises:
        ScriptErrors: it is not a valid script; with all errors that could be told at once.
    """
    size = len(source.encode("utf-8", "replace") if isinstance(source, str) else source)
    if size > limits.script_size:
        text = f"The script has {size} octets; the most that is accepted is {limits.script_size}"
        raise ScriptErrors([ScriptError(1, 1, text)])
    text_and_lines = Source.of(source)
    errors: list[ScriptError] = []
    nodes = parse(text_and_lines, limits, errors)
    script = check(text_and_lines, nodes, dialect, limits, errors)
    if errors:
        raise ScriptErrors(sorted(errors)[: limits.errors])
    return script
