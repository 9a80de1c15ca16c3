"""A Postfix of a test's own: its configuration, queue and ports are apart from the system's.

It delivers to example.com and example.org over LMTP, takes mail from this machine on `port`, and on
`submission` only over TLS and with a password.
"""

import os
import shutil
import signal
import smtplib
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from unittest import TestCase

from sora.tls.self_signed import self_signed
from trial_tests.support.ports import free_port
from trial_tests.support.programs import require_program

USER, PASSWORD = "sora", "relay-password"


class Postfix:
    """`postfix start` and `stop`; starting again is possible. Blocking."""

    def __init__(self, program: str, saslpasswd: str) -> None:
        self.port, self.submission = free_port(), free_port()
        self._program = program
        self._saslpasswd = saslpasswd
        self.directory = Path(tempfile.mkdtemp(prefix="sora-postfix-"))
        self.directory.chmod(0o755)
        self.certificate = self.directory / "tls"
        self.process: subprocess.Popen[bytes] | None = None
        self._write()

    def deliver_to(self, lmtp_port: int) -> None:
        """Where mail for the two domains goes."""
        with (self.directory / "etc" / "main.cf").open("a") as file:
            file.write(f"relay_transport = lmtp:inet:127.0.0.1:{lmtp_port}\n")
            file.write("lmtp_send_xforward_command = yes\n")

    @property
    def ca_file(self) -> str:
        """The certificate, which its clients have to trust."""
        return str(self.certificate / "self-signed.pem")

    @property
    def log(self) -> str:
        """All that it has written."""
        log = self.directory / "postfix.log"
        return log.read_text() if log.exists() else ""

    def start(self, wait: float = 60) -> None:
        """Start, and wait until it greets."""
        self.process = subprocess.Popen(
            [self._program, "-c", str(self.directory / "etc"), "start-fg"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + wait
        while True:
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=10):
                    return
            except (OSError, smtplib.SMTPException):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError(f"Postfix did not start:\n{self.log[-3000:]}") from None
                time.sleep(0.1)

    def stop(self) -> None:
        """Stop it with all its processes."""
        process, self.process = self.process, None
        if process is None:
            return
        # What was started is a script; the server that it started is in its file.
        master = self._master()
        if master:
            os.kill(master, signal.SIGTERM)
        else:
            process.terminate()
        process.wait(30)
        deadline = time.monotonic() + 30
        while master and Path(f"/proc/{master}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _master(self) -> int:
        """The process of the server; 0 if there is none yet."""
        try:
            return int((self.directory / "queue" / "pid" / "master.pid").read_text())
        except (OSError, ValueError):
            return 0

    def remove(self) -> None:
        """Stop it, and remove all that it has left."""
        self.stop()
        shutil.rmtree(self.directory, True)

    def inject(self, sender: str, recipient: str, message: bytes, host: str = "127.0.0.1") -> None:
        """Mail from outside; `host` is the address of the client."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=20, source_address=(host, 0)) as client:
            client.sendmail(sender, [recipient], message)

    def _write(self) -> None:
        for name in ("etc", "etc/sasl", "queue", "data"):
            (self.directory / name).mkdir(mode=0o755)
        shutil.chown(self.directory / "data", "postfix")
        files = self_signed(self.certificate, "relay.example", datetime.now(UTC))
        self.certificate.chmod(0o755)
        (self.directory / "etc" / "main.cf").write_text(
            f"""compatibility_level = 3.6
queue_directory = {self.directory}/queue
data_directory = {self.directory}/data
maillog_file = {self.directory}/postfix.log
maillog_file_prefixes = {self.directory}
myhostname = relay.example
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_dns_support_level = disabled
relay_domains = example.com, example.org
default_transport = discard
smtpd_tls_cert_file = {files.cert_file}
smtpd_tls_key_file = {files.key_file}
smtpd_tls_security_level = may
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtputf8_enable = no
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
"""
        )
        submission = (
            "-o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes"
            " -o smtpd_relay_restrictions=permit_sasl_authenticated,reject"
            " -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject"
        )
        services = f"""127.0.0.1:{self.port} inet n - n - - smtpd
127.0.0.1:{self.submission} inet n - n - - smtpd {submission}
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""
        (self.directory / "etc" / "master.cf").write_text(services)
        database = self.directory / "etc" / "sasl" / "sasldb2"
        (self.directory / "etc" / "sasl" / "smtpd.conf").write_text(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
            f"mech_list: PLAIN LOGIN CRAM-MD5\nsasldb_path: {database}\n"
        )
        subprocess.run(
            [self._saslpasswd, "-p", "-c", "-f", str(database), "-u", "relay.example", USER],
            input=PASSWORD.encode(),
            check=True,
            capture_output=True,
        )
        shutil.chown(database, "postfix")


def postfix_for(test: TestCase) -> Postfix:
    """A Postfix for this test, not started, removed afterwards. Its daemons need root."""
    program = require_program(test, "postfix", "postfix")
    saslpasswd = require_program(test, "saslpasswd2", "sasl2-bin")
    if os.geteuid() != 0:
        test.skipTest("Postfix can only be started by root")
    postfix = Postfix(program, saslpasswd)
    test.addCleanup(postfix.remove)
    return postfix
