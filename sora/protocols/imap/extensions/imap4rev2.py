"""IMAP4rev2 (RFC 9051) beside IMAP4rev1: what is another way once ENABLE IMAP4rev2 was said.

Most of it are extensions that rev1 has too. The rest stands where it is done: names of
mailboxes in UTF-8 (`Session.spelled`), LIST in the answer of SELECT and CREATE, ESEARCH instead of
SEARCH, no \\Recent and no UNSEEN (appendix E).
"""

from sora.protocols.imap.capabilities import Capability, When
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(
    Capability(
        b"IMAP4rev2",
        when=When.ALWAYS,
        contains=(
            b"NAMESPACE",
            b"UNSELECT",
            b"UIDPLUS",
            b"ESEARCH",
            b"SEARCHRES",
            b"ENABLE",
            b"IDLE",
            b"SASL-IR",
            b"LIST-EXTENDED",
            b"LIST-STATUS",
            b"MOVE",
            b"BINARY",
            b"STATUS=SIZE",
            b"SPECIAL-USE",
        ),
    ),
    enables=True,
)
