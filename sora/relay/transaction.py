"""One message over an SMTP connection: MAIL and RCPT with their parameters, an answer for each
recipient, DATA with back-pressure.

A 4yz or 5yz that says something about this client instead of a message (wrong credentials, 421) is
`Unavailable`: it uses up nothing, and is never a reason to bounce mail.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Final

from attrs import evolve, frozen
from twisted.internet.defer import Deferred

from sora.errors import Unavailable
from sora.mail.seven_bits import NotConvertible, in_seven_bits
from sora.relay.entry import Answer, Fate
from sora.relay.interfaces import Content, OutgoingRecipient, in_memory
from sora.relay.smtp_client import ConnectionBroken, SMTPConnection
from sora.relay.transport import Consignment
from sora.relay.wire.answers import Reply
from sora.relay.wire.data import DataEncoder
from sora.relay.wire.envelope import Content as Facts
from sora.relay.wire.envelope import Refusal, mail_command, rcpt_command
from sora.threads import Threads

BLOCK: Final = 64 * 1024
MAX_CONVERTED: Final = 32 * 1024 * 1024
"""Octets of a message that is converted for a server that does not take it as it is."""
NOT_ABOUT_THE_MESSAGE: Final = frozenset({421, 432, 454, 530, 534, 535, 538})
"""Codes that speak of the connection or of authentication (RFC 5321 §3.8, RFC 4954 §6)."""


@frozen
class Transaction:
    """`begun` is called when the server has taken the sender: from then on the message may arrive,
    whatever happens."""

    _connection: SMTPConnection
    _threads: Threads
    _begun: Callable[[], None]

    async def send(self, consignment: Consignment) -> Sequence[Answer]:
        """The answer for each recipient.

        Raises ConnectionBroken when the connection ends, Unavailable when the server does not
        speak of the message, or the message cannot be read.
        """
        connection = self._connection
        if consignment.eight_bit and b"8BITMIME" not in connection.offered:
            consignment = await self._in_seven_bits(consignment)
        outgoing = consignment.outgoing
        count = len(outgoing.recipients)
        content = Facts(consignment.size, consignment.eight_bit)
        try:
            line = mail_command(outgoing, content, connection.offered, connection.seconds())
        except Refusal as refusal:
            return [self._refused(refusal)] * count
        connection.messages += 1
        recipients = [self._recipient(one) for one in outgoing.recipients]
        lines = [one for one in recipients if isinstance(one, bytes)]
        with closing(self._in_turn([line, *lines])) as replies:
            reply = await next(replies)
            if not reply.is_good:
                for left in replies if b"PIPELINING" in connection.offered else ():
                    await left
                self._require_about_the_message(reply)
                return [self._answer(reply)] * count
            self._begun()
            answers = [
                one if isinstance(one, Answer) else self._answer(await next(replies))
                for one in recipients
            ]
        accepted = [answer.fate is Fate.SENT for answer in answers]
        if not any(accepted):
            await connection.command(b"RSET")
            return answers
        reply = await connection.command(b"DATA", connection.timeouts.data)
        if reply.code == 354:
            reply = await self._body(consignment)
        if reply.code == 354 or not (reply.is_good or 400 <= reply.code < 600):
            connection.abort("it answers out of turn")
            reply = Reply(451, "4.5.0", "The server answered out of turn")
        final = self._answer(reply)
        return [
            self._relayed(final, one.notify) if taken else answer
            for one, answer, taken in zip(outgoing.recipients, answers, accepted, strict=True)
        ]

    async def _in_seven_bits(self, consignment: Consignment) -> Consignment:
        """The same message in 7 bits; as it is, where that cannot be (RFC 6152 §3)."""
        if consignment.size > MAX_CONVERTED:
            return consignment
        octets = await self._threads.run(_converted, consignment.open)
        if octets is None:
            return consignment
        return evolve(consignment, size=len(octets), eight_bit=False, open=in_memory(octets))

    def _recipient(self, recipient: OutgoingRecipient) -> bytes | Answer:
        """What is said of a recipient; the answer where that cannot be said."""
        try:
            return rcpt_command(recipient, self._connection.offered)
        except Refusal as refusal:
            return self._refused(refusal)

    def _in_turn(self, lines: Sequence[bytes]) -> "Generator[Deferred[Reply], None, None]":
        """Ask several things, all at once where the server takes that (RFC 2920), else each when
        its reply is waited for."""
        command = self._connection.command
        if b"PIPELINING" not in self._connection.offered:
            yield from map(command, lines)
            return
        asked = [command(line) for line in lines]
        try:
            yield from asked
        finally:
            # Nobody waits for what comes after a connection that has ended.
            for one in asked:
                one.addErrback(lambda _: None)

    async def _body(self, consignment: Consignment) -> Reply:
        """The message, as fast as it is taken. A server that answers before its end has refused
        it; the connection is of no more use then."""
        connection, threads = self._connection, self._threads
        final = connection.expect(connection.timeouts.block)
        encoder = DataEncoder()
        connection.transport.registerProducer(connection.flow, True)
        try:
            opened = await threads.run(consignment.open)
            try:
                while not final.called and (block := await threads.run(opened.read, BLOCK)):
                    connection.setTimeout(connection.timeouts.block)
                    connection.transport.write(encoder.feed(block))
                    await connection.flow.drained()
            finally:
                opened.close()
        except Unavailable:
            # The dot must not follow: half of a message would arrive for all of it.
            connection.abort("the message could not be sent to its end")
            final.addErrback(lambda _: None)
            raise
        finally:
            if connection.transport is not None:
                connection.transport.unregisterProducer()
        if final.called:
            reply = await final
            connection.abort("it answered before the end of a message")
            return reply if not reply.is_good else Reply(451, "4.5.0", "answered too early")
        connection.transport.write(encoder.end())
        connection.setTimeout(connection.timeouts.final)
        return await final

    def _require_about_the_message(self, reply: Reply) -> None:
        if reply.code in NOT_ABOUT_THE_MESSAGE:
            self._connection.abort(f"it refuses: {reply}")
            raise self._connection.error or ConnectionBroken()

    def _answer(self, reply: Reply) -> Answer:
        fate = Fate.WAITING
        if reply.is_good:
            fate = Fate.SENT
        elif reply.is_permanent and reply.code not in NOT_ABOUT_THE_MESSAGE:
            fate = Fate.REFUSED
        return Answer(fate, reply.code, reply.status, reply.text, self._connection.remote)

    def _refused(self, refusal: Refusal) -> Answer:
        return Answer(Fate.REFUSED, 0, refusal.status, refusal.text, self._connection.remote)

    def _relayed(self, answer: Answer, notify: tuple[str, ...] | None) -> Answer:
        is_last = answer.fate is Fate.SENT and b"DSN" not in self._connection.offered
        if not is_last or "SUCCESS" not in (notify or ()):
            return answer
        return Answer(
            answer.fate, answer.code, answer.status, answer.text, answer.remote, relayed=True
        )


def _converted(content: Content) -> bytes | None:
    """A message in 7 bits, None if it cannot be; in a thread."""
    body = content()
    try:
        pieces = []
        while piece := body.read(BLOCK):
            pieces.append(piece)
    finally:
        body.close()
    try:
        return in_seven_bits(b"".join(pieces))
    except NotConvertible:
        return None
