"""The statements that each operation may cost (the table in docs/architecture.md)."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from twisted.internet import reactor

from sora.addresses import parse_address
from sora.deferreds import gather
from sora.mail.annotations import COMMENT, SPECIAL_USE
from sora.mail.criteria import Fuzzy, TextHas
from sora.mail.flags import DELETED, SEEN, Flags
from sora.mail.numbers import NumberSet
from sora.storage.postgres.maildrops import Maildrops
from sora.storage.rows import (
    AccountFilter,
    FlagChange,
    NewLogin,
    Replaced,
    ScriptLimits,
    ScriptPosition,
    SortBy,
    SortKey,
    Want,
)
from trial_tests.storage.postgres.stage import StageTestCase, arrival_of, bytes_of, new_operation

MINUTE = timedelta(minutes=1)


class BudgetTests(StageTestCase):
    async def test_each_operation_is_one_statement(self) -> None:
        stage = await self.stage()
        account, messages, mailboxes = stage.account, stage.messages, stage.mailboxes
        address = parse_address("a@example.org")
        both = NumberSet.of([1, 2])
        drops, session = Maildrops(stage.database, reactor), uuid4()  # type: ignore[arg-type]
        await stage.put_many(2)
        operations = {
            "login": lambda: stage.credentials.login(address),
            "note_logins": lambda: stage.credentials.note_logins(
                [NewLogin(account.id, number, 0, "imap", "192.0.2.1") for number in range(99)]
            ),
            "logins_since": lambda: stage.credentials.logins_since(),
            "list_accounts": lambda: stage.accounts.list(
                AccountFilter(inactive_since=datetime.now(UTC))
            ),
            "recipient": lambda: stage.accounts.recipient(address),
            "list": lambda: mailboxes.list(account.id),
            "find": lambda: mailboxes.find(account.id, "INBOX"),
            "open": lambda: mailboxes.open(account.id, "INBOX"),
            "changes": lambda: mailboxes.changes(stage.inbox, 1, 0),
            "vanished": lambda: mailboxes.vanished(stage.inbox, 1, both),
            "poll": lambda: mailboxes.poll([stage.inbox, stage.trash]),
            "create": lambda: mailboxes.create(account.id, "a/b", None, new_operation()),
            "rename": lambda: mailboxes.rename(account.id, "a", "c", new_operation()),
            "delete": lambda: mailboxes.delete(account.id, "c/b", new_operation()),
            "subscribe": lambda: mailboxes.subscribe(account.id, "c"),
            "place": lambda: messages.place(
                account.scope_id,
                arrival_of(bytes_of(7, size=600_000)),
                [stage.target(flags=Flags(SEEN, ("$New",))), stage.target(stage.trash)],
                new_operation(),
            ),
            "append": lambda: messages.append(
                account.scope_id,
                [arrival_of(bytes_of(number, size=300_000)) for number in (8, 9)],
                [stage.target(flags=Flags(SEEN, ("$More",))) for _ in range(2)],
                new_operation(),
                Replaced(stage.trash, 1),
            ),
            "prepare": lambda: messages.prepare(account.scope_id, arrival_of(bytes_of(10))),
            "read": lambda: messages.read(stage.inbox, both, frozenset(Want), see=new_operation()),
            "store": lambda: messages.store(
                stage.inbox, both, FlagChange("add", Flags(DELETED, ("$K",))), new_operation()
            ),
            "set_metadata": lambda: stage.metadata.write(
                account.id,
                "INBOX",
                account.id,
                {COMMENT: b"x", SPECIAL_USE: b"y"},
                10,
                1000,
                new_operation(),
            ),
            "metadata": lambda: stage.metadata.read(
                account.id, "INBOX", account.id, [COMMENT], None
            ),
            "list_metadata": lambda: stage.metadata.listed(
                [stage.inbox, stage.trash], account.id, [COMMENT], 1000
            ),
            "put_script": lambda: stage.scripts.put(
                account.id, "a", "keep;", ScriptLimits(9, 9, 99), ScriptPosition.ACTIVE
            ),
            "list_scripts": lambda: stage.scripts.list(account.id),
            "get_script": lambda: stage.scripts.get(account.id, "a"),
            "room_for_script": lambda: stage.scripts.require_room(
                account.id, "a", 9, ScriptLimits(9, 9, 99)
            ),
            "rename_script": lambda: stage.scripts.rename(account.id, "a", "b"),
            "activate_script": lambda: stage.scripts.deactivate(account.id),
            "delete_script": lambda: stage.scripts.delete(account.id, "b"),
            "search": lambda: messages.search(stage.inbox, TextHas("message")),
            "sort": lambda: messages.sort(stage.inbox, TextHas("a"), [SortKey(SortBy.SUBJECT)]),
            "threads": lambda: messages.threads(stage.inbox, TextHas("a")),
            "relevance": lambda: messages.relevance(stage.inbox, Fuzzy(TextHas("a")), both),
            "copy": lambda: messages.copy(stage.inbox, both, account.id, "Trash", new_operation()),
            "open_maildrop": lambda: drops.open(account.id, session, MINUTE, timedelta(0)),
            "maildrop_bodies": lambda: drops.bodies(stage.inbox, both),
            "renew_maildrops": lambda: drops.renew({account.id: session}, MINUTE),
            "quit_maildrop": lambda: drops.quit(
                account.id, session, stage.inbox, both, NumberSet.of([1]), new_operation()
            ),
            "release_maildrop": lambda: drops.release(account.id, session),
            "expunge": lambda: messages.expunge(stage.inbox, None, new_operation()),
            "move": lambda: messages.move(stage.trash, both, account.id, "INBOX", new_operation()),
        }
        stage.database.statements.clear()
        for operation in operations.values():
            await operation()
        self.assertEqual(dict(stage.database.statements), dict.fromkeys(operations, 1))

    async def test_fifty_recipients_are_one_statement(self) -> None:
        stage = await self.stage()
        targets = [
            stage.target(
                (stage.inbox, stage.trash)[number % 2],
                recipient=f"r{number}",
                received_hash=b"hash",
            )
            for number in range(50)
        ]
        stage.database.statements.clear()
        placement = await stage.messages.place(
            stage.account.scope_id, arrival_of(bytes_of(1)), targets, new_operation()
        )
        self.assertEqual(stage.database.statements.total(), 1)
        self.assertEqual(
            [placed.mailbox_id for placed in placement.placed],
            [target.mailbox_id for target in targets],
        )

    async def test_a_thousand_messages_are_one_statement_to_read(self) -> None:
        stage = await self.stage()
        await gather(*(stage.put(bytes_of(1)) for _ in range(5)))
        uids: list[int] = [1, 2, 3, 4, 5]
        while len(uids) < 1001:
            copied = await stage.messages.copy(
                stage.inbox,
                NumberSet.of(uids[: 1001 - len(uids)]),
                stage.account.id,
                "INBOX",
                new_operation(),
            )
            uids.extend(copied.uids)
        for count, statements in ((1000, 1), (1001, 2)):
            stage.database.statements.clear()
            read = await stage.messages.read(
                stage.inbox, NumberSet(((1, count),)), frozenset({Want.ENVELOPE})
            )
            self.assertEqual([message.uid for message in read.messages], uids[:count])
            self.assertEqual(stage.database.statements["read"], statements)
