"""A part of a message that an included script sees as if it were all of it (RFC 6609 §3.5).

What the script does to it, it does to the part: whatever takes the message, then and afterwards,
takes all of it with that in its place.
"""

from typing import TYPE_CHECKING

from attrs import define

from sora.mail.message import Part
from sora.sieve.body import Body
from sora.sieve.message import Header, Message

if TYPE_CHECKING:
    from sora.sieve.run import Run


@define(eq=False)
class Around:
    """The message, or part of it, that a part is presented of: as a run had it."""

    message: Message
    header: Header
    edited_body: bytes | None
    unenclosed: tuple[Header, bytes | None] | None
    body: Body
    part: Part
    root: Part

    def merged(
        self, run: "Run", part: Message, header: Header, body: bytes | None, sent_on: bool
    ) -> tuple[Header, bytes | None]:
        """Header and body of it when the part that is presented has these; `body` is None for the
        one that the part had."""
        if header is part.header and body is None:
            if sent_on and self.unenclosed is not None:
                return self.unenclosed
            return self.header, self.edited_body
        octets = self.body.octets
        assert octets is not None, "a part of it was looked at"
        if self.edited_body is None and self.message.size > run.limits.body:
            raise run.problem(
                f"The message has {self.message.size} octets; only one of at most"
                f" {run.limits.body} can be changed"
            )
        if body is None:
            body = octets[self.part.body : self.part.end]
        # The line end before a delimiter belongs to it.
        made = header.octets() + body
        if self.part.end < len(octets):
            made = made.removesuffix(b"\r\n")
        whole = octets[self.root.body : self.part.start] + made + octets[self.part.end :]
        return self.header, whole


def present(run: "Run", body: Body, part: Part) -> Around:
    """Let what runs now see a part, which is not the message itself; `restore` ends it."""
    octets = body.octets
    assert octets is not None, "a part of it was looked at"
    around = Around(
        run.message, run.header, run.edited_body, run.unenclosed, body, part, body.tree(run)
    )
    inside = octets[part.start : part.end]
    header = Header.of(octets[part.start : part.body])
    run.message = Message(header, len(inside), run.message.envelope, part.body - part.start)
    run.header, run.edited_body, run.unenclosed = header, None, None
    run.exchange(Body, Body(inside))
    run.around.append(around)
    return around


def restore(run: "Run", around: Around) -> None:
    """See what was there before, with what has become of the part."""
    part, header, edited = run.message, run.header, run.edited_body
    run.around.pop()
    run.message, run.header, run.edited_body = around.message, around.header, around.edited_body
    run.unenclosed = around.unenclosed
    run.exchange(Body, around.body)
    if header is not part.header or edited is not None:
        new_header, new_body = around.merged(run, part, header, edited, False)
        assert new_body is not None, "it is changed"
        around.body.replace(run, new_header, new_body)
