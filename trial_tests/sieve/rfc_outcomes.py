"""What the example scripts of the RFCs do with messages of our own, where the RFC says it."""

from datetime import UTC, datetime
from typing import Any, Final

from attrs import field, frozen

from sora.sieve.extensions.spamtest import Score
from sora.sieve.message import Envelope
from trial_tests.sieve.extensions.test_mime import OCTETS as PARTS
from trial_tests.sieve.filters import World
from trial_tests.sieve.rfc_examples import example


def message(*lines: str, body: str = "Hello\n") -> bytes:
    return "".join(f"{line}\n" for line in (*lines, "", body)).replace("\n", "\r\n").encode()


def big(*lines: str, octets: int = 1_100_000) -> bytes:
    return message(*lines, body="x" * 70 + "\n") + b"x" * octets


@frozen
class Case:
    """A script of an RFC, a message, and what becomes of it; `more` is for `ran`."""

    rfc: str
    section: str
    octets: bytes = field(repr=False)
    expected: str
    more: dict[str, Any] = field(factory=dict, repr=False)


def case(rfc: str, section: str, octets: bytes, expected: str, **more: Any) -> Case:
    return Case(rfc, section, octets, expected, more)


FROM_BOSS: Final = "From: boss@example.com"
FRIDAY: Final = datetime(2026, 11, 27, 20, 30, tzinfo=UTC)
SCORES: Final = {"spamtest": Score("X-Spam"), "virustest": Score("X-Virus", most=4)}
LISTS: Final = {
    "urn:ietf:params:sieve:addrbook:default": ("friend@example.com",),
    "tag:example.com,2010-05-28:mylist": ("a@example.com", "b@example.com"),
    "tag:example.com,2011-01-01:localHolidays": ("2026-11-27",),
    "tag:example.com,2011-04-10:DisallowedIPs": ("192.0.2.66",),
    "tag:example.com,2011-04-10:BadFileNameExts": ("x.exe",),
}
INCLUDED: Final = {
    "always_allow": example("6609", "3.2 always_allow").meant,
    "spam_tests": example("6609", "3.2 personal spam_tests").meant,
    "mailing_lists": example("6609", "3.2 mailing_lists").meant,
    "subject_tests": example("6609", "3.4.1 subject_tests").meant,
}
SITE: Final = {"spam_tests": example("6609", "3.2 global spam_tests").meant}


def included() -> World:
    return World(personal=INCLUDED, site=SITE)


TIFF = message("Content-Type: image/tiff")
"""What we cannot convert: it stays a TIFF."""
CASES: Final = (
    # ---------------------------------------------------------------- RFC 5228
    case("5228", "2.3 hash comment", big("Subject: x"), "discard"),
    case("5228", "2.3 hash comment", message("Subject: x"), "keep"),
    case("5228", "2.3 bracket comment", big("Subject: x"), "discard"),
    case("5228", "2.4.2.4 encoded-character", message("Subject: $$$$"), "discard"),
    case("5228", "2.4.2.4 encoded-character", message("Subject: $${hex:24 24}"), "keep"),
    case("5228", "2.5.1 anyof", message("From: a@example.com"), "discard"),
    case("5228", "2.5.1 anyof", message("From: fool@example.com", "Date: x"), "discard"),
    case("5228", "2.5.1 anyof", message("From: a@example.com", "Date: x"), "keep"),
    case("5228", "2.7.3 comparator", message("Subject: MAKE MONEY FAST now"), "discard"),
    case("5228", "2.7.3 comparator", message("Subject: Make money fast"), "keep"),
    case("5228", "3.1 if with fileinto", message("From: coyote@example.com"), "discard"),
    case("5228", "3.1 if with fileinto", message("From: a", "Subject: $$$"), "discard"),
    case("5228", "3.1 if with fileinto", message("From: a", "Subject: b"), "fileinto INBOX"),
    case("5228", "3.1 if with redirect", message("From: coyote"), "redirect acm@example.com"),
    case("5228", "3.1 if with redirect", message("Subject: $$$"), "redirect postmaster@example.com"),
    case("5228", "3.1 if with redirect", message("Subject: x"), "redirect field@example.com"),
    case("5228", "3.2 require list", message("Subject: x"), "keep"),
    case("5228", "4.1 fileinto", message("From: Coyote"), "fileinto INBOX.harassment"),
    case("5228", "4.2 redirect", message("Subject: x"), "redirect bart@example.com"),
    case("5228", "4.4 discard", message("From: idiot@example.com"), "discard"),
    case("5228", "5.1 address", message("From: Tim <tim@example.com>"), "discard"),
    case("5228", "5.1 address", message("From: tim2@example.com"), "keep"),
    case("5228", "5.4 envelope", message("x: y"), "discard", envelope=Envelope("tim@example.com")),
    case("5228", "5.4 envelope", message("From: tim@example.com"), "keep"),
    case("5228", "5.5 exists", message("From: a"), "discard"),
    case("5228", "9 extended example", message("Sender: owner-ietf-mta-filters@imc.org"), "fileinto filter"),
    case("5228", "9 extended example", message("To: x@example.com"), "keep"),
    case("5228", "9 extended example", message("To: x@example.org"), "fileinto spam"),
    case(
        "5228",
        "9 extended example",
        message("To: me@example.com.invalid", "Subject: make money fast"),
        "fileinto spam",
    ),
    case(
        "5228", "9 extended example", message("To: me@example.com.invalid", "Subject: x"), "fileinto personal"
    ),
    # ---------------------------------------------------------------- copy
    case("3894", "1 fileinto and keep", message("Subject: x"), "fileinto unfiltered, keep"),
    case("3894", "1 the same with a rule", message("Subject: MAKE MONEY FAST!!!"), "fileinto unfiltered, discard, keep"),
    case("3894", "3 copy", message("Subject: x"), "fileinto incoming, keep"),
    # ---------------------------------------------------------------- body
    case("5173", "5.1 raw", message("x: y", body="MAKE MONEY FAST"), "discard"),
    case("5173", "5.1 raw", message("x: MAKE MONEY FAST"), "keep"),
    case("5173", "5.2 content", message("x: y", body="the missile"), "fileinto secrets"),
    case("5173", "5.2 content", message("Content-Type: audio/mp3"), "fileinto jukebox"),
    case("5173", "5.2 content", message("x: y"), "keep"),
    case("5173", "5.3 text", message("x: y", body="Project Schedule"), "fileinto project/schedule"),
    # ---------------------------------------------------------------- environment
    case("5183", "4 contains nothing", message("x: y"), "keep", environment={"item": ""}),
    # ---------------------------------------------------------------- variables
    case("5229", "3.2 match variables", message("List-ID: <dev@lists>"), "fileinto INBOX.lists.dev"),
    case(
        "5229",
        "3.2 match variables",
        message("Subject: [acme-users] [fwd] version 1.0 is out"),
        "fileinto INBOX.lists.acme-users",
    ),
    case(
        "5229", "3.2 match variables", message("To: coyote@ACME.Example.COM"), "fileinto INBOX.business.ACME.Example"
    ),
    case("5229", "3.2 match variables", message("Subject: x"), "keep"),
    # ---------------------------------------------------------------- vacation
    case("5230", "4.2 two reasons", message("Subject: Cyrus bug"), "vacation I'm out -- send mail to cyrus-bugs, keep"),
    case(
        "5230",
        "4.2 two reasons",
        message("Subject: come over for dinner"),
        "vacation I'm out -- call me at +1 304 555 0123, keep",
    ),
    case("5230", "4.2 handle", message("Subject: lunch?"), "vacation I'm out and can't meet for lunch, keep"),
    case("5230", "4.2 handle", message("Subject: dinner?"), "vacation I'm out, keep"),
    case("5230", "4.8 the boss", message("From: boss@example.edu"), "redirect pleeb@isp.example.org"),
    case(
        "5230",
        "4.8 the boss",
        message("From: x@example.edu"),
        "vacation Sorry, I'm away, I'll read your message when I get around to it., keep",
    ),
    case("5230", "7 accept-language", message("Accept-Language: en"), "vacation I am away this week., keep"),
    case("5230", "7 accept-language", message("Accept-Language: es"), "vacation Estoy ausente esta semana., keep"),
    # ---------------------------------------------------------------- relational
    case("5231", "7 extended example", message("X-Priority: 2"), "fileinto Priority"),
    case(
        "5231",
        "7 extended example",
        message("To: " + ", ".join(f"a{n}@example.com" for n in range(6))),
        "fileinto SPAM",
    ),
    case("5231", "7 extended example", message("From: n@example.com"), "fileinto From N-Z"),
    case("5231", "7 extended example", message("From: a@example.com"), "fileinto From A-M"),
    case(
        "5231",
        "7 extended example",
        message("From: a@example.com", "To: me@foo.example.com"),
        "fileinto From A-M, fileinto Only me",
    ),
    # ---------------------------------------------------------------- imap4flags
    case("5232", "3.1 setflag", big("x: y"), r"keep \Deleted"),
    case("5232", "3.1 flagvar", message("From: boss@frobnitzm.example.edu"), r"fileinto INBOX.From Boss \Flagged"),
    case(
        "5232",
        "3.3 removeflag",
        message("Disposition-Notification-To: mel@example.com", "From: imap@cac.washington.example.edu"),
        "fileinto INBOX.imap-list",
    ),
    case("5232", "5 flags", message("x: y"), r"fileinto INBOX.From Boss \Deleted"),
    case(
        "5232", "9 extended example", big("From: boss@company.example.com"), r"fileinto Big messages Big \Flagged, keep Big \Flagged"
    ),
    case(
        "5232",
        "9 extended example",
        big("From: grandma@example.net", "To: me@company.example.com"),
        r"fileinto Big messages Big, fileinto GrandMa $MDNSent Big \Answered, keep $MDNSent Big \Answered",
    ),
    case(
        "5232",
        "9 extended example",
        message("From: grandma@example.net", "Subject: a", "To: me@company.example.com.x"),
        r"fileinto GrandMa $MDNSent \Answered, fileinto personal $MDNSent \Answered",
    ),
    case("5232", "9 extended example", message("Sender: owner-ietf-mta-filters@example.org"), r"keep $Work \Flagged"),
    case("5232", "9 extended example", message("To: x@example.org"), "fileinto spam"),
    # ---------------------------------------------------------------- subaddress
    case(
        "5233", "4 subaddresses", message("x: y"), "fileinto inbox.postmaster", envelope=Envelope("", "postmaster+x@example.com")
    ),
    case(
        "5233",
        "4 subaddresses",
        message("x: y"),
        "fileinto inbox.ietf-mta-filters",
        envelope=Envelope("", "ken+mta-filters@example.com"),
    ),
    case("5233", "4 subaddresses", message("x: y"), "redirect ken@example.net", envelope=Envelope("", "ken+foo@example.com")),
    case("5233", "4 subaddresses", message("x: y"), "keep", envelope=Envelope("", "ken@example.com")),
    # ---------------------------------------------------------------- spamtest, virustest
    case("5235", "3.2.1 spamtest", message("x: y"), "fileinto INBOX.unclassified", settings=SCORES),
    case("5235", "3.2.1 spamtest", message("X-Spam: 5"), "fileinto INBOX.spam-trap", settings=SCORES),
    case("5235", "3.2.1 spamtest", message("X-Spam: 0"), "keep", settings=SCORES),
    case("5235", "3.2.2 percent", message("X-Spam: 0"), "fileinto INBOX.not-spam", settings=SCORES),
    case("5235", "3.2.2 percent", message("X-Spam: 3.6"), "fileinto INBOX.spam-trap", settings=SCORES),
    case("5235", "3.2.2 percent", message("X-Spam: 3.8"), "discard", settings=SCORES),
    case("5235", "3.2.2 percent and count", message("x: y"), "fileinto INBOX.unclassified", settings=SCORES),
    case("5235", "3.2.2 percent and count", message("X-Spam: 0"), "fileinto INBOX.not-spam", settings=SCORES),
    case("5235", "3.3 virustest", message("x: y"), "fileinto INBOX.unclassified", settings=SCORES),
    case("5235", "3.3 virustest", message("X-Virus: 3"), "fileinto INBOX.quarantine", settings=SCORES),
    case("5235", "3.3 virustest", message("X-Virus: 4"), "discard", settings=SCORES),
    # ---------------------------------------------------------------- date, index
    case(
        "5260", "4.4 office hours", message(FROM_BOSS, "Date: Mon, 26 Feb 2007 09:00:00 -0800"), "fileinto urgent"
    ),
    case("5260", "4.4 office hours", message(FROM_BOSS, "Date: Mon, 26 Feb 2007 17:00:00 -0800"), "keep"),
    case("5260", "4.4 weekend", message("Received: x; Sun, 25 Feb 2007 12:00:00 +0000"), "fileinto weekend"),
    case("5260", "4.4 weekend", message("Received: x; Mon, 26 Feb 2007 12:00:00 +0000"), "keep"),
    case("5260", "5.1 pager", message("x: y"), "redirect pager@example.com", now=FRIDAY),
    case("5260", "5.1 pager", message("x: y"), "keep", now=FRIDAY.replace(hour=12)),
    case(
        "5260",
        "5.1 a week in July",
        message("x: y"),
        "vacation I'm away during the first week in July., keep",
        now=datetime(2007, 7, 7, tzinfo=UTC),
    ),
    case("5260", "5.1 a week in July", message("x: y"), "keep", now=datetime(2007, 7, 8, tzinfo=UTC)),
    case("5260", "5.1 month and year", message("x: y"), "fileinto 11-2026", now=FRIDAY),
    case(
        "5260",
        "6.1 second Received",
        message("Received: x; Mon, 26 Feb 2007 10:00:00 -0500", "Received: y; Mon, 26 Feb 2007 15:00:00 +0000"),
        "redirect aftercutoff@example.org",
    ),
    case(
        "5260",
        "6.1 second Received",
        message("Received: x; Mon, 26 Feb 2007 10:00:00 -0500", "Received: y; Mon, 26 Feb 2007 14:00:00 +0000"),
        "keep",
    ),
    # ---------------------------------------------------------------- editheader
    case("5293", "4 addheader", message("x: y"), "redirect kim@home.example.com"),
    case("5293", "4 addheader", message("X-Sieve-Filtered: <kim@job.example.com>"), "keep"),
    case("5293", "7 add and test", message("x: y"), "fileinto international"),
    # ---------------------------------------------------------------- reject
    case("5429", "2.1 ereject", message("From: someone@example.com"), "reject I no longer accept mail from this address"),
    case(
        "5429",
        "2.2.1 coyote",
        message("From: coyote@desert.example.org"),
        "reject I am not taking mail from you, and I don't want your birdseed, either!",
    ),
    case(
        "5429",
        "2.5 spam",
        message("X-Spam: 9"),
        "reject AntiSpam engine thinks your message is spam. It is therefore being refused. "
        "Please call 1-900-PAY-US if you want to reach us.",
        settings=SCORES,
    ),
    case("5429", "2.5 spam", message("X-Spam: 4"), "fileinto Suspect", settings=SCORES),
    # ---------------------------------------------------------------- enotify
    case("5435", "3.7 example 1", message("From: boss@example.org"), "notify 1 This is probably very important, keep"),
    case(
        "5435",
        "3.7 example 1",
        message("From: a@example.org", "To: sievemailinglist@example.org", "Subject: x"),
        "notify 3 [SIEVE] a@example.org: x, fileinto INBOX.sieve",
    ),
    case(
        "5435",
        "3.7 example 2",
        message("From: ann@x.example.org", "Subject: x"),
        "notify 2 ann@x.example.org [really: a@example.com]: x, keep",
        envelope=Envelope("a@example.com"),
    ),
    case("5435", "4 example 4", message("x: y"), "keep"),
    case("5436", "3 knitting", message("List-Id: Knitting Mailing List <knitting.example.com>", "Subject: [Knitting] A new sweater"), "notify 3 From Knitting list: A new sweater, keep"),
    # ---------------------------------------------------------------- mailbox, metadata
    case("5490", "3.1 mailboxexists", message("x: y"), "fileinto Partners", world=World(mailboxes={"Partners": {}})),
    case("5490", "3.1 mailboxexists", message("x: y"), "reject This message was not accepted by the Mailstore"),
    case(
        "5490",
        "3.3 metadata",
        message("x: y"),
        "vacation I'm away on holidays till March 2009. Expect a delay., keep",
        world=World(mailboxes={"INBOX": {"/private/vendor/vendor.isode/auto-replies": "on"}}),
    ),
    case("5490", "3.3 metadata", message("x: y"), "keep"),
    case(
        "5490",
        "4.1 servermetadata",
        message("From: b@example.com", "Subject: x"),
        "notify 2 b@example.com [really: a@example.com]: x, keep",
        envelope=Envelope("a@example.com"),
        world=World(server={"/private/vendor/vendor.isode/notification-uri": "mailto:n@example.com"}),
    ),
    # ---------------------------------------------------------------- mime
    case("5703", "4.1 images", message("Content-Type: image/png"), "fileinto INBOX.images"),
    case("5703", "4.1 any child", PARTS.replace(b"text/plain", b"text/html"), "fileinto INBOX.html"),
    case("5703", "4.1 foreverypart", PARTS.replace(b"%PDF", b"x" * 110_000), "fileinto INBOX.important"),
    case("5703", "4.1 foreverypart", PARTS, "keep"),
    case("5703", "4.2 address", message("Content-From: tim@example.com"), "fileinto INBOX.part-from-tim"),
    case("5703", "4.3 exists", PARTS, "fileinto INBOX.md5"),
    # ---------------------------------------------------------------- DSN, DELIVERBY
    # As it is printed: it takes what is still in time for what is too late.
    case("6009", "5.1 missed", message("x: y"), "fileinto missed-20", envelope=Envelope(by_time=61), now=FRIDAY),
    case("6009", "5.1 missed", message("x: y"), "keep", envelope=Envelope(by_time=-60), now=FRIDAY),
    case("6009", "6.2 copy", message("From: user@example.com"), "redirect elsewhere@example.com, keep"),
    case("6009", "7.2 ten minutes", message("From: user@example.com"), "redirect cellphone@example.com, keep"),
    case("6009", "7.2 before ten", message("x: y"), "redirect cellphone@example.com, keep", now=FRIDAY),
    case("6009", "7.2 before ten", message("x: y"), "keep", now=FRIDAY.replace(hour=22)),
    # ---------------------------------------------------------------- extlists
    *(
        case("6134", section, message(f"X-Spam: {score}"), expected, envelope=Envelope(sender), world=World(lists=LISTS), settings=SCORES)
        for section in ("2.9.1 spam score", "2.9.1 spam score in a variable")
        for sender, score, expected in (
            ("friend@example.com", 5, "keep"),
            ("friend@example.com", 9, "fileinto spam"),
            ("stranger@example.com", 5, "fileinto spam"),
            ("stranger@example.com", 1, "keep"),
        )
    ),
    case(
        "6134",
        "2.9.3 mailing list",
        message("From: a@example.com"),
        "redirect a@example.com, redirect b@example.com",
        envelope=Envelope("", "me+mylist@example.com"),
        world=World(lists=LISTS),
    ),
    case("6134", "2.9.3 mailing list", message("From: x@example.com"), "keep", envelope=Envelope("", "me+mylist@example.com"), world=World(lists=LISTS)),
    case(
        "6134",
        "2.9.4 addresses of hosts",
        message("Received: from x (x [192.0.2.66]) by y; z"),
        "reject Message not allowed from this IP address",
        world=World(lists=LISTS),
    ),
    # ---------------------------------------------------------------- include
    case("6609", "3.2 default", message("From: boss@example.com"), "keep", world=included()),
    case("6609", "3.2 default", message("Subject: a $$ b"), "reject No thank you.", world=included()),
    case("6609", "3.2 default", message("Subject: XXXX"), "reject Subject XXXX is unacceptable.", world=included()),
    case("6609", "3.2 default", message("List-ID: sieve.ietf.org"), "fileinto lists.sieve", world=included()),
    case("6609", "3.4.1 active", message("Subject: $$ now"), "fileinto spam-$$", world=included()),
    case("6609", "3.4.1 active", message("Subject: Make money"), "fileinto spam-Make money", world=included()),
    case("6609", "3.4.1 active", message("Subject: x"), "keep", world=included()),
    case("6609", "3.4.2 global and set", message("x: y"), "vacation It's true, I am on vacation., keep"),
    # ---------------------------------------------------------------- duplicate
    *(
        case("7352", section, message("Message-ID: <x>"), expected, world=World(seen=seen))
        for section in ("3.2 message-id", "3.2 header", "3.2 uniqueid")
        for seen, expected in (((), "keep"), ((("", "<x>"),), "discard"))
    ),
    case("7352", "5.1 trash", message("Message-ID: <x>"), "fileinto Trash/Duplicate :create", world=World(seen=(("", "<x>"),))),
    case("7352", "5.1 trash", message("Message-ID: <x>"), "keep"),
    case("7352", "5.2 alerts", message("Subject: ALERT: fire"), "fileinto Alerts"),
    case("7352", "5.2 alerts", message("Subject: ALERT: fire"), r"fileinto Alerts \seen", world=World(seen=(("", "fire"),))),
    case("7352", "5.4 handles", message("X-Event-ID: 1"), "keep", world=World(seen=(("support", "1"),))),
    case("7352", "5.4 handles", message("X-Event-ID: 1"), "discard", world=World(seen=(("notifier", "1"),))),
    # ---------------------------------------------------------------- fcc, mailboxid
    case("8580", "6.1 capability", message("x: y"), "notify 2 You got mail!, keep"),
    case("6558", "3.1 tiff", TIFF, "keep"),
    case("6558", "3.2 as a test", TIFF, "keep"),
    case("6558", "3.4 several", TIFF, "fileinto INBOX.pics, fileinto Tiff"),
    case("6785", "5 copy to a list", message("x: y"), "redirect actionitems@example.com, keep", environment={"imap.cause": "APPEND", "imap.mailbox": "ActionItems"}, is_event=True),
    case("6785", "5 copy to a list", message("x: y"), "keep", environment={"imap.cause": "FLAG", "imap.mailbox": "ActionItems"}, is_event=True),
    case("6785", "5 flagged", message("x: y"), "keep \\Seen", environment={"imap.changedflags": "\\Seen"}, is_event=True, flags=("\\Seen",)),
    case("9042", "6 mailboxidexists", message("From: coyote"), "fileinto INBOX.name.will.not.be.used", world=World(ids=("F6352ae03-b7f5-463c-896f-d8b48ee3",))),
    case("9042", "6 mailboxidexists", message("From: coyote"), "fileinto INBOX.harassment"),
    # ---------------------------------------------------------------- ManageSieve
    case("5804", "2.6 mysievescript", message("x: y"), "fileinto INBOX.sent", envelope=Envelope("", "tmartin+sent@example.com")),
    case("5804", "2.6 myforwards", message("x: y"), "redirect 111@example.net, redirect mobile@cell.example.com"),
)  # fmt: skip
