"""RFC 6609: include."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "3.2 default",
        """\
require ["include"];

include :personal "always_allow";
include :global "spam_tests";
include :personal "spam_tests";
include :personal "mailing_lists";""",
    ),
    Example(
        "3.2 always_allow",
        """\
if address :is "from" "boss@example.com"
{
    keep;
}
elsif address :is "from" "ceo@example.com"
{
    keep;
}""",
    ),
    Example(
        "3.2 personal spam_tests",
        """\
require ["reject"];

if header :contains "Subject" "XXXX"
{
    reject "Subject XXXX is unacceptable.";
}
elsif address :is "from" "money@example.com"
{
    reject "Mail from this sender is unwelcome.";
}""",
    ),
    Example(
        "3.2 mailing_lists",
        """\
require ["fileinto"];

if header :is "List-ID" "sieve.ietf.org"
{
    fileinto "lists.sieve";
}
elsif header :is "List-ID" "ietf-imapext.imc.org"
{
    fileinto "lists.imapext";
}""",
    ),
    Example(
        "3.2 global spam_tests",
        """\
require ["reject"];

if anyof (header :contains "Subject" "$$",
          header :contains "Subject" "Make money")
{
    reject "No thank you.";
}""",
    ),
    Example(
        "3.4.1 active",
        """\
require ["fileinto", "include", "variables", "relational"];
global "test";
global "test_mailbox";

set "test" "$$";
include "subject_tests";

set "test" "Make money";
include "subject_tests";

if string :count "eq" "${test_mailbox}" "1"
{
    fileinto "${test_mailbox}";
    stop;
}""",
    ),
    Example(
        "3.4.1 subject_tests",
        """\
require ["include", "variables"];
global ["test", "test_mailbox"];

if header :contains "Subject" "${test}"
{
    set "test_mailbox" "spam-${test}";
}""",
    ),
    Example(
        "3.4.2 set",
        """\
require ["variables", "include"];

set "global.i_am_on_vacation" "1";""",
    ),
    Example(
        "3.4.2 global and set",
        """\
require ["variables", "include", "vacation"];
global "i_am_on_vacation";

set "global.i_am_on_vacation" "1";

if string :is "${i_am_on_vacation}" "1"
{
    vacation "It's true, I am on vacation.";
}""",
    ),
)
