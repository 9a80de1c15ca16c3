"""`size` (RFC 5228 §5.9)."""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.extension import Kind, Parameter, Tag, Test
from sora.sieve.run import Run


def _size(run: Run, call: Call) -> bool:
    limit = call.number("limit")
    return run.message.size > limit if call.has("over") else run.message.size < limit


SIZE: Final = Test(
    "size",
    _size,
    (Parameter("limit", Kind.NUMBER),),
    (Tag("over", group="comparison"), Tag("under", group="comparison")),
    needs=("comparison",),
)
