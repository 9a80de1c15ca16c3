"""RFC 5804: ManageSieve."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "2.6 invalid",
        """\
#comment
InvalidSieveCommand
""",
        refused=True,
    ),
    Example(
        "2.6 mysievescript",
        """\
require ["fileinto"];

if envelope :contains "to" "tmartin+sent" {
  fileinto "INBOX.sent";
}
""",
        misprints=(('["fileinto"]', '["fileinto", "envelope"]'),),
    ),
    Example(
        "2.6 myforwards",
        """\
redirect "111@example.net";

if size :under 10k {
    redirect "mobile@cell.example.com";
}

if envelope :contains "to" "tmartin+lists" {
    redirect "lists@groups.example.com";
}
""",
        misprints=(('redirect "111', 'require "envelope";\nredirect "111'),),
    ),
    Example(
        "2.9 getscript",
        """\
#this is my wonderful script
reject "I reject all";
""",
        fragment="no require",
        before='require "reject";\n',
    ),
)
