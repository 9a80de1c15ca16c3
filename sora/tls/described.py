"""A certificate in words, and what is wrong with it, for operators.

Names are compared as clients do it (RFC 9525 §6.3): only the alternative names count, a `*` stands
for the whole first label. Chains are in the order of RFC 8446 §4.4.2: each certificate is followed
by the one that certifies it; the root may be left out.
"""

import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from typing import Final

from attrs import frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    IPAddress,
    Name,
    SubjectAlternativeName,
    load_pem_x509_certificates,
)

RENEW: Final = timedelta(days=14)
"""before its end a certificate should have been replaced"""
LEAST_RSA: Final = 2048
"""bits of an RSA key that clients take"""
NAMES_SHOWN: Final = 100
"""names of a certificate that are told"""


@frozen
class Flaw:
    """What is wrong with a certificate, or with the way in which it is served; `is_fatal` when
    clients fail by it."""

    text: str
    remedy: str
    is_fatal: bool = True


@frozen
class Described:
    """A certificate. Times are aware; the fingerprint is its SHA-256, in hexadecimal."""

    subject: str
    names: Sequence[str]
    issuer: str
    valid_from: datetime
    valid_until: datetime
    key: str
    fingerprint: str


def describe(certificate: Certificate) -> Described:
    """A certificate in words."""
    return Described(
        subject=name_text(certificate.subject),
        names=names_of(certificate)[:NAMES_SHOWN],
        issuer=name_text(certificate.issuer),
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
        key=key_text(certificate),
        fingerprint=fingerprint(certificate),
    )


def fingerprint(certificate: Certificate) -> str:
    """Its SHA-256, as `openssl x509 -fingerprint -sha256` has it, in small letters and without
    colons."""
    return certificate.fingerprint(SHA256()).hex()


def name_text(name: Name) -> str:
    """A name as RFC 4514 writes it, without what could be taken for more than one line."""
    text = name.rfc4514_string()
    return "".join(one if one.isprintable() else "?" for one in text)


def names_of(certificate: Certificate) -> list[str]:
    """The hosts that it is for: names and addresses."""
    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except (ExtensionNotFound, ValueError):
        return []
    names = [one.lower() for one in found.get_values_for_type(DNSName)]
    names += [str(one) for one in found.get_values_for_type(IPAddress)]
    return ["".join(each if each.isprintable() else "?" for each in one) for one in names]


def key_text(certificate: Certificate) -> str:
    """What kind of key it has."""
    key = certificate.public_key()
    if isinstance(key, RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    if isinstance(key, Ed25519PublicKey):
        return "Ed25519"
    if isinstance(key, Ed448PublicKey):
        return "Ed448"
    if isinstance(key, DSAPublicKey):
        return f"DSA {key.key_size}"
    return type(key).__name__


def is_for(certificate: Certificate, host: str) -> bool:
    """Whether a client that connects to a host takes it (RFC 9525 §6.3)."""
    wanted, names = host.rstrip(".").lower(), names_of(certificate)
    try:
        return str(ip_address(wanted)) in names
    except ValueError:
        _, _, rest = wanted.partition(".")
        return wanted in names or (bool(rest) and f"*.{rest}" in names)


def chain_flaws(chain: Sequence[Certificate]) -> list[Flaw]:
    """What is wrong with the order of a chain, or missing at its end."""
    for place, (one, next_one) in enumerate(pairwise(chain), 1):
        if not _is_issued_by(one, next_one):
            text = (
                f"certificate {place + 1} of the file ({name_text(next_one.subject)}) is not the"
                f" issuer of the one before it ({name_text(one.subject)})"
            )
            mend = "Write the server's certificate first, then its issuer, then that one's issuer"
            return [Flaw(text, mend)]
    last = chain[-1]
    if _is_issued_by(last, last):
        if len(chain) > 1:
            return []
        text = "it is signed by itself: clients that were not told of it refuse it"
        mend = "Have it made by an authority that clients know, where strangers are to connect"
        return [Flaw(text, mend, False)]
    if any(_is_issued_by(last, root) for root in _roots().get(last.issuer.public_bytes(), ())):
        return []
    text = f"the chain ends with what {name_text(last.issuer)} has issued, whom nobody here knows"
    mend = "Append the certificates between it and the root to the file (fullchain.pem)"
    return [Flaw(text, mend, False)]


def chain_text(chain: Sequence[Certificate]) -> str:
    """Whether it has all that clients need."""
    if len(chain) == 1 and _is_issued_by(chain[0], chain[0]):
        return "self-signed"
    flaws = chain_flaws(chain)
    if not flaws:
        return "complete"
    return "wrong order" if flaws[0].is_fatal else "incomplete"


def certificate_flaws(chain: Sequence[Certificate], hostname: str, now: datetime) -> list[Flaw]:
    """What is wrong with the certificates of a file, for a server that is called `hostname`, if it
    has a name. `now` is aware."""
    first, flaws = chain[0], list[Flaw]()
    for one in chain:
        whose = "it" if one is first else f"its issuer {name_text(one.subject)}"
        flaws += _time_flaws(one, whose, now)
        key = one.public_key()
        if isinstance(key, RSAPublicKey) and key.key_size < LEAST_RSA:
            text = f"the key of {whose} has {key.key_size} bits: clients refuse it"
            flaws.append(Flaw(text, f"Make one of {LEAST_RSA} bits, or of an elliptic curve"))
    flaws += chain_flaws(chain)
    names = names_of(first)
    if not names:
        text = "it has no alternative names (subjectAltName): clients look at nothing else"
        flaws.append(Flaw(text, "Have it made with the names that clients connect to"))
    elif hostname and not is_for(first, hostname):
        text = f"it is not for {hostname}, as the server is called, but for {', '.join(names[:5])}"
        mend = "Have it made for that name, too, if clients connect to it"
        flaws.append(Flaw(text, mend, False))
    return flaws


def _time_flaws(certificate: Certificate, whose: str, now: datetime) -> list[Flaw]:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if end <= now:
        return [Flaw(f"{whose} ended on {end:%Y-%m-%d}: clients refuse it", "Renew it now")]
    if begin > now:
        text = f"{whose} is valid from {begin:%Y-%m-%d %H:%M} on only: clients refuse it"
        return [Flaw(text, "Wait, or look at the clock of this machine")]
    if end <= now + RENEW:
        text = f"{whose} ends on {end:%Y-%m-%d}: its renewal is due"
        return [Flaw(text, "Look why it was not renewed", False)]
    return []


def _is_issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


@cache
def _roots() -> dict[bytes, list[Certificate]]:
    """The authorities that this machine knows, by their names. Reads files, once."""
    where = ssl.get_default_verify_paths()
    found: dict[bytes, list[Certificate]] = {}
    try:
        octets = Path(where.cafile or where.openssl_cafile).read_bytes()
        for one in load_pem_x509_certificates(octets):
            found.setdefault(one.subject.public_bytes(), []).append(one)
    except (OSError, ValueError):
        return {}
    return found
