"""How long a maildir takes to import and to export, and how much memory: run by hand.

    python -m bench.migration --messages 200000
    python -m bench.migration --messages 20000 --size 500000    # 10 GB

Makes a maildir with Dovecot's list of UIDs, half of it in INBOX and the rest in three folders,
starts a Sora of its own, and runs `sora-admin import-maildir --preserve-uids` (killed once in the
middle with `--kill`), again with nothing to do, and `export-maildir`; both are compared by their
UIDs.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from random import Random

from bench.servers import USER, Sora

FOLDERS = ("", ".Sent", ".Archive.2024", ".Entw&APw-rfe")
WORDS = 4000


def write_maildir(root: Path, messages: int, size: int) -> int:
    """Make it; gives its octets."""
    random = Random(7)
    letters = "abcdefghijklmnop"
    words = ["".join(random.choices(letters, k=random.randint(3, 10))) for _ in range(WORDS)]
    octets = 0
    for place, folder in enumerate(FOLDERS):
        directory = root / folder
        for sub in ("cur", "new", "tmp"):
            (directory / sub).mkdir(parents=True)
        count = messages // 2 if not folder else messages // 6
        lines = [f"3 V{1_500_000_000 + place} N{count + 1} G{place:032x}\n"]
        for number in range(1, count + 1):
            data = _message(random, words, f"{place}.{number}", size)
            base = f"{1_500_000_000 + number}.M{place}P1.bench,S={len(data)}"
            (directory / "cur" / f"{base}:2,S").write_bytes(data)
            lines.append(f"{number} :{base}\n")
            octets += len(data)
        (directory / "dovecot-uidlist").write_text("".join(lines))
    return octets


def _message(random: Random, words: list[str], name: str, size: int) -> bytes:
    head = (
        f"From: Ann <ann@example.org>\nTo: bench@bench.example\n"
        f"Subject: {name} {random.choice(words)}\n"
        f"Message-ID: <{name}@bench.example>\nDate: Tue, 1 Oct 2024 10:00:00 +0000\n\n"
    )
    body, left = [], random.randint(size // 2, size * 3 // 2)
    text = " ".join(random.choices(words, k=min(left // 7 + 1, 2000)))
    while left > 0:
        body.append(text[:left])
        left -= len(text)
    return (head + "\n".join(body) + "\n").encode()


def run(words: list[str], kill_after: float = 0) -> tuple[float, int, str]:
    """Seconds, the most memory in octets, and what was printed last."""
    twistd = str(Path(sys.executable).parent / "twistd")
    began = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([twistd, "sora-admin", *words], stdout=out, stderr=out)
        if kill_after:
            time.sleep(kill_after)
            process.send_signal(signal.SIGKILL)
        _, _, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        out.seek(0)
        lines = out.read().decode().splitlines()
    return seconds, usage.ru_maxrss * 1024, lines[-1] if lines else "(killed)"


def main() -> None:
    """Make the maildir, and print a line for each run."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=4000, help="octets of a message, on average")
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--kill", type=float, default=0, help="kill the first run after seconds")
    parser.add_argument("--import-only", action="store_true")
    given = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="sora-migration-"))
    directory.chmod(0o755)
    try:
        octets = write_maildir(directory / "Maildir", given.messages, given.size)
        print(f"{given.messages} messages, {octets / 1e6:.0f} MB", flush=True)
        sora = Sora(directory)
        try:
            where = ["--email", USER, "--dir", str(directory / "sora"), "--jobs", given.jobs]
            bring = ["import-maildir", "--path", str(directory / "Maildir"), "--preserve-uids"]
            take = ["export-maildir", "--path", str(directory / "out")]
            if given.kill:
                _tell("import, killed", given.messages, *run(bring + where, given.kill))
            runs = [("import", bring), ("import again", bring)]
            if not given.import_only:
                runs += [("export", take), ("export again", take)]
            for name, words in runs:
                _tell(name, given.messages, *run(words + where))
        finally:
            sora.stop()
        for folder in () if given.import_only else FOLDERS:
            before, after = (_uids(directory / one / folder) for one in ("Maildir", "out"))
            print(f"{folder or 'INBOX'}: UIDs are {'the same' if before == after else 'OTHERS'}")
    finally:
        shutil.rmtree(directory, True)


def _tell(name: str, messages: int, seconds: float, memory: int, said: str) -> None:
    rate = messages / seconds
    print(f"{name:15} {seconds:8.1f} s  {rate:8.0f}/s  {memory / 1e6:6.0f} MB  {said}", flush=True)


def _uids(directory: Path) -> tuple[str, list[int]]:
    head, *lines = (directory / "dovecot-uidlist").read_text().splitlines()
    return head.split()[1], [int(line.split()[0]) for line in lines]


if __name__ == "__main__":
    main()
