"""RFC 5232: imap4flags."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "3.1 setflag",
        r"""
if size :over 500K {
    setflag "\\Deleted";
}""",
        fragment="no require",
        before='require ["imap4flags", "variables"];\n',
    ),
    Example(
        "3.1 flagvar",
        r"""
if header :contains "from" "boss@frobnitzm.example.edu" {
    setflag "flagvar" "\\Flagged";
    fileinto :flags "${flagvar}" "INBOX.From Boss";
}""",
        fragment="no require",
        before='require ["imap4flags", "variables", "fileinto"];\n',
    ),
    Example(
        "3.2 two actions",
        r"""
addflag "flagvar" "\\Deleted";
addflag "flagvar" "\\Answered";""",
        fragment="no require",
        before='require ["imap4flags", "variables"];\n',
    ),
    Example(
        "3.2 a list",
        r"""
addflag "flagvar" ["\\Deleted", "\\Answered"];""",
        fragment="no require",
        before='require ["imap4flags", "variables"];\n',
    ),
    Example(
        "3.2 one string",
        r"""
addflag "flagvar" "\\Deleted \\Answered";""",
        fragment="no require",
        before='require ["imap4flags", "variables"];\n',
    ),
    Example(
        "3.2 the other order",
        r"""
addflag "flagvar" "\\Answered \\Deleted";""",
        fragment="no require",
        before='require ["imap4flags", "variables"];\n',
    ),
    Example(
        "3.3 removeflag",
        """\
if header :contains "Disposition-Notification-To"
   "mel@example.com" {
    addflag "flagvar" "$MDNRequired";
}
if header :contains "from" "imap@cac.washington.example.edu" {
    removeflag "flagvar" "$MDNRequired";
    fileinto :flags "${flagvar}" "INBOX.imap-list";
}""",
        fragment="no require",
        before='require ["imap4flags", "variables", "fileinto"];\n',
    ),
    Example(
        "4 one string",
        """\
hasflag :is "b A"
""",
        fragment="a test without a command",
        before='require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "4 a list",
        """\
hasflag ["b","A"]""",
        fragment="a test without a command",
        before='require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "4 contains Junk",
        """\
hasflag :contains "MyVar" "Junk"
""",
        fragment="a test without a command",
        before='require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "4 contains forward",
        """\
hasflag :contains "MyVar" "forward"
""",
        fragment="a test without a command",
        before='require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "4 contains label or forward",
        """\
hasflag :contains "MyVar" ["label", "forward"]""",
        fragment="a test without a command",
        before='require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "4 contains junk or forward",
        """\
hasflag :contains "MyVar" ["junk", "forward"]""",
        fragment="a test without a command",
        before='require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "4 contains junk forward",
        """\
hasflag :contains "MyVar" "junk forward"
""",
        fragment="a test without a command",
        before='require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "4 contains forward junk",
        """\
hasflag :contains "MyVar" "forward junk"
""",
        fragment="a test without a command",
        before='require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "4 contains label",
        """\
hasflag :contains "MyVar" "label"
""",
        fragment="a test without a command",
        before='require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "4 contains labels",
        """\
hasflag :contains "MyVar" ["label1", "label2"]""",
        fragment="a test without a command",
        before='require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "4 count",
        """\
hasflag :count "ge" :comparator "i;ascii-numeric"
        "MyFlags" "2"
""",
        fragment="a test without a command",
        before='require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "5 flags",
        r"""
fileinto :flags "\\Deleted" "INBOX.From Boss";""",
        fragment="no require",
        before='require ["imap4flags", "variables", "fileinto"];\n',
    ),
    Example(
        "5 no flags",
        """\
fileinto "INBOX.From Boss";""",
        fragment="no require",
        before='require ["imap4flags", "variables", "fileinto"];\n',
    ),
    Example(
        "9 extended example",
        r"""
#
# Example Sieve Filter
# Declare any optional features or extension used by the script
#
require ["fileinto", "imap4flags", "variables"];

#
# Move large messages to a special mailbox
#

if size :over 1M
        {
        addflag "MyFlags" "Big";
        if header :is "From" "boss@company.example.com"
                   {
# The message will be marked as "\Flagged Big" when filed into
# mailbox "Big messages"
                   addflag "MyFlags" "\\Flagged";
                   }
        fileinto :flags "${MyFlags}" "Big messages";
        }

if header :is "From" "grandma@example.net"
        {
        addflag "MyFlags" ["\\Answered", "$MDNSent"];
# If the message is bigger than 1Mb it will be marked as
# "Big \Answered $MDNSent" when filed into mailbox "grandma".
# If the message is shorter than 1Mb it will be marked as
# "\Answered $MDNSent"
        fileinto :flags "${MyFlags}" "GrandMa";
        }

#
# Handle messages from known mailing lists
# Move messages from IETF filter discussion list to filter folder
#
if header :is "Sender" "owner-ietf-mta-filters@example.org"
        {
        set "MyFlags" "\\Flagged $Work";
# Message will have both "\Flagged" and $Work flags
        keep :flags "${MyFlags}";
        }

#
# Keep all messages to or from people in my company
#
elsif anyof address :domain :is ["From", "To"] "company.example.com"
        {
        keep :flags "${MyFlags}"; # keep in "Inbox" folder
        }

# Try to catch unsolicited email.  If a message is not to me,
# or it contains a subject known to be spam, file it away.
#
elsif anyof (not address :all :contains
               ["To", "Cc"] "me@company.example.com",
             header :matches "subject"
               ["*make*money*fast*", "*university*dipl*mas*"])

        {
        remove "MyFlags" "\\Flagged";
        fileinto :flags "${MyFlags}" "spam";
        }
else
        {
        # Move all other external mail to "personal"
        # folder.
        fileinto :flags "${MyFlags}" "personal";
        }""",
        misprints=(
            ("elsif anyof address", "elsif address"),
            ('remove "MyFlags"', 'removeflag "MyFlags"'),
        ),
    ),
)
