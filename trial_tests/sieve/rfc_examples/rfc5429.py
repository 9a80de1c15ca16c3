"""RFC 5429: reject and ereject."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "2.1 ereject",
        """\
require ["ereject"];

if address "from" "someone@example.com" {
    ereject "I no longer accept mail from this address";
}""",
    ),
    Example(
        "2.2 reject",
        """\
        require ["reject"];

        if size :over 100K {
            reject text:
Your message is too big.  If you want to send me a big attachment,
put it on a public web site and send me a URL.
.
            ;
        }""",
    ),
    Example(
        "2.2.1 coyote",
        """\
        require ["reject"];

        if header :contains "from" "coyote@desert.example.org" {
            reject text:
I am not taking mail from you, and I don't
want your birdseed, either!
.
            ;
        }""",
    ),
    Example(
        "2.5 spam",
        """\
        require ["ereject", "spamtest", "fileinto",
                 "comparator-i;ascii-numeric"];

        if spamtest :value "ge"
                    :comparator "i;ascii-numeric" "6" {
            ereject text:
AntiSpam engine thinks your message is spam.
It is therefore being refused.
Please call 1-900-PAY-US if you want to reach us.
.
            ;
        } elsif spamtest :value "ge"
                         :comparator "i;ascii-numeric" "4" {
            fileinto "Suspect";
        }""",
        misprints=(('"fileinto",\n', '"fileinto", "relational",\n'),),
    ),
)
