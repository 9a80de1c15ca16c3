"""`sora-admin verify`"""

from argparse import ArgumentParser, Namespace
from typing import Any

from attrs import asdict

from sora.admin.command import Command, CommandFailed, Report, Store, Terminal
from sora.admin.output import Octets, size_text
from sora.operations.verify import KnownDamage, Strangers, Verified, VerifyOperations


class Verify(Command):
    """Prove that what is stored is intact."""

    words = ("verify",)
    summary = "read and hash what is stored, compare database and store, mend what is damaged"
    examples = (
        "verify --email ann@example.com",
        "verify --repair",
        "verify --known",
        "verify --strangers",
        "verify --remove-strangers --yes",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", metavar="ADDRESS", help="only what this user's mail is")
        parser.add_argument("--store", metavar="NAME", help="only this object store")
        parser.add_argument(
            "--repair",
            action="store_true",
            help="write what is damaged again, from wherever else it is",
        )
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--known",
            action="store_true",
            help="only tell what is known: how far the passes in the background are, and what is"
            " damaged, with the messages",
        )
        what.add_argument(
            "--strangers",
            action="store_true",
            help="list what is in the stores that the database does not know of",
        )
        what.add_argument(
            "--remove-strangers",
            action="store_true",
            help="delete it (what is younger than a day stays)",
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        if given.email and (given.strangers or given.remove_strangers or given.store):
            raise CommandFailed("--email goes with --repair only")
        if given.remove_strangers and not given.yes:
            terminal.confirm(
                "Delete all objects that this database does not know of? Where other databases"
                " have the same prefix they are theirs."
            )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        operations = await store.verify()
        if given.known:
            await _tell_known(operations, report)
        elif given.strangers or given.remove_strangers:
            names = [given.store] if given.store else sorted(operations.stores)
            found = {
                name: await operations.strangers(name, remove=given.remove_strangers)
                for name in names
            }
            _tell_strangers(found, report)
        else:
            await _verify(given, operations, report)


async def _verify(given: Namespace, operations: VerifyOperations, report: Report) -> None:
    with report.progress() as progress:

        def tell(done: Verified, part: float | None) -> None:
            progress.show(
                part,
                f"{done.objects} objects ({size_text(done.octets)}), {done.damaged} damaged,"
                f" {done.mended} mended",
            )

        if given.email:
            done = await operations.account(given.email, mend=given.repair, told=tell)
        else:
            done = await operations.everything(given.store, mend=given.repair, told=tell)
    report.say(
        f"{done.objects} objects ({size_text(done.octets)}) were read: {done.damaged} are damaged"
        f" or missing, {done.mended} were mended; {done.bodiless} contents have no body",
        **asdict(done),
    )
    if done.damaged or done.bodiless:
        raise CommandFailed("not all is intact: `verify --known` names the messages")


async def _tell_known(operations: VerifyOperations, report: Report) -> None:
    known = await operations.known()
    sweeps = [
        {
            "store": sweep.store,
            "verified since": sweep.proven_since,
            "this pass began": sweep.begun_at,
            "objects": sweep.objects,
            "octets": Octets(sweep.octets),
        }
        for sweep in await operations.sweeps()
    ]
    if known:
        report.table(
            ["fault", "store", "object", "found", "account", "mailbox", "uid"],
            [row for one in known for row in _rows(one)],
        )
        raise CommandFailed(f"{len(known)} bodies are damaged or missing")
    report.table(["store", "verified since", "this pass began", "objects", "octets"], sweeps)


def _rows(one: KnownDamage) -> list[dict[str, Any]]:
    suspect = one.damage.suspect
    about = {
        "fault": suspect.fault.value,
        "store": suspect.store or None,
        "object": None if suspect.object_id is None else str(suspect.object_id),
        "content": suspect.content_id,
        "found": one.damage.found_at,
        "seen": one.damage.seen_at,
    }
    messages = [
        {
            "account": message.address,
            "mailbox": message.mailbox,
            "uid": message.uid,
            "email_id": str(message.email_id),
        }
        for message in one.messages
    ]
    return [about | message for message in messages] or [about]


def _tell_strangers(found: dict[str, Strangers], report: Report) -> None:
    lines = []
    for store, one in found.items():
        lines += [f"{store}: {name}" for name in one.names]
        lines.append(
            f"{store}: {one.listed} objects, {one.found} of which ({size_text(one.octets)}) the"
            f" database does not know; {one.removed} were deleted, {one.young} more are younger"
            " than a day"
        )
    fields = {
        store: asdict(one) | {"names": [str(name) for name in one.names]}
        for store, one in found.items()
    }
    report.text("\n".join(lines), stores=fields)
