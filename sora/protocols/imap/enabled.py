"""What a client has said that it understands (RFC 5161): answers take forms then that would
confuse others."""

from collections.abc import Mapping, Sequence


class Enabled:
    """The extensions that are enabled in a session; there is no way back (RFC 5161 §3.1).

    `implied` names the extensions that come with one.
    """

    def __init__(self, implied: Mapping[bytes, Sequence[bytes]]) -> None:
        self._implied = implied
        self._names: set[bytes] = set()

    def __contains__(self, name: bytes) -> bool:
        return name in self._names

    def add(self, name: bytes) -> None:
        """Enable an extension, and what it implies."""
        self._names.update((name, *self._implied.get(name, ())))

    @property
    def condstore(self) -> bool:
        """Whether FETCH responses that nobody asked for have MODSEQ (RFC 7162 §3.1)."""
        return b"CONDSTORE" in self._names

    @property
    def qresync(self) -> bool:
        """Whether the client resynchronises by modseq (RFC 7162 §3.2)."""
        return b"QRESYNC" in self._names

    @property
    def vanished(self) -> bool:
        """Whether VANISHED takes the place of EXPUNGE (RFC 7162 §3.2.10, RFC 9586 §3.4)."""
        return self.qresync or self.uidonly

    @property
    def uidonly(self) -> bool:
        """Whether there are no message numbers any more, neither way (RFC 9586 §3)."""
        return b"UIDONLY" in self._names

    @property
    def utf8(self) -> bool:
        """Whether strings may have UTF-8 in them (RFC 6855, RFC 9051 §5.1)."""
        return b"UTF8=ACCEPT" in self._names or self.rev2

    @property
    def rev2(self) -> bool:
        """Whether answers are those of IMAP4rev2 (RFC 9051)."""
        return b"IMAP4REV2" in self._names
