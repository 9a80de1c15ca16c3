"""The certificates that servers of this process serve."""

from datetime import datetime
from typing import Final

from attrs import frozen

from sora.protocols.http.endpoint import Call, Endpoint
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said


@frozen
class ServedCertificate:
    """A certificate that is served."""

    file: str = said("The file that it was read from.", example="/etc/sora/fullchain.pem")
    servers: tuple[str, ...] = said("The servers that have it.", example=["imap-993"])
    subject: str = said("Whose it is.", example="CN=mail.example.com")
    names: tuple[str, ...] = said("The hosts that it is for.", example=["mail.example.com"])
    issuer: str = said("Who has made it.", example="CN=R11,O=Let's Encrypt,C=US")
    valid_from: datetime = said("Since when it is valid.")
    valid_until: datetime = said("When it ends.")
    days_left: int = said("How many whole days that is from now; below 0 when it is over.")
    key: str = said("What kind of key it has.", example="EC secp256r1")
    chain: str = said("complete, incomplete, self-signed or wrong order.", example="complete")
    fingerprint: str = said("Its SHA-256, in hexadecimal.")


@frozen
class ServedCertificates:
    """All that are served, once each."""

    items: tuple[ServedCertificate, ...] = said("The certificates.")


async def _list(nouns: Nouns, call: Call) -> ServedCertificates:
    return ServedCertificates(
        items=tuple(
            ServedCertificate(
                file=row.file,
                servers=tuple(row.servers),
                subject=row.about.subject,
                names=tuple(row.about.names),
                issuer=row.about.issuer,
                valid_from=row.about.valid_from,
                valid_until=row.about.valid_until,
                days_left=row.days_left,
                key=row.about.key,
                chain=row.chain,
                fingerprint=row.about.fingerprint,
            )
            for row in await nouns.tls.certificates()
            if row.about is not None
        )
    )


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/tls",
        name="listCertificates",
        summary="List the certificates that servers of this process serve",
        group="tls",
        answer=ServedCertificates,
        run=_list,
    ),
)
