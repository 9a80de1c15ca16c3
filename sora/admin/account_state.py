"""`sora-admin accounts show`, `exists`, `disable` and `enable`."""

from argparse import ArgumentParser, Namespace
from typing import Any, Final

from sora.admin.accounts import account_fields, add_email, credential_fields
from sora.admin.command import Command, CommandFailed, Report, Store
from sora.admin.output import size_text, time_text
from sora.admin.retention import rule_fields
from sora.errors import SoraError
from sora.operations.account_details import AccountDetail
from sora.storage.rows import AccountRow

PATIENCE: Final = 3.0
"""seconds that a server may take to end sessions"""
UNKNOWN: Final = 2
"""how `exists` ends when nobody can tell"""


class Show(Command):
    """Show an account."""

    words = ("accounts", "show")
    summary = (
        "show an account as a whole: addresses, use and limits, filter, and whether it is open"
    )
    examples = (
        "accounts show --email ann@example.com",
        "accounts show --email sales@example.com --json",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser, "any address of the account, also of one that is deleted")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        detail = await store.details.show(given.email)
        fields = _fields(detail)
        width = max(map(len, (name for name, _ in _lines(detail))))
        text = "\n".join(f"{name:<{width}}  {value}" for name, value in _lines(detail))
        report.text(text, **fields)


class Exists(Command):
    """Ask for an account."""

    words = ("accounts", "exists")
    summary = "say whether an address is an account's, by the exit code: 0 it is, 1 it is not"
    examples = (
        "accounts exists --email ann@example.com",
        "accounts exists --email ann@example.com --quiet",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser, "an address, also an alias")
        parser.add_argument("--quiet", action="store_true", help="print nothing")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        try:
            there = await store.accounts.exists(given.email)
        except SoraError as error:
            raise CommandFailed(error.text, UNKNOWN) from None
        if not given.quiet:
            text = "is" if there else "is not"
            report.text(
                f"{given.email} {text} the address of an account", email=given.email, exists=there
            )
        if not there:
            raise CommandFailed


class Disable(Command):
    """Disable an account."""

    words = ("accounts", "disable")
    summary = "let nobody log in to an account, and end its sessions; its mail goes on to arrive"
    examples = (
        "accounts disable --email ann@example.com",
        "accounts disable --email ann@example.com --reason unpaid",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser)
        parser.add_argument("--reason", default="", help="why: for operators, users never see it")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.accounts.disable(given.email, given.reason)
        ended = await end_sessions(store, row.address)
        report.say(f"disabled {row.address}", **account_fields(row), sessions_ended=ended)


class Enable(Command):
    """Enable an account."""

    words = ("accounts", "enable")
    summary = "let people log in to an account that was disabled"
    examples = ("accounts enable --email ann@example.com",)

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.accounts.enable(given.email)
        report.say(f"enabled {row.address}", **account_fields(row))


async def end_sessions(store: Store, address: str) -> int | None:
    """End the sessions of an account on the server of `[admin] api_url`; gives how many there were,
    None when no server answers."""
    try:
        answer = await store.api.post("/connections/kick", {"user": address}, PATIENCE)
    except CommandFailed:
        return None
    return int(answer["kicked"])


def _fields(detail: AccountDetail) -> dict[str, Any]:
    quota = detail.quota
    return {
        **account_fields(detail.account),
        "restorable_until": detail.restorable_until,
        "quota_mailboxes": None if quota is None else quota.limits.mailboxes,
        "addresses": [credential_fields(row) for row in detail.credentials],
        "aliases": [row.address for row in detail.aliases],
        "script": detail.script,
        "retention": [rule_fields(rule) for rule in detail.retention],
    }


def _lines(detail: AccountDetail) -> list[tuple[str, str]]:
    row = detail.account
    lines = [("email", row.address), ("created", time_text(row.created_at))]
    lines.append(("state", _state(row, detail)))
    lines.append(("last login", _last_login(detail)))
    for credential in detail.credentials:
        kind = "logs in" if credential.primary else "logs in, too"
        schemes = "; ".join(credential_fields(credential)["schemes"]) or "without a password"
        lines.append((kind, f"{credential.address} ({schemes})"))
    lines += [("alias", alias.address) for alias in detail.aliases]
    boxes = None if detail.quota is None else detail.quota.limits.mailboxes
    lines.append(("mailboxes", _used(row.mailboxes, boxes)))
    lines.append(("messages", _used(row.messages, row.quota_messages)))
    limit = row.quota_storage
    of = "no limit" if limit is None else f"of {size_text(limit)}"
    lines.append(("storage", f"{size_text(row.storage)} ({of})"))
    if row.deleted_at is None:
        lines.append(("script", detail.script or "none is active"))
        for rule in detail.retention:
            fields = rule_fields(rule)
            lines.append(
                ("kept", f"{fields['mailboxes']}: {fields['max age']} (says {fields['owner']})")
            )
    return lines


def _state(row: AccountRow, detail: AccountDetail) -> str:
    state = "open"
    if row.disabled and row.disabled_at is not None:
        why = f": {row.disabled_reason}" if row.disabled_reason else ""
        state = f"disabled since {time_text(row.disabled_at)}{why}"
    if row.deleted_at is not None and detail.restorable_until is not None:
        until = time_text(detail.restorable_until)
        state = f"deleted {time_text(row.deleted_at)}, can be restored until {until}"
    return state


def _last_login(detail: AccountDetail) -> str:
    """With the address of the user, where there are several."""
    login = detail.account.last_login
    if login is None:
        return "never"
    by = [each.address for each in detail.credentials if each.last_login == login]
    name = f" as {by[0]}" if by and len(detail.credentials) > 1 else ""
    return f"{time_text(login.at)} by {login.protocol} from {login.address}{name}"


def _used(used: int, limit: int | None) -> str:
    return f"{used} ({'no limit' if limit is None else f'of {limit}'})"
