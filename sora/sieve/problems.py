"""What ends a run. None of these leaves `run`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sora.sieve.call import Call


class Problem(Exception):
    """A runtime error (RFC 5228 §2.10.6): the mail is kept, and its owner told. `call` is where it
    happened, None if it is where the script is just now."""

    def __init__(self, call: "Call | None", text: str) -> None:
        super().__init__(text)
        self.call, self.text = call, text


class Stop(Exception):
    """`stop`: all is done (RFC 5228 §3.3)."""


class Return(Exception):
    """`return`: the script that is running is done (RFC 6609 §3.3)."""
