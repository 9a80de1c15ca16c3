"""RFC 7352: duplicate."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "3.2 message-id",
        """\
require "duplicate";
if duplicate {
  discard;
}""",
    ),
    Example(
        "3.2 header",
        """\
require "duplicate";
if duplicate :header "message-id" {
  discard;
}""",
    ),
    Example(
        "3.2 uniqueid",
        """\
require ["duplicate", "variables"];
if header :matches "message-id" "*" {
  if duplicate :uniqueid "${0}" {
    discard;
  }
}""",
    ),
    Example(
        "5.1 trash",
        """\
require ["duplicate", "fileinto", "mailbox"];

if duplicate {
  fileinto :create "Trash/Duplicate";
}""",
    ),
    Example(
        "5.2 alerts",
        r"""
require ["duplicate", "variables", "imap4flags",
  "fileinto"];

if header :matches "subject" "ALERT: *" {
  if duplicate :seconds 60 :uniqueid "${1}" {
    setflag "\\seen";
  }
  fileinto "Alerts";
}""",
    ),
    Example(
        "5.3 sender",
        """\
require ["variables", "envelope", "enotify", "duplicate"];

if envelope :matches "from" "*" { set "sender" "${1}"; }
if header :matches "subject" "*" { set "subject" "${1}"; }

if not duplicate :seconds 1800 :uniqueid "${sender}"
{
  notify :message "[SIEVE] ${sender}: ${subject}"
    "xmpp:user@im.example.com";
}""",
    ),
    Example(
        "5.3 sender and subject",
        """\
require ["variables", "envelope", "enotify", "duplicate"];

if envelope :matches "from" "*" { set "sender" "${1}"; }
if header :matches "subject" "*" { set "subject" "${1}"; }

# account for 'Re:' prefix
if string :comparator "i;ascii-casemap"
  :matches "${subject}" "Re:*"
{
  set "subject" "${1}";
}
if not duplicate :seconds 1800
  :uniqueid "${sender} ${subject}"
{
  notify :message "[SIEVE] ${sender}: ${subject}"
    "xmpp:user@im.example.com";
}""",
    ),
    Example(
        "5.4 handles",
        r"""
require ["duplicate", "imap4flags"];

if duplicate :header "X-Event-ID" :handle "notifier" {
  discard;
}
if allof (
  duplicate :header "X-Ticket-ID" :handle "support",
  address "to" "support@example.com",
  header :contains "subject" "fileserver")
{
  setflag "\\seen";
}""",
    ),
)
