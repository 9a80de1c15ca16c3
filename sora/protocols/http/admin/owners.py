"""What is below an account and below a domain alike, declared once for both."""

from typing import Final

from attrs import frozen

from sora.operations.owners import Whose
from sora.protocols.http.endpoint import Call


@frozen
class Owner:
    """Where it is: the beginning of the path, what stands in names of operations, in sentences, and
    in the log of changes, where the path's own values are put in."""

    path: str
    word: str
    text: str
    logged: str

    def name(self, verb: str, noun: str) -> str:
        """The id of an operation: listMailboxes, listDomainMailboxes."""
        return f"{verb}{self.word}{noun}"


ACCOUNT: Final = Owner("/accounts/{email}", "", "an account", "the account {email}")
DOMAIN: Final = Owner("/domains/{domain}", "Domain", "a domain", "the domain {domain}")
BOTH: Final = (ACCOUNT, DOMAIN)


def whose(call: Call) -> Whose:
    """Who is meant by the path of a request."""
    return Whose(email=call.path.get("email"), domain=call.path.get("domain"))
