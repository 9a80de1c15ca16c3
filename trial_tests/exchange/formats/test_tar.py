"""tar archives: what programs write, and what nobody should."""

import tarfile
from io import BytesIO

from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadArgument
from sora.exchange.formats.tar import (
    BLOCK,
    MAX_EXTENDED,
    MAX_LEVELS,
    MAX_NAME,
    Entry,
    Kind,
    entries,
)

END = bytes(2 * BLOCK)
LONG = "x" * 120 + "/" + "y" * 90


def member(name: str, data: bytes = b"", **about: object) -> bytes:
    """An entry, as it stands in a pax archive."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in about.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.PAX_FORMAT) + data + bytes(-len(data) % BLOCK)


class TarTests(SynchronousTestCase):
    """In all formats that programs write."""

    def test_what_programs_write(self) -> None:
        """Names that are long, times, sizes, links, in the formats of POSIX and of GNU (G29)."""
        for format in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            with self.subTest(format):
                octets = BytesIO()
                with tarfile.open(fileobj=octets, mode="w", format=format) as tar:
                    for name, data in (("./a/b", b"hello"), (LONG, b"x" * 1000), ("empty", b"")):
                        info = tarfile.TarInfo(name)
                        info.size, info.mtime = len(data), 1_000_000_000
                        tar.addfile(info, BytesIO(data))
                    for name, kind in (("d", tarfile.DIRTYPE), ("l", tarfile.LNKTYPE)):
                        info = tarfile.TarInfo(name)
                        info.type, info.linkname = kind, "./a/b"
                        tar.addfile(info)
                    for kind in (tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
                        info = tarfile.TarInfo("o")
                        info.type, info.linkname = kind, "/etc/passwd"
                        tar.addfile(info)
                archive = octets.getvalue()
                found = list(entries(archive))
                files = [one for one in found if one.kind is Kind.FILE]
                self.assertEqual(
                    [(b"/".join(one.levels), self.data(archive, one)) for one in files],
                    [(b"a/b", b"hello"), (LONG.encode(), b"x" * 1000), (b"empty", b"")],
                )
                self.assertEqual({one.mtime for one in files}, {1_000_000_000})
                directory, link, *others = found[3:]
                self.assertEqual((directory.levels, directory.kind), ((b"d",), Kind.DIRECTORY))
                self.assertEqual((link.kind, link.target), (Kind.LINK, (b"a", b"b")))
                self.assertEqual([one.kind for one in others], [Kind.OTHER] * 3)

    def data(self, archive: bytes, entry: Entry) -> bytes:
        return archive[entry.offset : entry.offset + entry.size]

    def test_what_is_cut_off(self) -> None:
        """Wherever it was cut, it is told: it is not half of what was sent."""
        whole = member("a", b"x" * 700) + member(LONG, b"y") + END
        self.assertEqual(len(list(entries(whole))), 2)
        for length in range(0, len(whole) - len(END) + 1, 100):
            with self.subTest(length):
                self.refused(whole[:length])

    def test_what_leads_out(self) -> None:
        """Absolute names and those with `..`, also in what a header says more, and of links (G38)."""
        for name in ("/etc/passwd", "../a", "a/../../b", "a/..", f"/{LONG}", f"../{LONG}"):
            self.refused(member(name) + END, "leads out")
        self.refused(member("a", type=tarfile.LNKTYPE, linkname="../b") + END, "leads out")
        self.refused(member("a", pax_headers={"path": "a\0b"}) + END, "leads out")

    def test_what_is_too_large(self) -> None:
        """Names, levels and headers have bounds, whatever they say of themselves (G55)."""
        self.refused(member("x" * (MAX_NAME + 1)) + END, "too long")
        self.refused(member("x/" * (MAX_LEVELS + 1) + "y") + END, "too long")
        header = member("h", b"x" * (MAX_EXTENDED + 1), type=b"x")
        self.refused(header + END, "A header")
        self.refused(member("h", b"x" * (MAX_EXTENDED + 1), type=b"L") + END, "A header")
        huge = tarfile.TarInfo("a")
        huge.size = 1 << 50
        self.refused(huge.tobuf(tarfile.GNU_FORMAT) + END, "cut off")
        self.refused(huge.tobuf(tarfile.PAX_FORMAT) + END, "cut off")

    def test_what_is_not_what_it_says(self) -> None:
        """Sums, numbers, records, octets behind what is no file; sparse files."""
        sound = member("a", b"x")
        self.refused(b"", "no tar")
        self.refused(b"From a@b\n" * 200, "no tar")
        self.refused(sound + b"x" * BLOCK + END, "damaged")
        self.refused(self.with_size(b"\xff" * 12) + END, "none")
        self.refused(self.with_size(b"12345678901x") + END, "none")
        for records in (b"x", b"99 path=a\n", b"9 path=a\n\n", b"0 \n", b"12 size=-1  \n"):
            self.refused(member("h", records, type=b"x") + sound + END)
        self.refused(member("h", b"12 size=-12\n", type=b"x") + sound + END, "none")
        self.refused(member("h", b"25 GNU.sparse.name=abcde\n", type=b"x") + sound + END, "Sparse")
        self.refused(member("a", b"x", type=b"S") + END, "Sparse")
        for kind in (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE):
            self.refused(member("a", b"x" * BLOCK, type=kind) + END, "has octets")

    def with_size(self, size: bytes) -> bytes:
        """A header that says this of what is behind it."""
        block = bytearray(member("a"))
        block[124:136] = size
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        return bytes(block)

    def refused(self, archive: bytes, why: str = "") -> None:
        error = self.assertRaises(BadArgument, lambda: list(entries(archive)))
        self.assertIn(why, error.text)
