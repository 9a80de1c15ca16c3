"""A script that is ready to run."""

from typing import TYPE_CHECKING

from attrs import field, frozen

from sora.sieve.call import Call
from sora.sieve.errors import ScriptError

if TYPE_CHECKING:
    from sora.sieve.dialect import Dialect


@frozen(eq=False)
class Script:
    """Compiled by `compile_script`. It is a value: it can be kept, and run many times at once."""

    commands: tuple[Call, ...] = field(repr=False)
    requires: frozenset[str]
    warnings: tuple[ScriptError, ...]
    dialect: "Dialect" = field(repr=False)
