"""RFC 8580: fcc."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "5 vacation",
        r"""
require ["vacation", "fcc", "mailbox", "special-use", "imap4flags"];

vacation :days 7
         :from "hemingway@example.com" "Gone Fishin'"
         :specialuse "\\Sent" :create
         :fcc "INBOX.Sent" :flags ["\\Seen"];""",
        misprints=(
            ('"Gone Fishin\'"\n         :specialuse', ":specialuse"),
            (r':flags ["\\Seen"];', r""":flags ["\\Seen"] "Gone Fishin'";"""),
        ),
    ),
    Example(
        "6 notify",
        """\
require ["enotify", "fcc"];

notify :fcc "INBOX.Sent"
       :message "You got mail!"
       "mailto:ken@example.com";""",
    ),
    Example(
        "6.1 capability",
        """\
require ["enotify", "fcc"];

if notify_method_capability "xmpp:" "fcc" "yes" {
    notify :fcc "INBOX.Sent"
           :message "You got mail"
           "xmpp:ken@example.com?message;subject=SIEVE";
} else {
    notify :fcc "INBOX.Sent"
           :message "You got mail!"
           "mailto:ken@example.com";
}""",
    ),
)
