"""A database that is away just when a worker has something to tell it."""

from typing import Any

from twisted.internet.defer import fail

from sora.errors import Unavailable


class Forgetful:
    """Uploads of a storage, `inner`. While there is an error `lost`, what is claimed is claimed, and
    nothing more is heard of: the ends of uploads are lost with that error, and nothing is put off."""

    def __init__(self, inner: Any, lost: Exception | None) -> None:
        self.inner = inner
        self.lost = lost

    def __getattr__(self, name: str) -> Any:
        lost = self.lost
        if lost is not None and name in ("finish", "finish_many", "postpone"):
            return lambda *_: fail(Unavailable() if name == "postpone" else lost)
        return getattr(self.inner, name)
