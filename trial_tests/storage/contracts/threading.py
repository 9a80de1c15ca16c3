"""The contract of thread ids: which messages of an account belong together (RFC 8474 §5.2)."""

from uuid import UUID

from sora.mail.criteria import ThreadIdIs
from sora.mail.numbers import NumberSet
from sora.storage.rows import AccountRow, Want
from trial_tests.storage.contracts.contract import EVERYTHING, Contract, Letter


def mail(own: str, *references: str, parent: str = "") -> Letter:
    """A message by its id, those of References, and that of In-Reply-To."""
    fields = [("Subject", f"{own} {references} {parent}")]
    if own:
        fields.append(("Message-ID", f"<{own}>"))
    if parent:
        fields.append(("In-Reply-To", f"<{parent}>"))
    if references:
        fields.append(("References", " ".join(f"<{one}>" for one in references)))
    return Letter(fields)


class ThreadIdsContract(Contract):
    """Thread ids of messages as they come."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com", "Sent")
        self.bob = await self.account("bob@example.com")

    async def put_all(self, *letters: Letter) -> None:
        inbox = await self.find(self.ann)
        for one in letters:
            await self.put(self.ann, inbox, one)

    async def threads(self, account: AccountRow, name: str = "INBOX") -> list[UUID | None]:
        """The thread of each message."""
        mailbox = await self.find(account, name)
        read = await self.storage.messages.read(mailbox.id, EVERYTHING, frozenset[Want]())
        return [message.thread_id for message in read.messages]

    async def test_replies_are_in_the_thread_of_the_first_message(self) -> None:
        await self.put_all(mail("a@x"), mail("b@x", "a@x"), mail("c@x", "a@x", "b@x"), mail("z@x"))
        first, second, third, other = await self.threads(self.ann)
        self.assertIsNotNone(first)
        self.assertEqual([second, third], [first, first])
        self.assertNotEqual(other, first)

    async def test_whatever_comes_first(self) -> None:
        await self.put_all(mail("c@x", "a@x", "b@x"), mail("b@x", "a@x"), mail("a@x"))
        self.assertEqual(len(set(await self.threads(self.ann))), 1)

    async def test_without_references_the_parent_tells(self) -> None:
        await self.put_all(mail("a@x"), mail("b@x", parent="a@x"), mail("c@x", parent="b@x"))
        self.assertEqual(len(set(await self.threads(self.ann))), 1)

    async def test_with_references_that_were_cut_the_last_one_tells(self) -> None:
        await self.put_all(mail("a@x"), mail("b@x", "a@x"), mail("d@x", "lost@x", "b@x"))
        self.assertEqual(len(set(await self.threads(self.ann))), 1)

    async def test_the_parent_may_be_in_another_mailbox(self) -> None:
        await self.put(self.ann, await self.find(self.ann, "Sent"), mail("b@x", parent="a@x"))
        await self.put_all(mail("c@x", parent="b@x"))
        self.assertEqual(await self.threads(self.ann), await self.threads(self.ann, "Sent"))

    async def test_messages_without_an_id_are_threads_of_their_own(self) -> None:
        await self.put_all(mail(""), Letter([("Subject", "another")]))
        one, other = await self.threads(self.ann)
        self.assertIsNotNone(one)
        self.assertNotEqual(one, other)

    async def test_no_account_knows_the_threads_of_another(self) -> None:
        await self.put_all(mail("a@x"))
        await self.put(self.bob, await self.find(self.bob), mail("a@x"))
        await self.put(self.bob, await self.find(self.bob), mail("b@x", parent="a@x"))
        [anns] = await self.threads(self.ann)
        bobs = await self.threads(self.bob)
        self.assertEqual(len(set(bobs)), 1)
        self.assertNotIn(anns, bobs)

    async def test_copies_and_moved_messages_stay_in_their_thread(self) -> None:
        await self.put_all(mail("a@x"), mail("b@x", "a@x"))
        inbox = await self.find(self.ann)
        both = NumberSet(((1, 2),))
        before = await self.threads(self.ann)
        move, copy = self.storage.messages.move, self.storage.messages.copy
        await copy(inbox.id, both, self.ann.id, "Sent", self.operation())
        self.assertEqual(await self.threads(self.ann, "Sent"), before)
        await move(inbox.id, both, self.ann.id, "Sent", self.operation())
        self.assertEqual(await self.threads(self.ann, "Sent"), before * 2)

    async def test_a_thread_is_searched_for(self) -> None:
        await self.put_all(mail("a@x"), mail("z@x"), mail("b@x", "a@x"))
        thread = (await self.threads(self.ann))[0]
        assert thread is not None
        inbox = await self.find(self.ann)
        found = await self.storage.messages.search(inbox.id, ThreadIdIs(thread))
        self.assertEqual(list(found), [1, 3])
