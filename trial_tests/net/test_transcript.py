"""sora.net.transcript: lines of both sides, however they come, up to a bound."""

import shutil
import tempfile
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from twisted.trial.unittest import SynchronousTestCase

from sora.net import transcript as module
from sora.net.transcript import Transcript, Transcripts

TIME = b"2023-11-14T22:13:20.000Z "


class _File(BytesIO):
    """Remembers what it had when it was closed."""

    def close(self) -> None:
        self.had = self.getvalue()
        super().close()


class TranscriptTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.file = _File()
        self.transcript = Transcript(cast(BinaryIO, self.file), lambda: 1_700_000_000)

    def test_pieces_become_lines(self) -> None:
        """What one side says is not torn by what the other says meanwhile."""
        self.transcript.heard(b"a NO")
        self.transcript.said(b"* 1 EXISTS\r\n* 2")
        self.transcript.heard(b"OP\r\nb LOG")
        self.transcript.said(b" EXPUNGE\r\n")
        self.transcript.close()
        self.assertEqual(
            self.file.had.splitlines(),
            [
                TIME + b"S: * 1 EXISTS",
                TIME + b"C: a NOOP",
                TIME + b"S: * 2 EXPUNGE",
                TIME + b"C: b LOG",
            ],
        )

    def test_it_is_bounded(self) -> None:
        """Then nothing more is written, and nobody is disturbed."""
        self.patch(module, "MOST", 1000)
        transcript = Transcript(cast(BinaryIO, self.file), lambda: 0)
        for _ in range(100):
            transcript.said(b"x" * 50 + b"\n")
        transcript.close()
        self.assertLess(len(self.file.had), 1100)
        self.assertTrue(self.file.had.endswith(b"(this is enough)\n"))

    def test_a_line_that_never_ends_is_not_waited_for(self) -> None:
        self.transcript.heard(b"y" * (module.LONGEST + 1))
        self.assertGreater(len(self.file.getvalue()), module.LONGEST)

    def test_a_name_leads_nowhere_else(self) -> None:
        """An address may have a / in it, and points."""
        directory = Path(tempfile.mkdtemp(prefix="sora-transcripts-"))
        self.addCleanup(shutil.rmtree, directory)
        transcripts = Transcripts(lambda: 0)
        transcripts.change(["../../etc/x@y.z"], str(directory / "t"))
        self.assertTrue(transcripts.wants("../../ETC/x@y.z"))
        begun = transcripts.begin("../../etc/x@y.z", "imap", 1, "192.0.2.1")
        assert begun is not None
        begun.close()
        (file,) = (directory / "t").rglob("*.log")
        self.assertEqual(file.parent.parent, directory / "t")

    def test_a_directory_that_cannot_be_made_disturbs_nobody(self) -> None:
        transcripts = Transcripts(lambda: 0)
        transcripts.change(["a@b.c"], "/proc/nowhere")
        self.assertIsNone(transcripts.begin("a@b.c", "imap", 1, "192.0.2.1"))
