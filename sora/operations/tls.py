"""What an operator can see of certificates: which there are, and whether servers that run serve
what is in the files."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from stat import S_IROTH
from typing import Any, Final

from attrs import frozen
from cryptography.x509 import Certificate
from twisted.internet.defer import Deferred

from sora.errors import BadArgument, Unavailable
from sora.tls.contexts import CertificateUnusable, ServerTLS
from sora.tls.described import (
    Described,
    Flaw,
    certificate_flaws,
    chain_text,
    describe,
    fingerprint,
)
from sora.tls.shown import NobodyThere

DAY: Final = 86400.0


@frozen
class Known:
    """A certificate that servers have: its files, the servers, and the chain; or why there is
    none."""

    cert_file: Path
    key_file: Path
    servers: Sequence[str]
    chain: Sequence[Certificate] = ()
    problem: str = ""


@frozen
class CertificateRow:
    """A certificate, as it is told. `days_left` is below 0 when it is over; `chain` is complete,
    incomplete, self-signed or wrong order. Where it could not be read, `problem` says why, and
    `about` is None."""

    file: str
    key_file: str
    servers: Sequence[str]
    about: Described | None
    days_left: int
    chain: str
    problem: str


@frozen
class TLSServer:
    """A server with TLS: `how` it begins is `implicit` or `starttls`. `shown` gives the certificate
    that it shows to a client; raises NobodyThere, Unavailable."""

    name: str
    type: str
    addr: str
    how: str
    hostname: str
    cert_file: Path
    key_file: Path
    shown: Callable[[], Awaitable[Certificate]]


@frozen
class CheckedServer:
    """What was found of a server. `served` is `same` or `other` than what is in the file, `nothing`
    when it does not run, or `unknown`."""

    server: TLSServer
    until: datetime | None
    served: str
    flaws: Sequence[Flaw]

    @property
    def is_wrong(self) -> bool:
        """Whether clients fail by something that was found."""
        return any(flaw.is_fatal for flaw in self.flaws)


@frozen
class TLSOperations:
    """`known` gives the certificates, from files or from what is served; it may block, and is
    called by `in_thread`. `servers` are those with TLS, `seconds` tells the time."""

    known: Callable[[], Sequence[Known]]
    servers: Sequence[TLSServer]
    in_thread: Callable[..., "Deferred[Any]"]
    seconds: Callable[[], float]

    async def certificates(self) -> list[CertificateRow]:
        """All certificates, once each."""
        rows: list[CertificateRow] = await self.in_thread(self._rows)
        return rows

    async def check(self, name: str = "") -> list[CheckedServer]:
        """All servers with TLS, or the one of that name. Raises BadArgument when there is none."""
        wanted = [one for one in self.servers if not name or one.name == name]
        if name and not wanted:
            known = ", ".join(one.name for one in self.servers) or "none"
            raise BadArgument(f"no server with TLS is called {name} (there are: {known})")
        return [await self._check(one) for one in wanted]

    def _rows(self) -> list[CertificateRow]:
        return [self._row(one) for one in self.known()]

    def _row(self, one: Known) -> CertificateRow:
        about, left, chain = None, 0, ""
        if one.chain:
            about = describe(one.chain[0])
            left = int((about.valid_until.timestamp() - self.seconds()) // DAY)
            chain = chain_text(one.chain)
        return CertificateRow(
            str(one.cert_file), str(one.key_file), one.servers, about, left, chain, one.problem
        )

    async def _check(self, server: TLSServer) -> CheckedServer:
        chain, flaws = await self.in_thread(self._look_at_files, server)
        served, more = "unknown", list[Flaw]()
        try:
            shown = await server.shown()
        except NobodyThere:
            served = "nothing"
        except Unavailable as error:
            text = f"no handshake with it on {server.addr}: {error.text}"
            more.append(Flaw(text, "Look at its log, and whether another program has this port"))
        else:
            if chain:
                served, more = self._compare(server, chain[0], shown)
        until = chain[0].not_valid_after_utc if chain else None
        return CheckedServer(server, until, served, [*flaws, *more])

    def _compare(
        self, server: TLSServer, filed: Certificate, shown: Certificate
    ) -> tuple[str, list[Flaw]]:
        if shown == filed:
            return "same", []
        text = (
            f"it serves another certificate than {server.cert_file} has now: that of"
            f" {fingerprint(shown)[:16]}…, which ends on {shown.not_valid_after_utc:%Y-%m-%d}"
        )
        return "other", [Flaw(text, "Reload it (SIGHUP); if the file is named anew, restart it")]

    def _look_at_files(self, server: TLSServer) -> tuple[Sequence[Certificate], list[Flaw]]:
        try:
            chain = ServerTLS(server.cert_file, server.key_file).chain
        except CertificateUnusable as error:
            text, _, mend = str(error).partition("; ")
            return (), [Flaw(text, mend[:1].upper() + mend[1:] or "Write the file anew")]
        now = datetime.fromtimestamp(self.seconds(), UTC)
        flaws = certificate_flaws(chain, server.hostname, now)
        if server.key_file.stat().st_mode & S_IROTH:
            text = f"everybody on this machine may read the key {server.key_file}"
            flaws.append(Flaw(text, f"chmod o-r {server.key_file}", False))
        return chain, flaws
