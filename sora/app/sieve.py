"""`[sieve]` made into what compiles, keeps and hands out scripts: the same for servers and for
`sora-admin` (G47)."""

from collections.abc import Awaitable, Callable
from typing import Any

from sora.config.config import Config
from sora.config.problems import ConfigError, Problem
from sora.config.sieve import SieveConfig
from sora.errors import BadArgument
from sora.mailbox.scripts import Compiler, ScriptStore
from sora.sieve.dialect import SIEVE, Dialect
from sora.sieve.limits import Limits
from sora.storage.interfaces import IScripts
from sora.storage.rows import ScriptLimits

COMPILING_THREADS = 2
"""threads that compile large scripts"""


def script_store(config: Config, scripts: IScripts, compiler: Compiler) -> ScriptStore:
    """The door to scripts."""
    sieve = config.sieve
    limits = ScriptLimits(sieve.max_script_size, sieve.max_scripts, sieve.max_total_size)
    return ScriptStore(scripts, compiler, limits)


def compiler_of(config: Config, in_thread: Callable[..., Awaitable[Any]]) -> Compiler:
    """What compiles scripts. Raises ConfigError."""
    sieve = config.sieve
    return Compiler(dialect_of(sieve), limits_of(sieve), in_thread, kept=sieve.kept_compiled)


def dialect_of(sieve: SieveConfig) -> Dialect:
    """The extensions that scripts may use. Raises ConfigError for one that there is not."""
    try:
        return SIEVE.only(sieve.extensions)
    except BadArgument as error:
        raise ConfigError([Problem("", "sieve.extensions", error.text)]) from None


def limits_of(sieve: SieveConfig) -> Limits:
    """What scripts may do."""
    return Limits(
        script_size=sieve.max_script_size,
        nesting=sieve.max_nesting,
        instructions=sieve.max_instructions,
        string=sieve.max_variable_size,
        variables=sieve.max_variables,
        memory=sieve.max_memory,
        actions=sieve.max_actions,
        redirects=sieve.max_redirects,
        include_depth=sieve.max_include_depth,
        includes=sieve.max_includes,
        body=sieve.max_body_size,
        cpu=sieve.max_cpu,
    )
