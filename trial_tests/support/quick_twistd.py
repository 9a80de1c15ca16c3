"""`twistd` without the seconds that its imports take: a process that has them already forks for
each call. For tests that type many commands; what runs is `twistd` itself, with its plugins.

`python -m trial_tests.support.quick_twistd SOCKET` serves until it is ended.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60

_CLIENT = """\
#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    words = json.dumps([os.getcwd(), sys.argv[1:]]).encode()
    socket.send_fds(server, [words], [0, 1, 2])
    sys.exit(int(server.recv(16) or b"70"))
"""


class QuickTwistd:
    """A directory `programs` with a `twistd` in it, to be put before the others in PATH."""

    def __init__(self, directory: Path) -> None:
        self._socket = directory / "twistd.socket"
        self.programs = directory / "bin"
        self.programs.mkdir()
        program = self.programs / "twistd"
        program.write_text(_CLIENT.format(python=sys.executable, path=str(self._socket)))
        program.chmod(0o755)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, str(self._socket)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        """Until it can be called."""
        deadline = time.monotonic() + START_SECONDS
        while not self._socket.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the quick twistd did not start")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


@cache
def shared_twistd() -> QuickTwistd:
    """One for all tests of this process, which ends with it."""
    directory = Path(mkdtemp(prefix="sora-twistd-"))
    atexit.register(rmtree, directory, ignore_errors=True)
    twistd = QuickTwistd(directory)
    atexit.register(twistd.stop)  # runs before the line above
    twistd.wait()
    return twistd


def _serve(path: str) -> None:
    # What takes its time, as far as it imports no reactor: each child must have its own.
    import treq.client  # noqa: F401
    from twisted.scripts.twistd import run

    import sora.app.admin_store
    import sora.app.exchange
    import sora.app.filtering_stored
    import sora.protocols.http.spoken
    import sora.protocols.imap.service  # noqa: F401
    from sora.admin.commands import all_commands

    all_commands()
    assert "twisted.internet.reactor" not in sys.modules
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            caller, _ = listener.accept()
            with caller:
                words, files, _, _ = socket.recv_fds(caller, 65536, 3)
                child = os.fork()
                if child == 0:
                    listener.close()
                    caller.close()
                    os._exit(_call(run, words, files))
                for file in files:
                    os.close(file)
                _, status = os.waitpid(child, 0)
                caller.sendall(b"%d" % os.waitstatus_to_exitcode(status))


def _call(run, words: bytes, files: list[int]) -> int:  # type: ignore[no-untyped-def]
    for number, file in enumerate(files):
        os.dup2(file, number)
    place, arguments = json.loads(words)
    os.chdir(place)
    sys.argv = ["twistd", *arguments]
    try:
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        code = 0 if end.code is None else code
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    _serve(sys.argv[1])
