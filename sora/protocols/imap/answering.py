"""What all commands have in common: one is looked up, checked against the state, parsed and run;
what changed in the selected mailbox is told before the tagged line; and the tagged line comes
from the table of errors if it failed.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from sora.errors import BadSyntax, NumbersRefused, SoraError, UnknownCommand, WrongState
from sora.net.ended import ConnectionEnded
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.errors import BAD, SERVER_BUG, answer_to
from sora.protocols.imap.wire.head import NO_HEAD, Head, head_of, tag_of
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.write import text as sentence
from sora.protocols.in_hand import Chronicle, CommandInHand, name_of

if TYPE_CHECKING:
    from sora.protocols.imap.session import Session


class Answering:
    """Answers the commands of one session."""

    log = Logger()

    def __init__(self, session: "Session") -> None:
        self._session = session
        self.tag = b""
        """the tag of the command in hand"""
        self.in_hand: type[Command] | None = None
        """the command itself"""
        self.command = CommandInHand(
            Chronicle(
                "imap",
                session.id,
                session.connection,
                self,
                session.services.metrics,
                session.limits.slow_command,
            ),
            session.services.traces,
        )
        """when it came, and how it ends"""
        self.afterwards: Callable[[], None] | None = None
        """what is done when the tagged line is written"""
        self.bad = 0
        """bad commands in a row"""

    @property
    def whose(self) -> str:
        """The address of who has logged in; empty before that."""
        return self._session.user

    async def execute(self, text: bytes) -> None:
        """Answer one complete command."""
        session = self._session
        head = head_of(text)
        if head is None:
            session.literals.let_go()
            self.refuse(text, NO_HEAD)
            return
        self.tag = head.tag
        self.command.begin()
        kind: type[Command] | None = None
        command: Command | None = None
        status = b"OK"
        by_uid = False
        try:
            self.in_hand = kind = self.find(head)
            by_uid = head.by_uid
            command = kind.parse(scan := self.scanner(text, head), session.dialect, by_uid)
            scan.end()
            done = await command.run(session)
            if done is None:
                done = (b"UID " if by_uid else b"") + kind.word + b" completed"
            self.bad = 0
        except SoraError as error:
            status, done = _said_of(error, kind)
            self.command.failed(kind, error, status == BAD)
            self.command.not_done(kind, text, error)
        except (ConnectionEnded, CancelledError):
            raise
        except Exception:  # noqa: BLE001 - the answer loop: one of the three places that may
            self.command.has_bug(kind, text)
            status = SERVER_BUG.condition
            self.command.failed(kind, None, status == BAD)
            done = _words(SERVER_BUG.code_of(SoraError()), f"See log: {session.id}")
        if session.selected is not None and not session.is_ending:
            understood = command is not None and status != BAD
            await session.telling.all(understood and command.lets_expunge(by_uid))  # type: ignore[union-attr]
        session.write(head.tag + b" " + status + b" " + done + b"\r\n")
        self._ended(kind, status)

    def _ended(self, kind: type[Command] | None, status: bytes) -> None:
        session = self._session
        self.in_hand = None
        session.literals.let_go()
        self.command.answered(name_of(kind), status.decode("ascii").lower())
        session.holding.check()
        if status == BAD:
            self._count_bad()
        if self.afterwards is not None:
            afterwards, self.afterwards = self.afterwards, None
            afterwards()

    def let_go(self) -> None:
        """The conversation is over, perhaps in the middle of a command."""
        self.command.gone(name_of(self.in_hand))

    def find(self, head: Head) -> type[Command]:
        """The command of a word that is allowed now. Raises UnknownCommand, WrongState, and
        NumbersRefused for one that speaks of message numbers where there are none."""
        session = self._session
        kind = session.dialect.commands.get(head.word)
        if kind is None or (head.by_uid and not kind.has_uid_form):
            raise UnknownCommand(
                f"There is no command {'UID ' * head.by_uid}{head.word.decode()[:40]}"
            )
        if session.enabled.uidonly and kind.takes_numbers and not head.by_uid:
            raise NumbersRefused
        if not kind.states & session.state:
            raise WrongState(_out_of_place(kind, session.state))
        return kind

    def scanner(self, text: bytes, head: Head) -> Scanner:
        """A scanner over the arguments of a command, or of the beginning of one."""
        return Scanner(text, head.end, utf8=self._session.takes_utf8)

    def fail(self, text: bytes, kind: type[Command] | None, error: SoraError) -> None:
        """Answer a command of which only the beginning has come."""
        status, done = _said_of(error, kind)
        self._session.write(tag_of(text) + b" " + status + b" " + done + b"\r\n")
        self.command.failed(kind, error, status == BAD)
        if status == BAD:
            self._count_bad()

    def refuse(self, text: bytes, why: str) -> None:
        """Answer what cannot be understood as a command."""
        self._session.write(tag_of(text) + b" BAD " + why.encode() + b"\r\n")
        self.command.answered("unknown", "bad", 0.0)
        self.command.failed(None, BadSyntax(why), True)
        self._count_bad()

    def _count_bad(self) -> None:
        self.bad += 1
        limits = self._session.limits
        if self.bad >= (
            limits.bad_commands if self._session.identity else limits.bad_commands_before_login
        ):
            self._session.bye(b"Too many bad commands")


def _said_of(error: SoraError, kind: type[Command] | None) -> tuple[bytes, bytes]:
    """The condition, and the words behind it."""
    answer = answer_to(error, kind.answers if kind else {})
    return answer.condition, _words(answer.code_of(error), error.told)


def _words(code: bytes, text: str) -> bytes:
    words = sentence(text)
    return code + b" " + words if code else words


def _out_of_place(kind: type[Command], state: int) -> str:
    word = kind.word.decode("ascii")
    if kind.states == State.GREETED:
        return f"{word} is not allowed after the login"
    if state == State.GREETED:
        return f"{word} is not allowed before the login"
    return f"{word} needs a selected mailbox"
