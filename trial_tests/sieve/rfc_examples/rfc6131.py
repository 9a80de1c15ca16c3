"""RFC 6131: vacation-seconds."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "3 a meeting",
        """\
require ["vacation-seconds"];
vacation :addresses ["tjs@example.edu", "ts4z@landru.example.edu"]
         :seconds 1800
         "I am in a meeting, and do not have access to email.";""",
    ),
    Example(
        "3 every time",
        """\
require ["vacation-seconds"];

vacation :handle "auto-resp" :seconds 0
    "Your request has been received.  A service
     representative will contact you as soon as
     possible, usually within one business day.";""",
    ),
)
