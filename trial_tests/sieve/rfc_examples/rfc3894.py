"""RFC 3894: copy."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "1 fileinto and keep",
        """\
fileinto "unfiltered";
keep;""",
        fragment="no require",
        before='require "fileinto";\n',
    ),
    Example(
        "1 the same with a rule",
        """\
fileinto "unfiltered";
keep;

if header "Subject" "MAKE MONEY FAST!!!"
{
        discard;
}""",
        fragment="no require",
        before='require "fileinto";\n',
    ),
    Example(
        "3 copy",
        """\
require ["copy", "fileinto"];
fileinto :copy "incoming";

# ... more processing follows ...""",
    ),
)
