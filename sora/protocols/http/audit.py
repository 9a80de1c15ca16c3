"""The log of changes, `sora.audit`: who has changed what, or wanted to, and what came of it.

One line for each request to an endpoint that changes something, whatever comes of it: the name of
the key (`-` when none was known), the address, the operation, the path, what of the body says what
it is about (`Endpoint.about`, as soon as the body is read), the id of the request, and the outcome:
`done`, `replayed` (an idempotency key was shown again), `refused`, `failed`, `unknown`, or `gone`
(the client went away before it had all of what it wanted to take away). Nothing
else of a body is in it, and nothing of a header, so no secret is.
"""

from types import TracebackType
from typing import Any, Final

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from sora.errors import SoraError
from sora.protocols.http.endpoint import Endpoint
from sora.protocols.http.problems import INTERNAL, UNKNOWN_OUTCOME, Kind, Refused, refused
from sora.protocols.http.shaping import Flawed

_AUDIT: Final = Logger("sora.audit")


class Change:
    """What one request is about to change. As a context it tells of what was raised in it; contexts
    may be nested, and the first that tells is the only one. Of a request that only looks nothing is
    told."""

    def __init__(self, endpoint: Endpoint, path: str, address: str, instance: str) -> None:
        self.key = "-"
        self._is_told = not endpoint.changes
        self._about = endpoint.about
        self._is_named = "{answer." in endpoint.changes
        self._fields = {
            "address": address,
            "operation": endpoint.name,
            "path": path,
            "id": instance,
        }

    def __enter__(self) -> "Change":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The work of a client that has hung up goes on, and tells of itself.
        if isinstance(error, Exception) and not isinstance(error, CancelledError):
            self._fail(_kind(error))

    def regards(self, body: Any) -> None:
        """The body that was read, which says what it is about."""
        found = [str(value) for name in self._about if (value := getattr(body, name))]
        if found:
            self._fields["about"] = _printable(" ".join(found))

    def done(self, what: str) -> None:
        """It was done."""
        said = _printable(what)
        if "about" in self._fields and not self._is_named:
            said = f"{said}: {self._fields['about']}"
        self._tell("{key} from {address}: {change}", "done", change=said)

    def replayed(self) -> None:
        """It was done before, and its answer is given again."""
        self._tell("{key} from {address}: {operation} of {path} was asked for again", "replayed")

    def broken(self, outcome: str, why: str) -> None:
        """It was begun, and did not come to its end."""
        self._tell("{key} from {address}: {operation} of {path}: {why}", outcome, why=why)

    def _fail(self, kind: Kind) -> None:
        outcome = "refused" if kind.status < 500 else "failed"
        self._tell(
            "{key} from {address}: {operation} of {path} was not done: {status} {problem}",
            "unknown" if kind is UNKNOWN_OUTCOME else outcome,
            status=kind.status,
            problem=kind.name,
        )

    def _tell(self, text: str, outcome: str, **fields: object) -> None:
        if not self._is_told:
            self._is_told = True
            if "about" in self._fields:
                text = text.replace("{path}", "{path} ({about})")
            _AUDIT.info(text, key=self.key, outcome=outcome, **self._fields, **fields)


def _printable(text: str) -> str:
    """As it may stand in a line."""
    return "".join(one if one.isprintable() else "?" for one in text)


def _kind(error: Exception) -> Kind:
    if isinstance(error, Refused):
        return error.kind
    if isinstance(error, (SoraError, Flawed)):
        try:
            return refused(error).kind
        except KeyError:
            return INTERNAL
    return INTERNAL
