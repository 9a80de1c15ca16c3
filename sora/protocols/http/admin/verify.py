"""Whether what is stored is intact."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from attrs import asdict, frozen

from sora.errors import BadArgument, NoSuchAccount
from sora.operations.verify import KnownDamage, Strangers, Verified
from sora.protocols.http.admin.tasks import Task, begun, task_endpoint
from sora.protocols.http.endpoint import Call, Endpoint
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.paging import next_of, next_page, number_of, page_begin, page_length
from sora.protocols.http.values import said
from sora.storage.rows import Fault
from sora.workers.tasks import Told

NAMED: Final = 100
"""objects of a store that are named in a task"""


@frozen
class HurtMessage:
    """A message whose body is damaged."""

    account: str = said("The primary address of the account.")
    mailbox: str = said("The mailbox.")
    uid: int = said("Its UID there.", minimum=1)
    email_id: str = said("EMAILID (RFC 8474), as a UUID.")


@frozen
class Damage:
    """A body that is not as it has to be, and some of the messages that it is the body of."""

    content: int = said("The number of the content.")
    fault: Fault = said("What is wrong with it.")
    store: str = said("The store that it is damaged in; empty when it is in none.")
    object: str | None = said("The name of the object there.")
    found: datetime = said("When it was found.")
    seen: datetime = said("When it was seen last.")
    messages: tuple[HurtMessage, ...] = said("Some of the messages.")


@frozen
class Damages:
    """Some of what is known to be damaged, in the order in which it was found."""

    items: tuple[Damage, ...] = said("The damages.")
    next: str | None = next_page()


@frozen
class DamagesQuery:
    """Which part of the list."""

    cursor: str = page_begin()
    limit: int = page_length("Damages of a page.")


@frozen
class SweepState:
    """How far the pass through a store is."""

    store: str = said("The name of the store.")
    begun: datetime = said("When the pass began.")
    completed: datetime | None = said("When it ended; null while it goes on.")
    proven_since: datetime = said("Whatever is older than this was verified after it.")
    objects: int = said("Objects of this pass.", minimum=0)
    octets: int = said("Their octets.", minimum=0)


@frozen
class Sweeps:
    """The passes through all stores."""

    items: tuple[SweepState, ...] = said("One for each store.")


@frozen
class Verification:
    """What is to be read and compared with its hash: without fields, everything."""

    account: str | None = said(
        "Only what the messages of this account are made of.",
        default=None,
        example="ann@example.com",
        max_length=320,
    )
    store: str | None = said("Only objects of this store.", default=None, max_length=64)
    repair: bool = said("Write what is damaged again, from wherever else it is.", default=False)


@frozen
class StrangerSearch:
    """In which store to look for objects that the database does not know of."""

    store: str | None = said("Only in this store.", default=None, max_length=64)
    remove: bool = said(
        "Delete them; what is younger than a day stays. Where another database has the same prefix"
        " they are that one's.",
        default=False,
    )


def _damage(known: KnownDamage) -> Damage:
    suspect = known.damage.suspect
    messages = [
        HurtMessage(
            account=one.address, mailbox=one.mailbox, uid=one.uid, email_id=str(one.email_id)
        )
        for one in known.messages
    ]
    return Damage(
        content=suspect.content_id,
        fault=suspect.fault,
        store=suspect.store,
        object=None if suspect.object_id is None else str(suspect.object_id),
        found=known.damage.found_at,
        seen=known.damage.seen_at,
        messages=tuple(messages),
    )


async def _damages(nouns: Nouns, call: Call) -> Damages:
    asked: DamagesQuery = call.query
    found = await nouns.verify.known(number_of(asked.cursor), asked.limit)
    following = next_of(found, asked.limit, lambda one: str(one.damage.number))
    return Damages(items=tuple(map(_damage, found)), next=following)


async def _sweeps(nouns: Nouns, call: Call) -> Sweeps:
    found = [
        SweepState(
            store=one.store,
            begun=one.begun_at,
            completed=one.completed_at,
            proven_since=one.proven_since,
            objects=one.objects,
            octets=one.octets,
        )
        for one in await nouns.verify.sweeps()
    ]
    return Sweeps(items=tuple(found))


async def _verify(nouns: Nouns, call: Call) -> Task:
    asked: Verification = call.body
    if asked.account is not None and asked.store is not None:
        raise BadArgument("Name an account or a store, not both")
    if asked.account is not None:
        await nouns.verify.owners.user(asked.account)
    if asked.store is not None:
        nouns.verify.require_store(asked.store)

    async def job(told: Told) -> Mapping[str, Any]:
        def tell(done: Verified, part: float | None) -> None:
            told(part, **asdict(done))

        if asked.account is not None:
            done = await nouns.verify.account(asked.account, mend=asked.repair, told=tell)
        else:
            done = await nouns.verify.everything(asked.store, mend=asked.repair, told=tell)
        return asdict(done)

    what = asked.account or asked.store or "everything"
    about = f"verify {what}" + (", and mend it" if asked.repair else "")
    return await begun(nouns, call, "verify", about, job)


async def _strangers(nouns: Nouns, call: Call) -> Task:
    asked: StrangerSearch = call.body
    if asked.store is not None:
        nouns.verify.require_store(asked.store)
    stores = [asked.store] if asked.store is not None else sorted(nouns.verify.stores)

    async def job(told: Told) -> Mapping[str, Any]:
        results: dict[str, Any] = {}
        for place, name in enumerate(stores):

            def tell(found: Strangers, name: str = name) -> None:
                told(None, store=name, listed=found.listed, found=found.found)

            found = await nouns.verify.strangers(name, remove=asked.remove, told=tell)
            results[name] = asdict(found) | {"names": [str(one) for one in found.names[:NAMED]]}
            told((place + 1) / len(stores), store=name, listed=found.listed, found=found.found)
        return {"stores": results}

    about = ("remove" if asked.remove else "look for") + f" strangers in {' and '.join(stores)}"
    return await begun(nouns, call, "strangers", about, job)


_endpoint = partial(Endpoint, group="verify")


ENDPOINTS: Final = (
    task_endpoint(
        path="/verify",
        name="verify",
        summary="Read bodies and compare them with their hashes; a task",
        group="verify",
        body=Verification,
        errors=(NoSuchAccount, BadArgument),
        run=_verify,
    ),
    task_endpoint(
        path="/verify/strangers",
        name="verifyStrangers",
        summary="Look for objects that the database does not know of, and remove them; a task",
        group="verify",
        body=StrangerSearch,
        errors=(BadArgument,),
        run=_strangers,
    ),
    _endpoint(
        method="GET",
        path="/verify/damages",
        name="listDamages",
        summary="List what is known to be damaged, and whose messages it is",
        query=DamagesQuery,
        answer=Damages,
        errors=(BadArgument,),
        run=_damages,
    ),
    _endpoint(
        method="GET",
        path="/verify/sweeps",
        name="listSweeps",
        summary="Show how far the passes are that verify everything in the background",
        answer=Sweeps,
        run=_sweeps,
    ),
)
