"""What changed in a mailbox -> untagged lines (RFC 3501 §7.3, §7.4)."""

from collections.abc import Iterable
from typing import Final

from sora.mail.flags import Keywords
from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights
from sora.mailbox.updates import FlagUpdate, ManyFlags, Updates
from sora.protocols.imap.enabled import Enabled
from sora.protocols.imap.wire.responses import flags, permanent_flags

RANGES: Final = 500
"""ranges of UIDs in one line"""


def update_lines(
    updates: Updates, keywords: Keywords, rights: Rights, enabled: Enabled
) -> list[bytes]:
    """The lines in the one order that keeps numbers right (G25): EXPUNGE, EXISTS, RECENT,
    FLAGS, FETCH. `rights` are those to change flags. Of `ManyFlags` nothing is said: they are
    told portion by portion (`flag_lines`)."""
    if enabled.vanished:
        lines = vanished_lines(NumberSet.ascending([uid for _, uid in updates.expunged]))
    else:
        lines = [b"* %d EXPUNGE\r\n" % number for number, _ in updates.expunged]
    if updates.exists is not None:
        lines.append(b"* %d EXISTS\r\n" % updates.exists)
    if updates.recent is not None:
        lines.append(b"* %d RECENT\r\n" % updates.recent)
    if updates.keywords:
        lines += keyword_lines(keywords, rights)
    if not isinstance(updates.flags, ManyFlags):
        lines += flag_lines(updates.flags, keywords, enabled)
    return lines


def flag_lines(updates: Iterable[FlagUpdate], keywords: Keywords, enabled: Enabled) -> list[bytes]:
    """FETCH for messages whose flags have changed."""
    lines = []
    for update in updates:
        line = fetch_opening(update, enabled)
        if not enabled.uidonly:
            line += b"UID %d " % update.uid
        line += b"FLAGS (" + flag_text(keywords, update.mask, update.recent) + b")"
        if enabled.condstore:  # G30
            line += b" MODSEQ (%d)" % update.modseq
        lines.append(line + b")\r\n")
    return lines


def keyword_lines(keywords: Keywords, rights: Rights) -> list[bytes]:
    """Which flags there are, and which can be changed."""
    names = [name for _, name in keywords]
    return [b"* " + flags(names) + b"\r\n", b"* " + permanent_flags(names, rights) + b"\r\n"]


def fetch_opening(state: FlagUpdate, enabled: Enabled) -> bytes:
    """How a FETCH response begins; without message numbers it is UIDFETCH (RFC 9586 §3.3)."""
    if enabled.uidonly:
        return b"* %d UIDFETCH (" % state.uid
    return b"* %d FETCH (" % state.number


def vanished_lines(uids: NumberSet, earlier: bool = False) -> list[bytes]:
    """VANISHED (RFC 7162 §3.2.10); `earlier`: they went before the mailbox was selected. Many
    ranges become several lines, since clients take lines of limited length only."""
    form = b"* VANISHED (EARLIER) %b\r\n" if earlier else b"* VANISHED %b\r\n"
    return [
        form % str(NumberSet(uids.ranges[start : start + RANGES])).encode()
        for start in range(0, len(uids.ranges), RANGES)
    ]


def flag_text(keywords: Keywords, mask: int, recent: bool) -> bytes:
    """What stands between the parentheses of FLAGS."""
    text = keywords.text(mask)
    if recent:
        text = f"{text} \\Recent" if text else "\\Recent"
    return text.encode("ascii")
