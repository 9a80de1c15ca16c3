"""Trouble that lasts, as the log has it: once when it begins, and once when it is over.

What is tried again every few seconds fails a thousand times while a database is away for an hour.
An operator who looks for what else has happened meanwhile wants none of them; how things are now is
the business of health.
"""

from twisted.logger import Logger, LogLevel

from sora.errors import SoraError


class Trouble:
    """One thing that is tried again and again. `text` is what to say when it has failed, before the
    error; `over` when it works again."""

    def __init__(self, log: Logger, text: str, over: str, *, is_bad: bool = False) -> None:
        """`is_bad` makes it a warning."""
        self._log = log
        self._text = text
        self._over = over
        self._level = LogLevel.warn if is_bad else LogLevel.info
        self._lasts = False

    def has(self, error: SoraError) -> None:
        """It has failed."""
        if not self._lasts:
            self._log.emit(self._level, "{text}: {error}", text=self._text, error=error.text)
        self._lasts = True

    def is_over(self) -> None:
        """It has worked."""
        if self._lasts:
            self._log.info("{text}", text=self._over)
        self._lasts = False
