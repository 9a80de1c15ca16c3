"""One conversation.

The session takes events from the reader one after the other, and has each complete command
answered (`sora.protocols.imap.answering`). Commands see the session as their whole world: who has
logged in, which mailbox is open, how to write, how to ask the client for more.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from twisted.logger import Logger

from sora.auth.interfaces import Identity
from sora.errors import (
    BadSyntax,
    NotPermitted,
    SoraError,
    WrongState,
)
from sora.mail.mailbox_names import name_key
from sora.mail.numbers import SequenceSet
from sora.mailbox.account import Account
from sora.mailbox.reach import SessionFacts
from sora.mailbox.selected import Selected
from sora.net.connection import Connection
from sora.net.ended import ConnectionEnded, TimedOut, Unreadable
from sora.net.standing import Standing, client_text
from sora.protocols.imap.answering import Answering
from sora.protocols.imap.capabilities import When
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.contexts import Contexts
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.enabled import Enabled
from sora.protocols.imap.errors import goodbye
from sora.protocols.imap.holding import Holding
from sora.protocols.imap.literals import Literals
from sora.protocols.imap.progress import Progress
from sora.protocols.imap.saved_result import SavedResult
from sora.protocols.imap.services import Limits, Services
from sora.protocols.imap.telling import Telling
from sora.protocols.imap.wire.codes import capability
from sora.protocols.imap.wire.reader import Chunk, Hopeless, IMAPReader, Line, Offer, TooLong
from sora.protocols.imap.wire.write import mailbox as mailbox_name

STATE_NAMES: Final = {
    State.GREETED: "not authenticated",
    State.AUTHENTICATED: "authenticated",
    State.SELECTED: "selected",
}


class Session:
    """The state of one conversation."""

    log = Logger()

    def __init__(
        self,
        connection: Connection,
        reader: IMAPReader,
        dialect: Dialect,
        services: Services,
        limits: Limits,
    ) -> None:
        self.connection = connection
        self.dialect = dialect
        self.services = services
        self.limits = limits
        self.id = services.new_id()
        self.client: dict[str, str] = {}
        """what the client said of itself with ID"""
        self.contexts = Contexts()
        """searches whose results the client is kept informed of (RFC 5267)"""
        self.is_ending = False
        self._stopped: SoraError | None = None
        self.write = connection.write
        self.literals = Literals(self, reader)
        self.is_idling = False
        self._reader = reader
        self.answering = Answering(self)
        self.holding = Holding(self)
        connection.describe = self.describe
        self._before_login()
        connection.memory = lambda: self.holding.octets

    def _before_login(self) -> None:
        """Nobody has logged in: all that a login brings with it is as it was at first."""
        self.identity: Identity | None = None
        self.state = State.GREETED
        self.enabled = Enabled(self.dialect.enabling)
        self.selected: Selected | None = None
        self.telling = Telling(self)
        self.saved = SavedResult()
        """what `$` stands for (RFC 5182)"""
        self._account: Account | None = None
        self.answering.bad = 0
        self._reader.line_limit = self.limits.line_before_login
        self._reader.skip_limit = self.limits.skip_before_login

    def describe(self) -> Standing:
        """The state (RFC 9051 §3), with the mailbox that is selected."""
        state = "idle" if self.is_idling else STATE_NAMES[self.state]
        name = f" {self.selected.name}" if self.selected is not None else ""
        return Standing(state + name, client_text(self.client))

    # ---------------------------------------------------------- the conversation

    async def converse(self) -> None:
        """Greet, answer until the end, and let go of everything."""
        self._await_login()
        self.untagged(b"OK " + capability(self.capabilities) + b" Sora is ready")
        try:
            while not self.is_ending:
                waiting = self.telling.notifying or self
                event = await waiting.next_event()
                if type(event) is Line:
                    await self.answering.execute(event.text)
                else:
                    await self._unusual(event)
        except TimedOut:
            self.untagged(b"BYE Nothing was heard for too long")
        except Unreadable:
            self.untagged(b"BYE What was sent cannot be inflated")
        finally:
            await self._let_go()

    def _await_login(self) -> None:
        now = self.connection.clock.seconds()
        self.connection.must_end_by = now + self.limits.login_timeout

    async def next_event(self) -> Any:
        """What the client sends next. Raises ConnectionEnded; TimedOut."""
        timeout = self.limits.idle_timeout if self.identity else self.limits.login_timeout
        while True:
            event = await self.connection.event_or_wake(timeout)
            if event is not None:
                return event
            if self._stopped is not None:
                raise self._end(self._stopped)
            if self.connection.is_overdue:
                raise self.connection.timed_out()

    async def event_or_change(self, timeout: float) -> Any:  # noqa: ASYNC109
        """What the client sends next, or None after `timeout` seconds or a call of `wake`.

        Raises ConnectionEnded.
        """
        began = self.connection.clock.seconds()
        event = await self.connection.event_or_wake(timeout)
        self.answering.command.waited += self.connection.clock.seconds() - began
        if event is None and self._stopped is not None:
            raise self._end(self._stopped)
        return event

    def wake(self) -> None:
        """Make `event_or_change` return."""
        self.connection.wake()

    def stop(self, why: SoraError) -> None:
        """Say goodbye, and why, when the command in hand is answered."""
        self._stopped = why
        self.connection.wake()

    def _end(self, why: SoraError) -> ConnectionEnded:
        """Say goodbye (RFC 9051 §7.1.5); gives what to raise."""
        self.untagged(b"BYE " + goodbye(why))
        return ConnectionEnded()

    async def _let_go(self) -> None:
        self.services.memory.held("imap", self.holding.peak)
        self.answering.let_go()
        self.literals.let_go()
        self.telling.notify(None)
        await self.deselect()

    async def _unusual(self, event: Offer | Chunk | TooLong | Hopeless) -> None:
        match event:
            case Offer():
                await self.literals.take(event)
            case TooLong(text):
                self.literals.let_go()
                self.answering.refuse(text, "The line is too long")
            case Hopeless():
                self.bye(b"Too much was sent that cannot be taken")
            case Chunk():
                raise AssertionError("A chunk of a literal that nobody streams")

    # ---------------------------------------------------------- for commands: writing and asking

    def bye(self, why: bytes) -> None:
        """End the conversation, and say why."""
        if not self.is_ending:
            self.untagged(b"BYE " + why)
        self.is_ending = True

    def untagged(self, line: bytes) -> None:
        """Send `* line`."""
        self.write(b"* " + line + b"\r\n")

    @property
    def takes_utf8(self) -> bool:
        """Whether names of mailboxes go to and fro in UTF-8 (RFC 6855 §3, RFC 9051 §5.1)."""
        return self.enabled.utf8

    def spelled(self, name: str) -> bytes:
        """The name of a mailbox as this client reads it."""
        return mailbox_name(name, self.takes_utf8)

    def continuation(self, line: bytes) -> None:
        """Send `+ line`."""
        self.write(b"+ " + line + b"\r\n")

    async def ask(self, challenge: bytes) -> bytes:
        """Send `+ challenge` and give the line that answers it. Raises BadSyntax if none does."""
        self.continuation(challenge)
        began = self.connection.clock.seconds()
        event = await self.next_event()
        self.answering.command.waited += self.connection.clock.seconds() - began
        if type(event) is Line:
            return bytes(event.text)
        self.forget(event)
        raise BadSyntax("A line was expected")

    def forget(self, event: Any) -> None:
        """Something came that has no place here; the reader stays in step."""
        if type(event) is Offer:
            self._reader.refuse()
        elif type(event) is Hopeless:
            self.bye(b"Too much was sent that cannot be taken")

    async def drain(self) -> None:
        """Wait while the client does not read; this time is the client's, not ours (G66)."""
        began = self.connection.clock.seconds()
        await self.connection.drain()
        self.answering.command.waited += self.connection.clock.seconds() - began

    def working(self, goal: int | None = None) -> Progress:
        """What takes place in this block may take long, and the client hears of it (RFC 9585);
        `goal` is how many things there are to do, where that can be said."""
        return Progress(self, goal)

    def after_answer(self, work: Callable[[], None]) -> None:
        """Do something when the tagged line is written."""
        self.answering.afterwards = work

    def cut_off(self) -> None:
        """Hang up in the middle of an answer that cannot be completed."""
        self.connection.abort()

    def end(self) -> None:
        """The conversation ends with this command."""
        self.is_ending = True

    # ---------------------------------------------------------- for commands: who, and where

    @property
    def tag(self) -> bytes:
        """The tag of the command in hand."""
        return self.answering.tag

    @property
    def in_hand(self) -> type[Command] | None:
        """The command that is being answered; None between two of them."""
        return self.answering.in_hand

    @property
    def user(self) -> str:
        """The address of who has logged in; empty before that."""
        return self.identity.address if self.identity is not None else ""

    @property
    def account(self) -> Account:
        """The account of the user who has logged in."""
        if self._account is None:
            raise WrongState("Log in first")
        return self._account

    @property
    def mailbox(self) -> Selected:
        """The selected mailbox, while it may be read (RFC 4314 §5.1.1)."""
        if self.selected is None:
            raise WrongState("Select a mailbox first")
        if not self.selected.is_readable:
            raise NotPermitted("You may no longer read this mailbox")
        return self.selected

    def uids(self, messages: SequenceSet, by_uid: bool) -> Sequence[int]:
        """The UIDs that a command names, by themselves or by message numbers.

        Raises BadArgument when a number is out of range.
        """
        if messages.is_saved:
            return self.saved_uids()
        view = self.mailbox.view
        return view.of_uids(messages) if by_uid else view.of_numbers(messages)

    def saved_uids(self) -> Sequence[int]:
        """The UIDs that `$` stands for, ascending (RFC 5182). Raises BadSyntax when the client
        was not told of it."""
        if not self.dialect.has(b"SEARCHRES"):
            raise BadSyntax("A set of numbers is missing")
        return self.saved.uids(self.mailbox.view)

    @property
    def may_log_in(self) -> bool:
        """Whether a password would be taken on this connection."""
        return self.connection.is_tls or self.services.insecure_auth

    @property
    def can_start_tls(self) -> bool:
        """Whether STARTTLS is possible now."""
        return self.services.tls is not None and not self.connection.is_tls

    @property
    def capabilities(self) -> tuple[bytes, ...]:
        """What the client is told of now."""
        circumstances = When.AFTER_LOGIN if self.identity else When.BEFORE_LOGIN
        circumstances |= When.MAY_LOG_IN if self.may_log_in else When.MAY_NOT_LOG_IN
        if self.can_start_tls:
            circumstances |= When.CAN_START_TLS
        if self.identity is None and self.connection.bindings:
            circumstances |= When.CAN_BIND
        return self.dialect.capabilities(circumstances, self.limits)

    def enable(self, name: bytes) -> None:
        """The client understands an extension from now on (RFC 5161 §3.1)."""
        had_modseqs = self.enabled.condstore
        self.enabled.add(name)
        if self.enabled.uidonly:
            self.contexts.keep_uids_only()
        if self.enabled.rev2 and self.selected is not None:
            self.selected.view.ignore_recent()
        if self.enabled.condstore and not had_modseqs and self.selected is not None:
            # RFC 7162 §3.1: what the modseqs are counted from that are told from now on.
            self.telling.modseq()

    def used(self, words: Iterable[bytes]) -> None:
        """The client used items or parameters of these names; some of them show that it
        understands an extension (RFC 7162 §3.1, "CONDSTORE enabling commands")."""
        for word in words:
            name = self.dialect.enabled_by.get(word)
            if name is not None and name not in self.enabled:
                self.enable(name)

    def enter(self, identity: Identity) -> None:
        """Somebody has logged in. Raises TooMany when he has too many connections."""
        self.connection.identify(identity.address)
        facts = SessionFacts(self.id, "imap", self.connection.peer.host)
        self._account = self.services.mail.account(identity, facts)
        self.identity = identity
        self.state = State.AUTHENTICATED
        self.answering.bad = 0
        self.connection.must_end_by = None
        self._reader.line_limit = self.limits.line
        self._reader.skip_limit = self.limits.skip

    async def unauthenticate(self) -> None:
        """Be as before the login, but for TLS and what the client said of itself (RFC 8437)."""
        self.telling.notify(None)
        await self.deselect()
        self._before_login()
        self.connection.unidentify()
        self._await_login()
        self.after_answer(self.connection.end_deflate)

    async def select(self, name: str, read_only: bool) -> Selected:
        """Open a mailbox, leaving the one that was open. Raises NoSuchMailbox, with none open."""
        await self.deselect()
        self.selected = await self.account.select(name, read_only)
        if self.enabled.rev2:
            self.selected.view.ignore_recent()
        self.saved.clear()
        self.state = State.SELECTED
        return self.selected

    async def deselect(self) -> None:
        """Leave the selected mailbox; nothing is expunged."""
        selected, self.selected = self.selected, None
        self.telling.forget()
        self.contexts.clear()
        if selected is not None:
            self.state = State.AUTHENTICATED
            await selected.close()

    def is_selected(self, name: str) -> bool:
        """Whether this is the mailbox that is open."""
        return self.selected is not None and name_key(self.selected.name) == name_key(name)

    def start_deflate(self) -> None:
        """Compress in both directions once the tagged line is written. Raises WrongState when
        that is done already."""
        if self.connection.is_compressed:
            raise WrongState("DEFLATE is active already")
        deflaters = self.services.deflaters
        self.after_answer(
            lambda: self.connection.start_deflate(deflaters, self._reader.take_rest())
        )
