"""Scripts on a real PostgreSQL: lost answers, and whoever comes at the same time."""

from sora.deferreds import gather
from sora.errors import NoSuchScript, OverQuota, SoraError, TooMany
from sora.storage.rows import ScriptLimits
from trial_tests.storage.postgres.stage import Stage, StageTestCase
from trial_tests.support.postgres import LoseAnswer

LIMITS = ScriptLimits(size=100, scripts=5, total=300)


async def standing(stage: Stage) -> dict[str, bool]:
    """Whether each script is active."""
    return {
        row.name: row.position is not None for row in await stage.scripts.list(stage.account.id)
    }


class LostAnswerTests(StageTestCase):
    """G14: each write gives the answer that it would have given."""

    async def lives(self, faults: LoseAnswer) -> None:
        """A script's whole life."""
        stage = await self.stage(faults=faults)
        scripts, account = stage.scripts, stage.account.id
        await scripts.put(account, "a", "keep;", LIMITS)
        await scripts.activate(account, "a")
        await scripts.rename(account, "a", "b")
        self.assertEqual(await standing(stage), {"b": True})
        await scripts.deactivate(account)
        self.assertEqual(await standing(stage), {"b": False})
        await scripts.delete(account, "b")
        self.assertEqual(await standing(stage), {})
        with self.assertRaises(NoSuchScript):
            await scripts.rename(account, "b", "c")

    async def test_each_write(self) -> None:
        for name in ("put_script", "activate_script", "rename_script", "delete_script"):
            for faults in (LoseAnswer(name), LoseAnswer(before=(name,))):
                await self.lives(faults)
                self.assertEqual(faults.struck, [name])


class RaceTests(StageTestCase):
    async def test_limits_are_never_passed(self) -> None:
        for limits, error, most in (
            (LIMITS, TooMany, 5),
            (ScriptLimits(size=100, scripts=50, total=300), OverQuota, 30),
        ):
            stage = await self.stage()

            async def put(
                name: str, stage: Stage = stage, limits: ScriptLimits = limits
            ) -> SoraError | None:
                try:
                    await stage.scripts.put(stage.account.id, name, "x" * 10, limits)
                except SoraError as raised:
                    return raised
                return None

            found = await gather(*(put(f"s{number}") for number in range(40)))
            refused = [one for one in found if one is not None]
            self.assertEqual({type(one) for one in refused}, {error})
            self.assertEqual(len(await stage.scripts.list(stage.account.id)), most)
            self.assertEqual(len(refused), 40 - most)

    async def test_there_is_one_active_script_whoever_activates(self) -> None:
        stage = await self.stage()
        names = [f"s{number}" for number in range(5)]
        for name in names:
            await stage.scripts.put(stage.account.id, name, "keep;", LIMITS)
        await gather(*(stage.scripts.activate(stage.account.id, name) for name in names * 4))
        self.assertEqual(sum((await standing(stage)).values()), 1)
