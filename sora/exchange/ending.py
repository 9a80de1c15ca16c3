"""How an import or an export ends before it is done."""

from sora.errors import SoraError


class Cancelled(SoraError):
    """Somebody wanted it to end."""


class Stopped(Exception):
    """It makes no sense to go on; who is told of counts may raise it, too."""

    def __init__(self, error: SoraError) -> None:
        super().__init__(error.text)
        self.error = error
