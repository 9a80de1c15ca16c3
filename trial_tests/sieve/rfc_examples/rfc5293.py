"""RFC 5293: editheader."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "4 addheader",
        """\
/* Don't redirect if we already redirected */
if not header :contains "X-Sieve-Filtered"
        ["<kim@job.example.com>", "<kim@home.example.com>"]
{
        addheader "X-Sieve-Filtered" "<kim@job.example.com>";
        redirect "kim@home.example.com";
}""",
        fragment="no require",
        before='require "editheader";\n',
    ),
    Example(
        "5 deleteheader",
        """\
deleteheader :index 1 :contains "Delivered-To"
                        "bob@example.com";""",
        fragment="no require",
        before='require "editheader";\n',
    ),
    Example(
        "7 add and delete",
        """\
addheader "X-Hello" "World";
deleteheader :index 1 "X-Hello";""",
        fragment="no require",
        before='require "editheader";\n',
    ),
    Example(
        "7 first and third",
        """\
deleteheader :index 1 "X-Hello";
deleteheader :index 2 "X-Hello";""",
        fragment="no require",
        before='require "editheader";\n',
    ),
    Example(
        "7 add and test",
        """\
addheader "X-Hello" "World";
if header :contains "X-Hello" "World"
{
        fileinto "international";
}""",
        fragment="no require",
        before='require ["editheader", "fileinto"];\n',
    ),
    Example(
        "7 keep twice",
        """\
keep;
addheader "X-Flavor" "vanilla";
keep;""",
        fragment="no require",
        before='require "editheader";\n',
    ),
)
