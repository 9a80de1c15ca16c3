"""What a script may ask of the world, and what it may want done.

`run` yields questions, and is sent the answers; the actions are in the outcome that it returns.
Both are plain values: whoever runs scripts (delivery, `sora-admin sieve test`, a filter over
stored mail) answers and acts in its own way.

Names of mailboxes are as the script wrote them: Unicode, "/" between levels; they are folded and
checked by whoever acts. `flags` are names (`\\Seen`, `$Label`); None leaves them to the delivery.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from attrs import field, frozen

# ------------------------------------------------------------------ messages


@frozen
class Edited:
    """The message as it stood when an action was taken (editheader, mime): later edits are not in
    it (RFC 5293 §7, G46).

    `header` is the whole header block with its empty line. `body` is None while the body is that
    of the message as it arrived, which begins there at octet `body_start`.
    """

    header: bytes = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    body_start: int = 0

    def octets(self, original: bytes) -> bytes:
        """The edited message; `original` is the whole message as it arrived."""
        body = original[self.body_start :] if self.body is None else self.body
        return self.header + body

    def size(self, original: int) -> int:
        """Octets, when the message as it arrived has `original` of them."""
        rest = original - self.body_start if self.body is None else len(self.body)
        return len(self.header) + rest


# ------------------------------------------------------------------ actions


@frozen
class FileInto:
    """File a copy into a mailbox (RFC 5228 §4.1).

    `create` makes it if it is missing (RFC 5490 §3.2); `special_use` prefers the mailbox with that
    use (RFC 8579 §4), `mailbox_id` the one with that id (RFC 9042 §4); `mailbox` is then used when
    there is none. A mailbox that does not exist and is not to be created is INBOX instead.
    """

    mailbox: str
    flags: tuple[str, ...] | None = None
    create: bool = False
    special_use: str | None = None
    mailbox_id: str | None = None
    message: Edited | None = None


@frozen
class Keep:
    """File into the default mailbox (RFC 5228 §4.3). It is not among the actions of an outcome, but
    its `keep`: the next script of a chain takes its place. INBOX is one mailbox: who acts merges it
    with a `FileInto` of INBOX (RFC 5228 §2.10.3)."""

    flags: tuple[str, ...] | None = None
    message: Edited | None = None


@frozen
class Discard:
    """The implicit keep was cancelled, and nothing else (RFC 5228 §4.4). Nothing is to be done; it
    stands among the actions so that a trace can tell."""


@frozen
class DeliverBy:
    """RFC 6009 §5: when the message is of no more use.

    `at` is a moment, or a number of seconds from now; `mode` what happens then.
    """

    at: datetime | int
    mode: Literal["notify", "return"] = "return"
    trace: bool = False


@frozen
class Redirect:
    """Send the message on (RFC 5228 §4.2), with the envelope's sender, or the null sender.

    `address` is an addr-spec. `notify` and `ret` are what DSN asks for (RFC 6009 §4: `NEVER`, or
    some of `SUCCESS FAILURE DELAY`; `FULL` or `HDRS`), `by` what DELIVERBY does.
    """

    address: str
    notify: tuple[str, ...] | None = None
    ret: Literal["FULL", "HDRS"] | None = None
    by: DeliverBy | None = None
    message: Edited | None = None


@frozen
class Reject:
    """Refuse the message (RFC 5429): at the protocol's level where that can be; else `reject` sends
    an MDN. With `only_refuse` (`ereject`) it prefers a protocol's answer to an MDN even if that
    cannot carry all of the reason (RFC 5429 §2.1.1)."""

    reason: str
    only_refuse: bool = False


@frozen
class Vacation:
    """Answer the sender that the owner is away (RFC 5230), if nothing speaks against it (G43).

    Times are in seconds. `sender` is `:from`, None if not given; `addresses` are `:addresses`,
    which come to the account's own. `mime`: `reason` is a MIME entity with its header fields.
    `handle` tells one reply from another: the script's own, or one made of what the reply says.
    `fcc` files a copy (RFC 8580)."""

    reason: str
    handle: str
    seconds: int
    subject: str | None = None
    sender: str | None = None
    addresses: tuple[str, ...] = ()
    mime: bool = False
    fcc: FileInto | None = None
    message: Edited | None = None


@frozen
class Notify:
    """Tell somebody of the message (RFC 5435). `method` is a URI (`mailto:...`, RFC 5436);
    `importance` is 1 (high), 2 or 3; `sender` is `:from`; `text` is `:message`, None for one of
    the method's own."""

    method: str
    importance: Literal[1, 2, 3] = 2
    sender: str | None = None
    options: tuple[str, ...] = ()
    text: str | None = None
    fcc: FileInto | None = None
    message: Edited | None = None


@frozen
class Remember:
    """What `duplicate` has seen (RFC 7352): recorded only when the delivery has gone well.
    `seconds` is how long it is remembered, from now; with `last`, a message that is seen again
    begins it anew."""

    handle: str
    id: str
    seconds: int
    last: bool = False


Action = FileInto | Discard | Redirect | Reject | Vacation | Notify | Remember

# ------------------------------------------------------------------ questions


@frozen
class MailboxExists:
    """Does each of these mailboxes exist, and may mail be filed into it (RFC 5490 §3.1)? -> bool"""

    names: tuple[str, ...]


@frozen
class SpecialUseExists:
    """Has the mailbox (None: any of the account) all of these uses (RFC 8579 §3)? -> bool"""

    mailbox: str | None
    uses: tuple[str, ...]


@frozen
class MailboxIdExists:
    """Is there a mailbox with this id (RFC 9042 §3), into which mail may be filed? -> bool"""

    id: str


@frozen
class GetMetadata:
    """The values of annotations (RFC 5490 §3.3, §3.5; names such as `/private/comment`) of a
    mailbox, or of the server when it is None -> tuple[str | None, ...], one for each entry, None
    for what is not set; also when there is no such mailbox."""

    mailbox: str | None
    entries: tuple[str, ...]


@frozen
class LoadScript:
    """A script by its name (RFC 6609 §3.2) -> Script, None if there is no such one, or ScriptErrors
    if it does not compile. `location` is where it is kept: the owner's or the site's."""

    name: str
    location: Literal["personal", "global"] = "personal"


@frozen
class SeenBefore:
    """Was this id recorded under this handle, and is not yet forgotten (RFC 7352 §3)? Reading only.
    -> bool"""

    handle: str
    id: str


@frozen
class InList:
    """Is any of these values in the external list (RFC 6134 §2.2)? -> the value that is, or None"""

    list: str
    values: tuple[str, ...]


@frozen
class ListMembers:
    """The addresses in an external list (RFC 6134 §2.3: redirect :list), at most `limit` of them
    -> tuple[str, ...], or None if there is no such list."""

    list: str
    limit: int


@frozen
class ListExists:
    """Is this the name of an external list that can be used (RFC 6134 §2.5)? -> bool"""

    list: str


@frozen
class ReadMessage:
    """The first `limit` octets of the message as it arrived, header included -> bytes"""

    limit: int


Question = (
    MailboxExists
    | SpecialUseExists
    | MailboxIdExists
    | GetMetadata
    | LoadScript
    | SeenBefore
    | InList
    | ListMembers
    | ListExists
    | ReadMessage
)

Answer = Callable[[Question], object]
"""Answers a question at once: what tests and the command line drive `run` with."""
