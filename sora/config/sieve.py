"""`[sieve]`: filters at delivery."""

from attrs import frozen

from sora.config.keys import REQUIRED, key, tables
from sora.config.units import DURATION, SIZE


@frozen
class ImapEventConfig:
    """A script of the operator that runs when clients do something to mailboxes: what trains a spam
    filter, for example (docs/filtering.md). It runs for everybody, before the user's own."""

    script: str = key(REQUIRED, "The script file.", example="/etc/sora/report-spam.sieve")
    mailbox: str = key(
        "",
        """The mailbox that messages come into, or in which flags are changed: its name, or a
        special use such as `\\Junk`. Empty: any.""",
    )
    source: str = key(
        "",
        """The mailbox that messages are copied or moved from, in the same way. Empty: any, and
        messages that clients upload, too.""",
    )
    causes: tuple[str, ...] = key(
        ["APPEND", "COPY"],
        """What it runs for: APPEND (uploads; REPLACE is one), COPY (and MOVE), FLAG (changes of
        flags).""",
    )


@frozen
class SieveConfig:
    """Sieve scripts (RFC 5228) of users and of the operator."""

    max_script_size: int = key("64kb", "The largest script that is accepted.", unit=SIZE)
    max_scripts: int = key(100, "The most scripts of an account.", least=0)
    max_total_size: int = key("2mb", "All scripts of an account together.", unit=SIZE)
    kept_compiled: int = key(
        "2mb",
        "Texts of scripts that a process keeps compiled. Compiled they take some 35 times the "
        "memory, and 100 times at worst.",
        unit=SIZE,
    )
    max_redirects: int = key(5, "The most redirects that a script may do for a message.", least=0)
    max_cpu: float = key("2s", "The computing time of a script for a message.", unit=DURATION)
    max_instructions: int = key(
        200_000,
        """The most instructions of a script for a message: commands, tests and comparisons, a long
        text being several.""",
        least=1000,
    )
    max_memory: int = key(
        "4mb", "Characters of all variables, and of edits, of a script for a message.", unit=SIZE
    )
    max_actions: int = key(64, "The most actions of a script for a message.", least=1)
    max_nesting: int = key(
        32, "Levels of blocks, and levels of tests, of a script; at most 60.", least=15
    )
    max_variables: int = key(512, "The most variables of a script.", least=128)
    max_variable_size: int = key(
        65_536, "Characters of a variable; a longer value is cut.", least=4000
    )
    max_includes: int = key(50, "The most scripts that are included for a message.", least=0)
    max_include_depth: int = key(10, "Levels of scripts that include others; at most 30.", least=2)
    max_body_size: int = key(
        "10mb", "How much of a message is looked at by tests of its body.", unit=SIZE
    )
    extensions: tuple[str, ...] = key([], "The extensions that scripts may use. Empty: all.")
    default_before: str = key(
        "",
        """A script file that runs for everybody, before the scripts of domains and users. Empty:
        none. etc/spam.sieve is an example.""",
    )
    default_after: str = key(
        "",
        """A script file that runs for everybody after all others, unless those have decided where
        the message goes. Empty: none.""",
    )
    detail_mailbox: str = key(
        "off",
        """Where mail for `user+detail@domain` is kept: in INBOX (off), in the mailbox of that name
        if there is one (existing), or in one that is made when it is missing (create: whoever
        sends mail can make mailboxes then).""",
        choices=("off", "existing", "create"),
    )
    redirect_sender: str = key(
        "original",
        """The envelope sender of redirected mail: its original sender, or the user whose script it
        was (owner), for relays that check senders. An empty one stays empty.""",
        choices=("original", "owner"),
    )
    max_sent_per_hour: int = key(
        200,
        """The most redirects and notifications of a user in an hour, on each process. What is over
        it stays in INBOX. 0: no limit.""",
        least=0,
    )
    imapsieve: bool = key(
        True,
        """Whether scripts run for what IMAP clients do to messages (RFC 6785): those that users
        name in annotations of their mailboxes, and those of imap_events.""",
    )
    imapsieve_messages: int = key(
        1000,
        """The messages of one command that scripts run for; what is more is passed over. They run
        after the client has its answer.""",
        least=1,
    )
    imapsieve_url: str = key(
        "",
        """Where clients manage scripts, as IMAP tells them: `sieve://mail.example.com`. Empty: this
        host's name, and the port of the first ManageSieve server.""",
    )
    imap_events: tuple[ImapEventConfig, ...] = tables(
        ImapEventConfig, "Scripts of the operator for what IMAP clients do."
    )
    spam_header: str = key(
        "X-Spam-Score",
        """The header field in which a spam filter tells its score, for the test `spamtest`. Only a
        field that your own filter sets means anything.""",
    )
    spam_score: int = key(10, "The score that is certainly spam: `spamtest` is 10.", least=1)
    virus_header: str = key(
        "X-Virus-Status",
        """The header field in which a virus scanner tells what it found, for the test `virustest`:
        clean or infected.""",
    )
