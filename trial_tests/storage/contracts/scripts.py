"""The contract of `IScripts`, and of what RCPT reads of them."""

from sora.addresses import parse_address
from sora.errors import (
    AlreadyExists,
    InUse,
    NoSuchAccount,
    NoSuchScript,
    OverQuota,
    Superseded,
    TooBig,
    TooMany,
)
from sora.storage.rows import ActiveScript, RecipientScripts, ScriptLimits, ScriptPosition
from trial_tests.storage.contracts.contract import Contract

LIMITS = ScriptLimits(size=100, scripts=3, total=200)
ACTIVE, BEFORE, AFTER = ScriptPosition.ACTIVE, ScriptPosition.BEFORE, ScriptPosition.AFTER


class ScriptsContract(Contract):
    async def setUp(self) -> None:
        await super().setUp()
        self.ann = (await self.account("ann@example.com")).id
        self.bob = (await self.account("bob@example.com")).id

    async def put(
        self, name: str, source: str = "keep;", position: ScriptPosition | None = None
    ) -> None:
        await self.storage.scripts.put(self.ann, name, source, LIMITS, position)

    async def stands(self, owner: int | None = None) -> dict[str, ScriptPosition | None]:
        rows = await self.storage.scripts.list(owner or self.ann)
        return {row.name: row.position for row in rows}

    async def test_scripts_are_listed_by_name(self) -> None:
        self.assertEqual(await self.storage.scripts.list(self.ann), [])
        for name in ("b", "B", "日本", "a"):
            await self.storage.scripts.put(self.ann, name, "é", ScriptLimits(2, 9, 99))
        rows = await self.storage.scripts.list(self.ann)
        self.assertEqual([row.name for row in rows], ["B", "a", "b", "日本"])
        self.assertEqual({row.size for row in rows}, {2}, "octets")
        self.assertEqual(await self.stands(self.bob), {})

    async def test_a_text_is_kept_as_it_came(self) -> None:
        source = '# "é\\" 日本\r\n# %s {{}}\tkeep;\r\n\n'
        await self.put("main", source)
        self.assertEqual(await self.storage.scripts.get(self.ann, "main"), source)
        for owner, name in ((self.ann, "Main"), (self.bob, "main")):
            await self.refused(NoSuchScript, self.storage.scripts.get(owner, name))

    async def test_what_is_put_again_stays_where_it_stands(self) -> None:
        """RFC 5804 §2.6: a script that is replaced stays active."""
        await self.put("main")
        await self.storage.scripts.activate(self.ann, "main")
        await self.put("main", "discard;")
        self.assertEqual(await self.storage.scripts.get(self.ann, "main"), "discard;")
        self.assertEqual(await self.stands(), {"main": ACTIVE})

    async def test_what_is_known_is_replaced_and_nothing_else(self) -> None:
        """So no change is lost; done twice it is done once (G14)."""
        put = self.storage.scripts.put
        await put(self.ann, "main", "keep;", LIMITS, None, "")
        await self.refused(Superseded, put(self.ann, "main", "stop;", LIMITS, None, ""))
        await self.refused(Superseded, put(self.ann, "main", "stop;", LIMITS, None, "discard;"))
        await self.refused(Superseded, put(self.ann, "other", "stop;", LIMITS, None, "discard;"))
        for _ in range(2):
            await put(self.ann, "main", "discard;", LIMITS, None, "keep;")
        self.assertEqual(await self.storage.scripts.get(self.ann, "main"), "discard;")
        self.assertEqual(await self.stands(), {"main": None})

    async def test_one_script_is_active(self) -> None:
        """RFC 5804 §2.8"""
        for name in ("a", "b", "c"):
            await self.put(name)
        self.assertEqual(await self.stands(), {"a": None, "b": None, "c": None})
        for name in ("a", "b", "b", "a"):
            await self.storage.scripts.activate(self.ann, name)
            active = [one for one, stands in (await self.stands()).items() if stands]
            self.assertEqual(active, [name])
        await self.refused(NoSuchScript, self.storage.scripts.activate(self.ann, "d"))
        self.assertEqual((await self.stands())["a"], ACTIVE)
        for _ in range(2):
            await self.storage.scripts.deactivate(self.ann)
            self.assertEqual(set((await self.stands()).values()), {None})

    async def test_put_and_activate_at_once(self) -> None:
        await self.put("a", position=ACTIVE)
        await self.put("b", position=ACTIVE)
        self.assertEqual(await self.stands(), {"a": None, "b": ACTIVE})
        await self.refused(TooBig, self.put("a", "x" * 101, ACTIVE))
        self.assertEqual(await self.stands(), {"a": None, "b": ACTIVE})

    async def test_an_active_script_is_not_deleted(self) -> None:
        """RFC 5804 §2.10"""
        await self.put("a", position=ACTIVE)
        await self.put("b")
        await self.refused(InUse, self.storage.scripts.delete(self.ann, "a"))
        await self.storage.scripts.delete(self.ann, "b")
        await self.refused(NoSuchScript, self.storage.scripts.delete(self.ann, "b"))
        self.assertEqual(await self.stands(), {"a": ACTIVE})

    async def test_a_rename_keeps_text_and_place(self) -> None:
        """RFC 5804 §2.11"""
        await self.put("a", "stop;", ACTIVE)
        await self.put("b")
        rename = self.storage.scripts.rename
        await self.refused(AlreadyExists, rename(self.ann, "a", "b"))
        await self.refused(AlreadyExists, rename(self.ann, "a", "a"))
        await self.refused(NoSuchScript, rename(self.ann, "c", "d"))
        await self.refused(NoSuchScript, rename(self.ann, "c", "c"))
        await rename(self.ann, "a", "c")
        self.assertEqual(await self.stands(), {"b": None, "c": ACTIVE})
        self.assertEqual(await self.storage.scripts.get(self.ann, "c"), "stop;")
        await rename(self.ann, "c", "a")
        self.assertEqual(await self.stands(), {"a": ACTIVE, "b": None})

    async def test_limits(self) -> None:
        """RFC 5804 §1.3: QUOTA/MAXSIZE, QUOTA/MAXSCRIPTS, QUOTA."""
        await self.put("a", "x" * 100)
        await self.put("b", "x" * 70)
        await self.refused(TooBig, self.put("a", "x" * 101))
        await self.refused(TooBig, self.put("a", "é" * 51))
        await self.refused(OverQuota, self.put("c", "x" * 31))
        await self.put("b", "x" * 100)
        await self.put("b", "x" * 70)
        await self.put("c", "x" * 30)
        await self.refused(TooMany, self.put("d", ""))
        await self.put("c", "x" * 30)
        self.assertEqual(await self.stands(), {"a": None, "b": None, "c": None})
        self.assertEqual(await self.storage.scripts.get(self.ann, "a"), "x" * 100)

    async def test_whether_there_is_room(self) -> None:
        """RFC 5804 §2.5; nothing changes."""
        await self.put("a", "x" * 100)
        await self.put("b", "x" * 70)

        async def room(name: str, size: int, limits: ScriptLimits = LIMITS) -> None:
            await self.storage.scripts.require_room(self.ann, name, size, limits)

        for name, size in (("a", 100), ("b", 100), ("c", 30)):
            await room(name, size)
        await self.refused(TooBig, room("a", 101))
        await self.refused(TooBig, room("a", 2**62))
        await self.refused(OverQuota, room("c", 31))
        await self.refused(TooMany, room("c", 1, ScriptLimits(100, 2, 1000)))
        await room("a", 1, ScriptLimits(100, 2, 1000))
        self.assertEqual(await self.stands(), {"a": None, "b": None})

    async def test_of_nobody(self) -> None:
        await self.put("a")
        await self.storage.accounts.delete(parse_address("ann@example.com"))
        scripts = self.storage.scripts
        for work in (
            self.put("b"),
            scripts.activate(self.ann, "a"),
            scripts.deactivate(self.ann),
            scripts.delete(self.ann, "a"),
            scripts.rename(self.ann, "a", "b"),
        ):
            await self.refused(NoSuchAccount, work)

    async def test_what_a_recipient_reads(self) -> None:
        scripts = self.storage.scripts

        async def read(address: str = "ann@example.com") -> RecipientScripts:
            found = await self.storage.accounts.recipient(parse_address(address))
            result: RecipientScripts = found.scripts
            return result

        self.assertEqual(await read(), RecipientScripts())
        await self.put("mine", "keep;", ACTIVE)
        await self.put("other", "discard;")
        self.assertEqual(await read(), RecipientScripts(None, ActiveScript("mine", "keep;")))
        domain = (await self.storage.rights.domain_owner("example.com", make=True)).account_id
        await scripts.put(domain, "first", "# 1", LIMITS, BEFORE)
        await scripts.put(domain, "last", "# 2", LIMITS, AFTER)
        await scripts.put(domain, "library", "# 3", LIMITS)
        expected = RecipientScripts("# 1", ActiveScript("mine", "keep;"), "# 2")
        self.assertEqual(await read(), expected)
        self.assertEqual(await read("bob@example.com"), RecipientScripts("# 1", None, "# 2"))
        self.assertEqual(
            await self.stands(domain), {"first": BEFORE, "last": AFTER, "library": None}
        )
        await scripts.activate(domain, "last", BEFORE)
        self.assertEqual(
            await self.stands(domain), {"first": None, "last": BEFORE, "library": None}
        )
        await scripts.deactivate(domain, BEFORE)
        await scripts.deactivate(self.ann)
        self.assertEqual(await read(), RecipientScripts())

    async def test_the_domain_is_that_of_the_primary_address(self) -> None:
        ann, alias = parse_address("ann@example.com"), parse_address("ann@example.org")
        await self.account("eve@example.org")
        await self.storage.credentials.add(ann, alias, [])
        for name in ("example.com", "example.org"):
            owner = await self.storage.rights.domain_owner(name, make=True)
            await self.storage.scripts.put(owner.account_id, "s", f"# {name}", LIMITS, AFTER)
        for address in (ann, alias):
            recipient = await self.storage.accounts.recipient(address)
            self.assertEqual(recipient.scripts.domain_after, "# example.com")
