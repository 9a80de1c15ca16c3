"""What the scripts of a recipient want done with a message: values.

What a script has edited (G46) is seen by the next one, and goes with its actions: so each wish has
the version of the message that it is about. It is made of the one that arrived, when it is needed.
"""

from typing import Final, Literal

from attrs import evolve, frozen

from sora.sieve.effects import Action, Edited, Keep, Remember
from sora.sieve.run import Outcome, TraceLine

Where = Literal["server", "domain", "user"]


@frozen
class Version:
    """A message as it arrived, or as edits have left it, one after the other (G46)."""

    edits: tuple[Edited, ...] = ()

    def edited(self, by: Edited | None) -> "Version":
        """The version after one more edit."""
        return self if by is None else Version((*self.edits, by))

    def octets(self, original: bytes) -> bytes:
        """The whole message, made of the one that arrived."""
        for edit in self.edits:
            original = edit.octets(original)
        return original


ARRIVED: Final = Version()
_KEEP: Final = Keep()


@frozen
class Wish:
    """An action, and the message that it is taken with."""

    action: Action
    version: Version = ARRIVED


@frozen
class Trouble:
    """A script that failed: whose it is, its name, and the place and the reason."""

    where: Where
    script: str
    text: str


@frozen
class Wishes:
    """What the scripts want done. `keep` is the keep in effect, None when there is none, with the
    version of the message that it keeps. `seen` are messages to be remembered as duplicates."""

    actions: tuple[Wish, ...] = ()
    keep: Keep | None = _KEEP
    kept: Version = ARRIVED
    seen: tuple[Remember, ...] = ()
    trouble: Trouble | None = None
    trace: tuple[TraceLine, ...] = ()

    @property
    def versions(self) -> set[Version]:
        """The edited messages that are wanted."""
        found = {self.kept, *(wish.version for wish in self.actions)}
        return {version for version in found if version.edits}


def failed(wishes: Wishes, trouble: Trouble, trace: tuple[TraceLine, ...]) -> Wishes:
    """The wishes when one more script has failed."""
    return evolve(wishes, keep=Keep(), kept=ARRIVED, trouble=trouble, trace=(*wishes.trace, *trace))


def added(wishes: Wishes, outcome: Outcome) -> Wishes:
    """The wishes with those of one more script, which take the place of the keep before."""
    base = wishes.kept
    actions = list(wishes.actions)
    seen = list(wishes.seen)
    for action in outcome.actions:
        if isinstance(action, Remember):
            seen.append(action)
        else:
            actions.append(Wish(action, base.edited(getattr(action, "message", None))))
    keep, kept = outcome.keep, base
    if keep is not None:
        kept = base.edited(keep.message)
        if keep.flags is None and wishes.keep is not None:
            # It has not said anything of flags: those of the script before stay.
            keep = evolve(keep, flags=wishes.keep.flags)
    trace = (*wishes.trace, *outcome.trace)
    return Wishes(tuple(actions), keep, kept, tuple(seen), None, trace)
