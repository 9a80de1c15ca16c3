"""What is true: the mailboxes of one account as the RFCs have them, and all they have been.

Every change of a mailbox is a *step*, a number that rises. A message keeps the versions of its
flags with the step that made each, so that what an older client says can be told from what
nobody ever said. Modseqs are the server's to choose: `Box` learns them as they are heard, and
demands that they rise with the steps (RFC 7162 §3.1).
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Literal

from attrs import Factory, define, field

Flags = frozenset[str]
Change = Literal["", "+", "-"]
"""how STORE changes flags: FLAGS, +FLAGS, -FLAGS"""

DELETED = "\\deleted"
SEEN = "\\seen"
NO_FLAGS: Flags = frozenset()


@define
class Version:
    """Flags of a message since a step; `touched` are those that the step was about, None all."""

    step: int
    flags: Flags
    touched: Flags | None = None


@define
class Message:
    """A message, also one that is gone: `versions` are its flags, the present ones last."""

    uid: int
    content: str
    versions: list[Version]

    @property
    def flags(self) -> Flags:
        """The present flags."""
        return self.versions[-1].flags

    @property
    def step(self) -> int:
        """When it was changed last."""
        return self.versions[-1].step


@define(eq=False)
class Box:
    """A mailbox. It stays the same one when it is renamed."""

    name: str
    uidnext: int = 1
    uidvalidity: int | None = None
    is_deleted: bool = False
    messages: dict[int, Message] = Factory(dict)
    ever: dict[int, Message] = Factory(dict)
    steps: "count[int]" = field(factory=lambda: count(1))
    modseqs: dict[int, int] = Factory(dict)
    """by step, as far as any client heard of them"""

    @property
    def uids(self) -> list[int]:
        """The UIDs of what is there, ascending."""
        return list(self.messages)

    def arrive(self, contents: Sequence[tuple[str, Flags]]) -> list[int]:
        """New messages, at one step; their UIDs (G29)."""
        step = next(self.steps)
        uids = list(range(self.uidnext, self.uidnext + len(contents)))
        self.uidnext += len(contents)
        for uid, (content, flags) in zip(uids, contents, strict=True):
            self.messages[uid] = self.ever[uid] = Message(uid, content, [Version(step, flags)])
        return uids

    def store(self, uids: Iterable[int], change: Change, flags: Flags) -> None:
        """Change flags; what has them already is not touched."""
        step = next(self.steps)
        for uid in uids:
            message = self.messages.get(uid)
            if message is not None and (new := changed(message.flags, change, flags)) != (
                message.flags
            ):
                message.versions.append(Version(step, new, flags if change else None))

    def remove(self, uids: Iterable[int]) -> list[int]:
        """Messages go; gives those that were there."""
        next(self.steps)
        return [uid for uid in uids if self.messages.pop(uid, None) is not None]

    def expunge(self, only: Iterable[int] | None = None) -> list[int]:
        """What has \\Deleted goes."""
        wanted = self.messages if only is None else set(only)
        return self.remove(
            [uid for uid, one in self.messages.items() if uid in wanted and DELETED in one.flags]
        )

    def has_changed(self, uid: int, modseq: int, flags: Flags) -> bool:
        """Whether one of these flags of a message that is there was touched after a modseq that
        was heard of: each flag is an item of its own (RFC 7162 §3.1.3)."""
        (step,) = [step for step, known in self.modseqs.items() if known == modseq]
        return uid in self.messages and any(
            version.step > step and (version.touched is None or version.touched & flags)
            for version in self.messages[uid].versions
        )

    def learn_modseq(self, step: int, modseq: int) -> None:
        """The server has said which modseq a step has."""
        known = self.modseqs.setdefault(step, modseq)
        assert known == modseq, f"step {step} had modseq {known}, and now {modseq}"
        for other, its in self.modseqs.items():
            assert (other < step) == (its < modseq), f"modseqs do not rise: {self.modseqs}"


def changed(old: Flags, change: Change, flags: Flags) -> Flags:
    """What STORE makes of flags."""
    return {"": flags, "+": old | flags, "-": old - flags}[change]


class Account:
    """Mailboxes by name; INBOX is there for ever. The delimiter is `/`."""

    def __init__(self, names: Iterable[str] = ("INBOX",)) -> None:
        self.boxes: dict[str, Box] = {name: Box(name) for name in names}
        self.deleted: list[Box] = []

    def below(self, name: str) -> list[str]:
        """The names of the inferiors of a name."""
        return [other for other in self.boxes if other.startswith(name + "/")]

    def create(self, name: str) -> bool:
        """Make a mailbox and what stands above it; whether it could be."""
        if name in self.boxes:
            return False
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            above = "/".join(parts[:depth])
            self.boxes.setdefault(above, Box(above))
        return True

    def delete(self, name: str) -> bool:
        """Delete a mailbox without inferiors; whether it could be."""
        if name == "INBOX" or name not in self.boxes or self.below(name):
            return False
        box = self.boxes.pop(name)
        box.is_deleted = True
        self.deleted.append(box)
        return True

    def rename(self, old: str, new: str) -> bool:
        """RFC 3501 §6.3.5: inferiors follow; of INBOX, the messages go. Whether it could be."""
        if old not in self.boxes or new in self.boxes:
            return False
        if old == "INBOX":
            self.create(new)
            inbox = self.boxes["INBOX"]
            messages = [(one.content, one.flags) for one in inbox.messages.values()]
            if messages:
                self.boxes[new].arrive(messages)
                inbox.remove(inbox.uids)
            return True
        if new.startswith(old + "/"):
            return False
        moving = [old, *self.below(old)]
        if any(new + name[len(old) :] in self.boxes for name in moving):
            return False
        self._move(moving, lambda name: new + name[len(old) :])
        self._make_superiors(new)
        return True

    def learn_uidvalidity(self, box: Box, uidvalidity: int) -> None:
        """The server has said it: for ever, and no other mailbox has it, or had it (G29)."""
        assert box.uidvalidity in (None, uidvalidity), "UIDVALIDITY of a mailbox has changed"
        box.uidvalidity = uidvalidity
        for other in (*self.boxes.values(), *self.deleted):
            if other is not box and other.uidvalidity is not None:
                assert other.uidvalidity != uidvalidity, f"{other.name} and {box.name}"
                if other.is_deleted and other.name == box.name:
                    assert other.uidvalidity < uidvalidity, "UIDVALIDITY of a name has fallen"

    def _move(self, names: Sequence[str], renamed: Callable[[str], str]) -> None:
        for name in names:
            box = self.boxes.pop(name)
            box.name = renamed(name)
            self.boxes[box.name] = box
            next(box.steps)

    def _make_superiors(self, name: str) -> None:
        above, _, _ = name.rpartition("/")
        if above:
            self.create(above)
