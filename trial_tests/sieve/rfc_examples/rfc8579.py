"""RFC 8579: special-use."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "4.2 archive",
        r"""
require "fileinto";
require "special-use";

fileinto :specialuse "\\Archive" "INBOX/Archive";""",
    ),
    Example(
        "6 junk",
        r"""
require "fileinto";
require "special-use";

fileinto :specialuse "\\Junk" "Spam";""",
    ),
    Example(
        "6 junk with create",
        r"""
require "fileinto";
require "special-use";
require "mailbox";

fileinto :specialuse "\\Junk" :create "Spam";""",
    ),
    Example(
        "6 imapsieve",
        """\
require "imapsieve";
require "special-use";
require "environment";
require "variables";

if environment :contains "imap.mailbox" "*" {
    set "mailbox" "${1}";
}""",
    ),
)
