"""A Dovecot of a test's own: high ports, a directory of its own, one password for everybody."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TypeVar
from unittest import TestCase

from trial_tests.support.ports import free_port
from trial_tests.support.programs import require_program
from trial_tests.support.sora_process import EMAIL

PASSWORD = "dovecot-password"


class Dovecot:
    """`dovecot -F`, from `start` to `stop`. Its clock is in UTC."""

    def __init__(self, program: str, directory: Path) -> None:
        self.program = program
        self.imap = free_port()
        self.log = directory / "log"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, wait: float = 30) -> None:
        """Start, and wait until it takes connections."""
        config = self._directory / "dovecot.conf"
        config.write_text(self._configuration())
        self._process = subprocess.Popen(
            [self.program, "-F", "-c", str(config)], env={**os.environ, "TZ": "UTC"}
        )
        deadline = time.monotonic() + wait
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.imap), 1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"Dovecot did not start:\n{self.log.read_text()[-3000:]}")
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop it with all its processes."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _configuration(self) -> str:
        owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        mail = self._directory / "mail"
        mail.mkdir(exist_ok=True)
        os.chown(mail, owner.pw_uid, owner.pw_gid)
        home = self._directory
        return f"""
base_dir = {home}/run
state_dir = {home}/state
log_path = {self.log}
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
mail_fsync = never
mail_location = sdbox:~/sdbox
first_valid_uid = 1
default_internal_user = {owner.pw_name}
default_login_user = {owner.pw_name}
default_internal_group = {_group(owner)}
import_environment = TZ
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={mail}/%u
}}
namespace inbox {{
  inbox = yes
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


class MaildirDovecot(Dovecot):
    """One that keeps mail in `<directory>/mail/<user>/Maildir`."""

    def _configuration(self) -> str:
        return (
            super()._configuration().replace("sdbox:~/sdbox", "maildir:~/Maildir")
            + "namespace inbox {\n  separator = .\n}\nmaildir_stat_dirs = yes\n"
            + "mail_plugins = $mail_plugins zlib\n"
        )

    @property
    def home(self) -> Path:
        """Where the user's mail is."""
        return self._directory / "mail" / EMAIL


def _group(owner: pwd.struct_passwd) -> str:
    import grp

    return grp.getgrgid(owner.pw_gid).gr_name


D = TypeVar("D", bound=Dovecot)


def dovecot(test: TestCase) -> Dovecot:
    """A Dovecot that runs until the test (or class: pass `cls`) ends. Skips without one."""
    return dovecot_of(test, Dovecot)


def dovecot_of(test: TestCase, kind: type[D]) -> D:
    """The same, of a kind."""
    program = require_program(test, "dovecot", "dovecot-imapd")
    directory = tempfile.mkdtemp(prefix="sora-dovecot-")
    test.addCleanup(shutil.rmtree, directory, True)
    os.chmod(directory, 0o755)
    server = kind(program, Path(directory))
    test.addCleanup(server.stop)
    server.start()
    return server
