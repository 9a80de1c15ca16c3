"""The unit of `etc/sora.service` below a real systemd, one use after the other.

Each function leaves Sora running. What it finds wrong ends the run.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from trial_tests.deployment.debian import Debian
from trial_tests.system.test_deployment import PASSWORD

USER: Final = "ann@example.com"
CONFIGURATION: Final = "/etc/sora/config.toml"
DROP_IN: Final = "/etc/systemd/system/sora.service.d"
WATCHDOG: Final = 6
"""seconds, instead of the unit's minutes"""
PATIENCE: Final = 60
DELIVER: Final = f"swaks --protocol LMTP --server 127.0.0.1 --to {USER} --from you@example.org"
READ: Final = (
    "curl --silent --show-error --cacert /etc/sora/cert.pem"
    f" --resolve mail.example.com:993:127.0.0.1 --user '{USER}:{PASSWORD}'"
    " 'imaps://mail.example.com:993/INBOX;MAILINDEX=*'"
)


def _must(is_so: bool, what: str) -> None:
    if not is_so:
        raise SystemExit(f"this is not so: {what}")


def _shown(machine: Debian, name: str) -> str:
    return machine.ask(f"systemctl show sora --property {name} --value").stdout.strip()


def _journal(machine: Debian, cursor: str) -> list[dict[str, Any]]:
    """The records since then of who runs in the unit."""
    said = machine.ask(f"journalctl -u sora -o json --after-cursor='{cursor}'").stdout
    return [json.loads(line) for line in said.splitlines()]


def _cursor(machine: Debian) -> str:
    """Where the journal ends now."""
    said = machine.ask("journalctl -n 1 -o json").stdout
    cursor: str = json.loads(said)["__CURSOR"]
    return cursor


def _wait(what: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        _must(time.monotonic() < deadline, what)
        time.sleep(0.5)


def _serves(machine: Debian) -> bool:
    return _shown(machine, "ActiveState") == "active"


def reload(machine: Debian) -> None:
    """systemctl reload reads the configuration, and fails where it is wrong, while Sora goes on"""
    before, right = _shown(machine, "MainPID"), machine.path(CONFIGURATION).read_text()
    machine.path(CONFIGURATION).write_text(f"{right}\n[loging]\n")
    failed = machine.ask("systemctl reload sora")
    _must(failed.returncode != 0, "a wrong configuration is told to who reloads")
    status = machine.ask("systemctl status --lines=20 --no-pager --full sora").stdout
    _must(
        "loging" in status and "config.toml:" in status, f"the status says what is wrong\n{status}"
    )
    machine.path(CONFIGURATION).write_text(f'{right}\n[logging]\noutput = "journald"\n')
    cursor = _cursor(machine)
    machine.type("systemctl reload sora")
    _wait(
        "the log says that it was reloaded",
        lambda: any(
            record["MESSAGE"] == "the configuration was reloaded"
            for record in _journal(machine, cursor)
        ),
    )
    _must(_shown(machine, "MainPID") == before, "a reload is no restart")


def journal(machine: Debian) -> None:
    """with output = "journald" the journal has the fields of each record"""
    cursor = _cursor(machine)
    machine.type(DELIVER)

    def records() -> list[dict[str, Any]]:
        logger = "sora.mailbox.delivery.Delivery"
        return [one for one in _journal(machine, cursor) if one.get("SORA_LOGGER") == logger]

    _wait("the delivery is in the journal", lambda: bool(records()))
    record = records()[0]
    for name, value in {
        "_TRANSPORT": "journal",
        "_SYSTEMD_UNIT": "sora.service",
        "SYSLOG_IDENTIFIER": "sora",
        "PRIORITY": "6",
        "SORA_SENDER": "you@example.org",
        "SORA_RECIPIENTS": f"<{USER}>",
    }.items():
        _must(record.get(name) == value, f"{name} is {value} in {record}")
    found = machine.type("journalctl -u sora --no-pager SORA_SENDER=you@example.org")
    _must("was taken for" in found, f"the journal is searched by field\n{found}")
    machine.type(READ)
    found = machine.type(f"journalctl -u sora --no-pager SORA_USER={USER}")
    _must("imap" in found, f"and so are sessions of a user\n{found}")


def stop(machine: Debian) -> None:
    """systemctl stop: an idling client is told goodbye, a message in DATA is taken"""
    words = ["127.0.0.1", "993", "24", USER, PASSWORD]
    sessions = machine.beside([sys.executable, "-m", "trial_tests.deployment.sessions", *words])
    assert sessions.stdin is not None and sessions.stdout is not None
    _must(sessions.stdout.readline() == "open\n", "both sessions are open")
    sessions.stdin.write("now\n")
    sessions.stdin.flush()
    machine.type("systemctl stop sora")
    heard = json.loads(sessions.communicate(timeout=PATIENCE)[0])
    _must(heard["lmtp"][0].startswith("250 "), f"the message was taken: {heard}")
    _must(heard["imap"][-1].startswith("* BYE "), f"a goodbye: {heard}")
    _must(_shown(machine, "Result") == "success", "that was an end in order")
    machine.type("systemctl start sora")
    _must("in the middle" in machine.type(READ), "the message is there")
    status = machine.ask("systemctl status --no-pager sora").stdout
    _must("servers serve" in status, f"the status says so\n{status}")


def watchdog(machine: Debian) -> None:
    """a process that hangs is started anew, and so is one that was killed"""
    machine.path(DROP_IN).mkdir(parents=True, exist_ok=True)
    machine.path(f"{DROP_IN}/short.conf").write_text(f"[Service]\nWatchdogSec={WATCHDOG}\n")
    machine.type("systemctl daemon-reload; systemctl restart sora")
    for number, sign in enumerate(("STOP", "KILL"), 1):
        machine.type(f"systemctl kill --kill-whom=main --signal={sign} sora")
        _wait(
            f"it serves again after SIG{sign}",
            lambda number=number: _shown(machine, "NRestarts") == str(number) and _serves(machine),
        )
    time.sleep(2 * WATCHDOG)
    _must(_shown(machine, "NRestarts") == "2", "one that lives gives signs of life")
    machine.path(f"{DROP_IN}/short.conf").unlink()
    machine.type("systemctl daemon-reload; systemctl restart sora")


def refuse(machine: Debian) -> None:
    """a start with a wrong configuration says what is wrong, and is tried until it is right"""
    right = machine.path(CONFIGURATION).read_text()
    machine.path(CONFIGURATION).write_text(f"{right}\n[loging]\n")
    _must(machine.ask("systemctl restart sora").returncode != 0, "the start fails")
    _wait("the status says why", lambda: "loging" in _shown(machine, "StatusText"))
    machine.path(CONFIGURATION).write_text(right)
    _wait("it serves", lambda: _serves(machine))


def database(machine: Debian) -> None:
    """a start without the database is tried until there is one"""
    cursor = _cursor(machine)
    machine.type("systemctl stop postgresql")
    failed = machine.ask("systemctl restart sora")
    _must(failed.returncode != 0, "the start fails")
    time.sleep(PATIENCE)
    _must(_shown(machine, "ActiveState") == "activating", "it is still tried")
    _wait("the status says why", lambda: "cannot be reached" in _shown(machine, "StatusText"))
    said = [str(record["MESSAGE"]) for record in _journal(machine, cursor)]
    _must(any("cannot be reached" in line for line in said), f"and so does the journal: {said}")
    machine.type("systemctl start postgresql")
    _wait("it serves", lambda: _serves(machine))
    machine.type(READ)


def boot(machine: Debian) -> None:
    """after a boot of the machine mail is served"""
    machine.close()
    machine.boot()
    _wait("it serves", lambda: _serves(machine))
    _must("Subject: " in machine.type(READ), "the mail is there")


USES: Final = (reload, journal, stop, watchdog, refuse, database, boot)
"""in this order: the journal is chosen by a reload"""
