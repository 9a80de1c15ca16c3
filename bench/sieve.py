"""`./dev bench --sieve`: scripts per second, in one process, and Pigeonhole's `sieve-test` beside.

What is measured of Sora is `compile_script` and `run` alone, with a message that is at hand. What
is measured of Pigeonhole is a process: it starts, reads the compiled script and the message, and
ends; the start dominates. The row "empty" tells how much of it that is."""

import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from sora.sieve.compile import compile_script
from sora.sieve.effects import ReadMessage
from sora.sieve.message import Envelope, Message
from sora.sieve.run import Context, run

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BODY = b"".join(b"Line %d of a letter that is as long as letters are.\r\n" % n for n in range(70))
MESSAGE = (
    b"Return-Path: <sender@example.org>\r\n"
    b"Received: from a.example (a.example [192.0.2.1])\r\n\tby b.example with ESMTP id 1;\r\n"
    b"\tThu, 1 Jan 2026 00:00:00 +0000\r\n"
    b"From: Somebody <sender@example.org>\r\nTo: user@example.com\r\n"
    b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= and more\r\nMessage-ID: <1@example.org>\r\n"
    b"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + BODY
)
RULES = "".join(
    f'if header :contains "Subject" "word{n}" {{ fileinto "Folder{n}"; stop; }}\n'
    if n % 2
    else f'if address :domain "From" "host{n}.example" {{ fileinto "Folder{n}"; stop; }}\n'
    for n in range(100)
)
SCRIPTS = {
    "empty": "keep;",
    "simple": 'require "fileinto";\nif header :contains "Subject" "more" { fileinto "More"; }',
    "100 rules, none of which matches": f'require "fileinto";\n{RULES}',
    "variables and :matches": (
        'require ["variables", "fileinto"];\nif header :matches "Subject" "* and *" '
        '{ set :lower "name" "${1}"; fileinto "Lists/${name}"; }'
    ),
    "body, 4 KB": 'require ["body", "fileinto"];\nif body :contains "not in it" { fileinto "x"; }',
}


def main() -> int:
    """Measure, and print a table."""
    beside = shutil.which("sieve-test") is not None and os.geteuid() == 0
    print(
        f"| script | compiled | run | per second |{' `sieve-test`, a process |' if beside else ''}"
    )
    print("| --- | ---: | ---: | ---: |" + (" ---: |" if beside else ""))
    for name, source in SCRIPTS.items():
        compiled = best(lambda source=source: compile_script(source), 20)
        script = compile_script(source)
        took = best(lambda script=script: once(script), 300)
        row = f"| {name} | {text(compiled)} | {text(took)} | {1 / took:,.0f} |"
        print(row + (f" {text(pigeonhole(source))} |" if beside else ""))
    return 0


def once(script) -> None:
    """One delivery's worth: the header is read anew, the body is handed over when asked for."""
    message = Message.of(MESSAGE, envelope=Envelope("sender@example.org", "user@example.com"))
    running = run(script, message, Context(now=NOW))
    try:
        question = next(running)
        while True:
            assert isinstance(question, ReadMessage)
            question = running.send(MESSAGE[: question.limit])
    except StopIteration as done:
        assert done.value.error is None


def best(work, times: int) -> float:
    """Seconds of one call: the best of five series."""
    series = []
    for _ in range(5):
        before = perf_counter()
        for _ in range(times):
            work()
        series.append((perf_counter() - before) / times)
    return min(series)


def pigeonhole(source: str) -> float:
    """Seconds of a `sieve-test` with a script that it has compiled before."""
    with tempfile.TemporaryDirectory(prefix="sora-bench-") as name:
        directory = Path(name)
        directory.chmod(0o777)
        (directory / "x.conf").write_text(
            f"ssl = no\nmail_location = maildir:{directory}/mail\n"
            "postmaster_address = postmaster@example.com\n"
            "mail_uid = nobody\nmail_gid = nogroup\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n"
        )
        (directory / "x.sieve").write_text(source)
        (directory / "x.eml").write_bytes(MESSAGE)
        command = ["sieve-test", "-c", "x.conf", "x.sieve", "x.eml"]
        environment = {**os.environ, "HOME": name}

        def start() -> None:
            subprocess.run(
                command, cwd=name, env=environment, check=True, timeout=30, capture_output=True
            )

        start()
        return best(start, 10)


def text(seconds: float) -> str:
    """With its unit."""
    return f"{seconds * 1e6:.0f} µs" if seconds < 0.001 else f"{seconds * 1000:.2f} ms"


if __name__ == "__main__":
    raise SystemExit(main())
