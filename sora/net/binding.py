"""Channel binding: what both ends of a TLS connection know of it, and nobody in between (RFC 5056).

`tls-exporter` (RFC 9266) is of the connection, and needs TLS 1.3; `tls-server-end-point` (RFC 5929
§4) is of the server's certificate.
"""

from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from OpenSSL.SSL import Connection as TLSConnection

EXPORTER: Final = "tls-exporter"
END_POINT: Final = "tls-server-end-point"

_LABEL: Final = b"EXPORTER-Channel-Binding"
_EXPORTED: Final = 32
"""octets of tls-exporter (RFC 9266 §2)"""


def bindings_of(transport: Any) -> tuple[str, ...]:
    """The types of channel binding that a transport has."""
    tls = _connection(transport)
    if tls is None:
        return ()
    found = (EXPORTER,) if tls.get_protocol_version_name() == "TLSv1.3" else ()
    return found if _certificate(tls) is None else (*found, END_POINT)


def binding_of(transport: Any, kind: str) -> bytes | None:
    """The data of a type of channel binding; None if there is none."""
    tls = _connection(transport)
    if tls is None or kind not in bindings_of(transport):
        return None
    if kind == EXPORTER:
        return bytes(tls.export_keying_material(_LABEL, _EXPORTED, b""))
    certificate = _certificate(tls).to_cryptography()
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = hashes.SHA256()
    return bytes(certificate.fingerprint(algorithm))


def _certificate(tls: TLSConnection) -> Any:
    return tls.get_certificate()


def _connection(transport: Any) -> TLSConnection | None:
    handle = getattr(transport, "getHandle", None)
    found = handle() if handle is not None else None
    return found if isinstance(found, TLSConnection) else None
