"""RFC 5229: variables."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "3.1 a dollar",
        """\
set "dollar" "$";
set "text" "regarding ${dollar}{beep}";""",
        fragment="no require",
        before='require "variables";\n',
    ),
    Example(
        "3.1 two extensions",
        """\
require ["encoded-character", "variables"];
set "name" "Ethelbert"
if header :contains "Subject" "dear${hex:20 24 7b 4e}ame}" {
    # the test string is "dear Ethelbert"
}""",
        misprints=(('set "name" "Ethelbert"', 'set "name" "Ethelbert";'),),
    ),
    Example(
        "3.2 match variables",
        """\
require ["fileinto", "variables"];

if header :matches "List-ID" "*<*@*" {
    fileinto "INBOX.lists.${2}"; stop;
}

# Imagine the header
# Subject: [acme-users] [fwd] version 1.0 is out
if header :matches "Subject" "[*] *" {
    # ${1} will hold "acme-users",
    # ${2} will hold "[fwd] version 1.0 is out"
    fileinfo "INBOX.lists.${1}"; stop;
}

# Imagine the header
# To: coyote@ACME.Example.COM
if address :matches ["To", "Cc"] ["coyote@**.com",
        "wile@**.com"] {
    # ${0} is the matching address
    # ${1} is always the empty string
    # ${2} is part of the domain name ("ACME.Example")
    fileinto "INBOX.business.${2}"; stop;
} else {
    # Control wouldn't reach this block if any match was
    # successful, so no match variables are set at this
    # point.
}

if anyof (true, address :domain :matches "To" "*.com") {
    # The second test is never evaluated, so there are
    # still no match variables set.
    stop;
}""",
        misprints=(("fileinfo", "fileinto"),),
    ),
    Example(
        "4 set",
        """\
set "honorific"  "Mr";
set "first_name" "Wile";
set "last_name"  "Coyote";
set "vacation" text:
Dear ${HONORIFIC} ${last_name},
I'm out, please leave a message after the meep.
.
;""",
        fragment="no require",
        before='require "variables";\n',
    ),
    Example(
        "4.1 modifiers",
        r"""
# The value assigned to the variable is printed after the arrow
set "a" "juMBlEd lETteRS";             => "juMBlEd lETteRS"
set :length "b" "${a}";                => "15"
set :lower "b" "${a}";                 => "jumbled letters"
set :upperfirst "b" "${a}";            => "JuMBlEd lETteRS"
set :upperfirst :lower "b" "${a}";     => "Jumbled letters"
set :quotewildcard "b" "Rock*";        => "Rock\*"
""",
        fragment="each line goes on with its result, and no require",
        misprints=(
            ('             => "juMBlEd lETteRS"', ""),
            ('                => "15"', ""),
            ('                 => "jumbled letters"', ""),
            ('            => "JuMBlEd lETteRS"', ""),
            ('     => "Jumbled letters"', ""),
            (r'        => "Rock\*"', ""),
        ),
        before='require "variables";\n',
    ),
    Example(
        "5 string",
        """\
set "state" "${state} pending";
if string :matches " ${state} " "* pending *" {
    # the above test always succeeds
}""",
        fragment="no require",
        before='require "variables";\n',
    ),
)
