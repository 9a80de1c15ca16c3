"""RFC 5228: the language."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "2.3 hash comment",
        """\
if size :over 100k { # this is a comment
   discard;
}""",
    ),
    Example(
        "2.3 bracket comment",
        """\
if size :over 100K { /* this is a comment
   this is still a comment */ discard /* this is a comment
   */ ;
}""",
    ),
    Example(
        "2.4.2.4 encoded-character",
        """\
require "encoded-character";
if header :contains "Subject" "$${hex:24 24}" {
   discard;
}""",
    ),
    Example(
        "2.5.1 anyof",
        """\
if anyof (not exists ["From", "Date"],
      header :contains "from" "fool@example.com") {
   discard;
}""",
    ),
    Example(
        "2.7.3 comparator",
        """\
if header :contains :comparator "i;octet" "Subject"
      "MAKE MONEY FAST" {
   discard;
}""",
    ),
    Example(
        "3.1 if with fileinto",
        """\
require "fileinto";
if header :contains "from" "coyote" {
   discard;
} elsif header :contains ["subject"] ["$$$"] {
   discard;
} else {
   fileinto "INBOX";
}""",
    ),
    Example(
        "3.1 if with redirect",
        """\
if header :contains ["From"] ["coyote"] {
   redirect "acm@example.com";
} elsif header :contains "Subject" "$$$" {
   redirect "postmaster@example.com";
} else {
   redirect "field@example.com";
}""",
    ),
    Example(
        "3.2 require list",
        """\
require ["fileinto", "reject"];""",
    ),
    Example(
        "3.2 require twice",
        """\
require "fileinto";
require "vacation";""",
    ),
    Example(
        "4.1 fileinto",
        """\
require "fileinto";
if header :contains ["from"] "coyote" {
   fileinto "INBOX.harassment";
}""",
    ),
    Example(
        "4.2 redirect",
        """\
redirect "bart@example.com";""",
    ),
    Example(
        "4.4 discard",
        """\
if header :contains ["from"] ["idiot@example.com"] {
   discard;
}""",
    ),
    Example(
        "5.1 address",
        """\
if address :is :all "from" "tim@example.com" {
   discard;
}""",
    ),
    Example(
        "5.4 envelope",
        """\
require "envelope";
if envelope :all :is "from" "tim@example.com" {
   discard;
}""",
    ),
    Example(
        "5.5 exists",
        """\
if not exists ["From","Date"] {
   discard;
}""",
    ),
    Example(
        "9 extended example",
        """\
#
# Example Sieve Filter
# Declare any optional features or extension used by the script
#
require ["fileinto"];

#
# Handle messages from known mailing lists
# Move messages from IETF filter discussion list to filter mailbox
#
if header :is "Sender" "owner-ietf-mta-filters@imc.org"
        {
        fileinto "filter";  # move to "filter" mailbox
        }
#
# Keep all messages to or from people in my company
#
elsif address :DOMAIN :is ["From", "To"] "example.com"
        {
        keep;               # keep in "In" mailbox
        }

#
# Try and catch unsolicited email.  If a message is not to me,
# or it contains a subject known to be spam, file it away.
#
elsif anyof (NOT address :all :contains
               ["To", "Cc", "Bcc"] "me@example.com",
             header :matches "subject"
               ["*make*money*fast*", "*university*dipl*mas*"])
        {
        fileinto "spam";   # move to "spam" mailbox
        }
else
        {
        # Move all other (non-company) mail to "personal"
        # mailbox.
        fileinto "personal";
        }""",
    ),
)
