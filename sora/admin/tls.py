"""`sora-admin tls …`: the certificates of a configuration, and whether servers serve them."""

from argparse import ArgumentParser, Namespace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sora.admin.command import Command, CommandFailed, Report, Store

if TYPE_CHECKING:
    from sora.operations.tls import CertificateRow, CheckedServer

_SERVED = {
    "same": "and serves it",
    "other": "and does not serve it",
    "nothing": "does not run",
    "unknown": "was not seen to serve it",
}


class ListCertificates(Command):
    """Show what there is."""

    words = ("tls", "list")
    summary = "show the certificates that the configuration names, each once"
    examples = ("tls list", "tls list --json")
    needs_database = False

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        rows = await store.tls().certificates()
        if given.json:
            report.table((), [certificate_fields(row) for row in rows])
        elif rows:
            report.text("\n\n".join(map(_certificate_text, rows)))
        else:
            report.say("No server has a certificate")
        if unread := [row for row in rows if row.problem]:
            raise CommandFailed("\n".join(row.problem for row in unread))


class Check(Command):
    """Look whether it is right, and served."""

    words = ("tls", "check")
    summary = "look whether certificates are right, and whether servers that run serve them"
    examples = ("tls check", "tls check --server imap-993", "tls check --json")
    needs_database = False

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--server", default="", metavar="NAME", help="only this server")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        found = await store.tls().check(given.server)
        if given.json:
            report.table((), [_checked_fields(one) for one in found])
        elif found:
            report.text("\n".join(line for one in found for line in _checked_lines(one)))
        else:
            report.say("No server has a certificate")
        if wrong := [one.server.name for one in found if one.is_wrong]:
            raise CommandFailed(f"not right: {', '.join(wrong)}")


def certificate_fields(row: "CertificateRow") -> dict[str, Any]:
    """A certificate for programs."""
    fields: dict[str, Any] = {
        "file": row.file,
        "key_file": row.key_file,
        "servers": list(row.servers),
        "problem": row.problem,
    }
    if row.about is not None:
        fields |= {
            "subject": row.about.subject,
            "names": list(row.about.names),
            "issuer": row.about.issuer,
            "valid_from": row.about.valid_from,
            "valid_until": row.about.valid_until,
            "days_left": row.days_left,
            "key": row.about.key,
            "chain": row.chain,
            "fingerprint": row.about.fingerprint,
        }
    return fields


def _certificate_text(row: "CertificateRow") -> str:
    lines = [f"certificate {row.file}", f"  servers      {', '.join(row.servers)}"]
    about = row.about
    if about is None:
        return "\n".join([*lines, f"  problem      {row.problem}"])
    left = f"{row.days_left} days left" if row.days_left >= 0 else f"over for {-row.days_left} days"
    return "\n".join(
        [
            *lines,
            f"  subject      {about.subject}",
            f"  names        {', '.join(about.names) or '-'}",
            f"  issuer       {about.issuer}",
            f"  valid        {_day(about.valid_from)} to {_day(about.valid_until)}, {left}",
            f"  key          {about.key}, {row.key_file}",
            f"  chain        {row.chain}",
            f"  fingerprint  sha256 {about.fingerprint}",
        ]
    )


def _checked_lines(found: "CheckedServer") -> list[str]:
    server = found.server
    state = "wrong" if found.is_wrong else "warning" if found.flaws else "right"
    lines = [
        f"{server.name} ({server.how} TLS on {server.addr}): {state}: has the certificate"
        f" {server.cert_file}"
        + (f" until {_day(found.until)}" if found.until else "")
        + f", {_SERVED[found.served]}"
    ]
    for flaw in found.flaws:
        lines += [f"  {flaw.text}", f"    -> {flaw.remedy}"]
    return lines


def _checked_fields(found: "CheckedServer") -> dict[str, Any]:
    server = found.server
    return {
        "server": server.name,
        "type": server.type,
        "addr": server.addr,
        "tls": server.how,
        "file": str(server.cert_file),
        "key_file": str(server.key_file),
        "valid_until": found.until,
        "served": found.served,
        "is_right": not found.is_wrong,
        "flaws": [
            {"text": flaw.text, "remedy": flaw.remedy, "is_fatal": flaw.is_fatal}
            for flaw in found.flaws
        ],
    }


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
