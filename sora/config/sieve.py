"""`[sieve]`: filters at delivery."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import DURATION, SIZE


@frozen
class SieveConfig:
    """Sieve scripts (RFC 5228) of users and of the operator."""

    max_script_size: int = key("64kb", "The largest script that is accepted.", unit=SIZE)
    max_scripts: int = key(100, "The most scripts of an account.", least=0)
    max_total_size: int = key("2mb", "All scripts of an account together.", unit=SIZE)
    max_redirects: int = key(5, "The most redirects that a script may do for a message.", least=0)
    max_cpu: float = key("2s", "The computing time of a script for a message.", unit=DURATION)
    extensions: tuple[str, ...] = key([], "The extensions that scripts may use. Empty: all.")
    default_before: str = key("", "A script file that runs before the user's. Empty: none.")
    default_after: str = key("", "A script file that runs after the user's. Empty: none.")
