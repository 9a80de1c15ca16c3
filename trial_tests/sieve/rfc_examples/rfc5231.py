"""RFC 5231: relational."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "6 addresses",
        """\
address :count "ge" :comparator "i;ascii-numeric"
                ["to", "cc"] ["3"]""",
        fragment="a test without a command",
        before='require ["relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "6 received",
        """\
header :count "ge" :comparator "i;ascii-numeric"
                ["received"] ["3"]""",
        fragment="a test without a command",
        before='require ["relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "6 received and subject",
        """\
header :count "ge" :comparator "i;ascii-numeric"
                ["received", "subject"] ["3"]""",
        fragment="a test without a command",
        before='require ["relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "6 fields",
        """\
header :count "ge" :comparator "i;ascii-numeric"
                ["to", "cc"] ["3"]""",
        fragment="a test without a command",
        before='require ["relational", "comparator-i;ascii-numeric"];\nif ',
        after="\n{\n    keep;\n}",
    ),
    Example(
        "7 extended example",
        """\
require ["relational", "comparator-i;ascii-numeric", "fileinto"];

if header :value "lt" :comparator "i;ascii-numeric"
          ["x-priority"] ["3"]
{
   fileinto "Priority";
}

elsif address :count "gt" :comparator "i;ascii-numeric"
           ["to"] ["5"]
{
   # everything with more than 5 recipients in the "to" field
   # is considered SPAM
   fileinto "SPAM";
}

elsif address :value "gt" :all :comparator "i;ascii-casemap"
           ["from"] ["M"]
{
   fileinto "From N-Z";
} else {
   fileinto "From A-M";
}

if allof ( address :count "eq" :comparator "i;ascii-numeric"
                   ["to", "cc"] ["1"] ,
           address :all :comparator "i;ascii-casemap"
                   ["to", "cc"] ["me@foo.example.com"] )
{
   fileinto "Only me";
}""",
    ),
)
