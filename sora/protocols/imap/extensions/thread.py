"""THREAD=ORDEREDSUBJECT, THREAD=REFERENCES (RFC 5256) and THREAD=REFS: each an algorithm."""

from sora.mail.threads import ordered_subject, references, refs
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

ORDERED_SUBJECT = Extension(
    Capability(b"THREAD=ORDEREDSUBJECT"),
    thread_algorithms={b"ORDEREDSUBJECT": ordered_subject},
)
REFERENCES = Extension(
    Capability(b"THREAD=REFERENCES"),
    thread_algorithms={b"REFERENCES": references},
)
REFS = Extension(
    Capability(b"THREAD=REFS"),
    thread_algorithms={b"REFS": refs},
)
