"""RFC 5235: spamtest and virustest."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "3.2.1 spamtest",
        """\
require ["spamtest", "fileinto", "relational", "comparator-
         i;ascii-numeric"];

if spamtest :value "eq" :comparator "i;ascii-numeric" "0"
{
    fileinto "INBOX.unclassified";
}
elsif spamtest :value "ge" :comparator "i;ascii-numeric" "3"
{
    fileinto "INBOX.spam-trap";
}""",
        misprints=(('"comparator-\n         i;ascii-numeric"', '"comparator-i;ascii-numeric"'),),
    ),
    Example(
        "3.2.2 percent",
        """\
require ["spamtestplus", "fileinto", "relational",
         "comparator-i;ascii-numeric"];

if spamtest :value "eq"
            :comparator "i;ascii-numeric" "0"
{
    fileinto "INBOX.unclassified";
}
elsif spamtest :percent :value "eq"
               :comparator "i;ascii-numeric" "0"
{
    fileinto "INBOX.not-spam";
}
elsif spamtest :percent :value "lt"
               :comparator "i;ascii-numeric" "37"
{
    fileinto "INBOX.spam-trap";
}
else
{
    discard;
}""",
    ),
    Example(
        "3.2.2 percent and count",
        """\
if spamtest :percent :count "eq"
            :comparator "i;ascii-numeric" "0"
{
    fileinto "INBOX.unclassified";
}

elsif spamtest :percent :value "eq"
               :comparator "i;ascii-numeric" "0"
{
    fileinto "INBOX.not-spam";
}
elsif spamtest :percent :value "lt"
               :comparator "i;ascii-numeric" "37"
{
    fileinto "INBOX.spam-trap";
}
else
{
    discard;
}""",
        fragment="no require",
        before='require ["spamtestplus", "fileinto", "relational", "comparator-i;ascii-numeric"];\n',
    ),
    Example(
        "3.3 virustest",
        """\
require ["virustest", "fileinto", "relational", "comparator-
         i;ascii-numeric"];

if virustest :value "eq" :comparator "i;ascii-numeric" "0"
{
    fileinto "INBOX.unclassified";
}
if virustest :value "eq" :comparator "i;ascii-numeric" "4"
{
    fileinto "INBOX.quarantine";
}
elsif virustest :value "eq" :comparator "i;ascii-numeric" "5"
{
    discard;
}""",
        misprints=(('"comparator-\n         i;ascii-numeric"', '"comparator-i;ascii-numeric"'),),
    ),
)
