"""Arguments that say whose mailboxes are meant."""

from argparse import ArgumentParser, Namespace

from sora.operations.owners import Whose


def add_owner(parser: ArgumentParser) -> None:
    """`--email` or `--domain`."""
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--email", metavar="ADDRESS", help="the user whose it is")
    group.add_argument(
        "--domain", help="instead: the domain, for mailboxes that belong to no user of it"
    )


def owner_of(given: Namespace) -> Whose:
    """Whose mailboxes are meant."""
    return Whose(given.email, given.domain)


def add_mailbox(parser: ArgumentParser) -> None:
    """`--mailbox`"""
    parser.add_argument(
        "--mailbox", required=True, metavar="NAME", help="its name, as its owner calls it"
    )
