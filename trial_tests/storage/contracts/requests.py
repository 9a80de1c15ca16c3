"""The contracts of `IRequests` and `ITasks`: what is asked for once is done once, and work that
takes long is seen by all nodes."""

from datetime import timedelta
from uuid import UUID, uuid4

from sora.deferreds import gather
from sora.errors import NoSuchTask, TooMany
from sora.storage.rows import (
    BegunRequest,
    KeptAnswer,
    NewTask,
    RequestState,
    TaskNote,
    TaskRow,
    TaskState,
)
from trial_tests.storage.contracts.contract import Contract

NOW = timedelta(0)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MADE = KeptAnswer(201, "/admin/accounts/ann", b'{"email": "ann"}\n')
BUSY, DONE, NEW, OTHER = sorted(RequestState, key=str)


class RequestsContract(Contract):
    """One key at a time, of one caller or of two."""

    async def begin(
        self,
        key: str = "k",
        digest: bytes = b"d",
        holder: UUID | None = None,
        *,
        caller: str = "boss",
        lease: timedelta = MINUTE,
        keep: timedelta = DAY,
        most: int = 100,
    ) -> BegunRequest:
        return await self.storage.requests.begin(
            caller, key, digest, holder or uuid4(), lease=lease, keep=keep, most=most
        )

    async def test_what_is_done_is_known(self) -> None:
        """With its answer, to whoever asks for the same."""
        holder = uuid4()
        self.assertEqual(await self.begin(holder=holder), BegunRequest(NEW))
        self.assertEqual(await self.begin(), BegunRequest(BUSY))
        await self.storage.requests.end("boss", "k", holder, MADE)
        self.assertEqual(await self.begin(), BegunRequest(DONE, MADE))
        self.assertEqual(await self.begin(digest=b"e"), BegunRequest(OTHER))
        self.assertEqual((await self.begin("l", b"e")).state, NEW)

    async def test_keys_are_their_callers(self) -> None:
        await self.begin()
        self.assertEqual((await self.begin(digest=b"e", caller="clerk")).state, NEW)

    async def test_something_else_is_so_at_once(self) -> None:
        """Also while the first is under way."""
        await self.begin()
        self.assertEqual((await self.begin(digest=b"e")).state, OTHER)

    async def test_what_was_given_up_may_be_asked_for_again(self) -> None:
        """Also as something else; but nobody gives up what another one does."""
        holder = uuid4()
        await self.begin(holder=holder)
        await self.storage.requests.give_up("boss", "k", uuid4())
        self.assertEqual((await self.begin()).state, BUSY)
        await self.storage.requests.give_up("boss", "k", holder)
        self.assertEqual((await self.begin(digest=b"e")).state, NEW)

    async def test_whose_process_is_gone_is_done_by_another(self) -> None:
        """When the lease is over; the first one says nothing any more."""
        first, second = uuid4(), uuid4()
        await self.begin(holder=first, lease=NOW)
        self.assertEqual((await self.begin(holder=second)).state, NEW)
        await self.storage.requests.end("boss", "k", first, MADE)
        self.assertEqual((await self.begin()).state, BUSY)

    async def test_a_lost_answer_is_no_other_request(self) -> None:
        """G14"""
        holder = uuid4()
        await self.begin(holder=holder)
        self.assertEqual((await self.begin(holder=holder)).state, NEW)

    async def test_only_one_of_many_does_it(self) -> None:
        """G17"""
        found = await gather(*[self.begin() for _ in range(8)])
        self.assertEqual(sorted(one.state for one in found), [BUSY] * 7 + [NEW])

    async def test_what_is_over_is_as_if_it_had_never_been(self) -> None:
        """And is forgotten."""
        await self.begin(keep=NOW)
        await self.begin("l")
        self.assertEqual((await self.begin(digest=b"e", keep=NOW)).state, NEW)
        self.assertEqual(await self.storage.cleaning.forget_requests(100), 1)
        self.assertEqual(await self.storage.cleaning.forget_requests(100), 0)
        self.assertEqual((await self.begin("l")).state, BUSY)

    async def test_there_are_only_so_many(self) -> None:
        """Of each caller; those that are known count no more."""
        for number in range(3):
            await self.begin(f"k{number}", most=3)
        await self.refused(TooMany, self.begin("k3", most=3))
        self.assertEqual((await self.begin("k2", most=3)).state, BUSY)
        self.assertEqual((await self.begin("k3", caller="clerk", most=3)).state, NEW)
        self.assertEqual((await self.begin("k3", most=4)).state, NEW)


class TasksContract(Contract):
    """Two of them."""

    async def setUp(self) -> None:
        await super().setUp()
        self.tasks = self.storage.tasks
        self.one, self.two = [await self.task(name) for name in ("one", "two")]

    async def task(self, name: str, keep: timedelta = DAY) -> TaskRow:
        new = NewTask(id=uuid4(), kind="verify", about=name, caller="boss", node="n1")
        return await self.tasks.add(new, keep)

    async def about(self, **wanted: object) -> list[str]:
        asked = {"before": None, "limit": 10, "state": None, "lost": MINUTE, **wanted}
        return [row.about for row in await self.tasks.list(**asked)]

    async def test_how_far_it_is(self) -> None:
        """From its beginning to its end."""
        shown = await self.tasks.show(self.one.id, MINUTE)
        self.assertEqual(shown, self.one)
        self.assertEqual((shown.state, shown.part, dict(shown.facts)), ("running", None, {}))
        note = TaskNote(self.one.id, 0.5, {"objects": 7})
        self.assertEqual(await self.tasks.beat([note], DAY), [])
        shown = await self.tasks.show(self.one.id, MINUTE)
        self.assertEqual((shown.part, shown.facts), (0.5, {"objects": 7}))
        self.assertGreaterEqual(shown.seen_at, shown.began_at)
        note = TaskNote(self.one.id, 1.0, {"objects": 9})
        await self.tasks.end(self.one.id, TaskState.DONE, note, {"damaged": 0}, "", DAY)
        shown = await self.tasks.show(self.one.id, MINUTE)
        self.assertEqual((shown.state, shown.result), ("done", {"damaged": 0}))
        self.assertIsNotNone(shown.ended_at)

    async def test_the_end_is_the_end(self) -> None:
        """Whatever is said later."""
        note = TaskNote(self.one.id, None, {})
        await self.tasks.end(self.one.id, TaskState.FAILED, note, None, "why", DAY)
        await self.tasks.end(self.one.id, TaskState.DONE, note, {}, "", DAY)
        await self.tasks.cancel(self.one.id, MINUTE)
        self.assertEqual(await self.tasks.beat([note], DAY), [])
        shown = await self.tasks.show(self.one.id, NOW)
        self.assertEqual((shown.state, shown.error, shown.cancelling), ("failed", "why", False))

    async def test_somebody_wants_it_to_end(self) -> None:
        """Its process hears of it."""
        cancelled = await self.tasks.cancel(self.one.id, MINUTE)
        self.assertTrue(cancelled.cancelling)
        notes = [TaskNote(row.id, None, {}) for row in (self.one, self.two)]
        self.assertEqual(await self.tasks.beat(notes, DAY), [self.one.id])

    async def test_a_task_whose_process_is_gone_is_lost(self) -> None:
        """It is running again when its process was only slow."""
        long_ago = timedelta(seconds=-1)
        self.assertEqual((await self.tasks.show(self.one.id, long_ago)).state, "lost")
        self.assertEqual(await self.about(state=TaskState.LOST, lost=long_ago), ["two", "one"])
        self.assertEqual(await self.about(state=TaskState.RUNNING, lost=long_ago), [])
        await self.tasks.beat([TaskNote(self.one.id, None, {})], DAY)
        self.assertEqual((await self.tasks.show(self.one.id, MINUTE)).state, "running")

    async def test_the_list(self) -> None:
        """The newest first, in pages."""
        three = await self.task("three")
        self.assertEqual(await self.about(limit=2), ["three", "two"])
        self.assertEqual(await self.about(before=self.two.number), ["one"])
        note = TaskNote(three.id, None, {})
        await self.tasks.end(three.id, TaskState.DONE, note, None, "", DAY)
        self.assertEqual(await self.about(state=TaskState.DONE), ["three"])
        self.assertEqual(await self.about(state=TaskState.RUNNING), ["two", "one"])

    async def test_one_that_is_not_there(self) -> None:
        for work in (self.tasks.show, self.tasks.cancel):
            await self.refused(NoSuchTask, work(uuid4(), MINUTE))

    async def test_tasks_are_forgotten(self) -> None:
        """Some time after they were last heard of."""
        gone = await self.task("gone", NOW)
        self.assertEqual(await self.storage.cleaning.forget_requests(100), 1)
        await self.refused(NoSuchTask, self.tasks.show(gone.id, MINUTE))
        self.assertEqual(await self.about(), ["two", "one"])
