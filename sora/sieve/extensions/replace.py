"""replace (RFC 5703 §5): other content in the place of a part, or of the message."""

from typing import Final

from sora.mail.compose import Mailbox
from sora.sieve.body import whole
from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.extension import Asking, Command, Extension, Kind, Parameter, Tag
from sora.sieve.extensions.vacation import check_mailboxes
from sora.sieve.mailboxes import mailbox_list
from sora.sieve.mime_edit import replacement, with_all_replaced, with_part_replaced
from sora.sieve.run import Run


def _replace(run: Run, call: Call) -> Asking[None]:
    text = call.string(run, "replacement")
    body = yield from whole(run)
    entity = replacement(text, call.has("mime"))
    root, part = body.tree(run), body.part(run)
    if part is root:
        subject = call.string(run, "subject") if call.has("subject") else None
        made = with_all_replaced(run.header, entity, subject, _sender(run, call))
        body.replace(run, made.header, made.body)
    else:
        assert body.octets is not None
        octets = with_part_replaced(body.octets, part, entity)
        body.replace(run, run.header, octets[root.body :])
    run.note("replace")


def _sender(run: Run, call: Call) -> tuple[Mailbox, ...]:
    if not call.has("from"):
        return ()
    text = call.string(run, "from")
    found = mailbox_list(text)
    if found is None:
        raise run.problem(f"{shown(text)} is not an address, nor a list of addresses")
    return found


def _check_whole(checking: Checking, call: Call) -> None:
    for name in ("subject", "from"):
        if call.has(name):
            text = f"With ':mime', ':{name}' would be ignored: both exclude each other"
            checking.error(call.ats[name], text)


EXTENSION: Final = Extension(
    "replace",
    words=(
        Command(
            "replace",
            _replace,
            (Parameter("replacement", Kind.STRING),),
            (
                Tag("mime", check=_check_whole),
                Tag("subject", Kind.STRING),
                Tag("from", Kind.STRING, check_text=check_mailboxes),
            ),
        ),
    ),
)
