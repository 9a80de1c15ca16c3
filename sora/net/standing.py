"""Where a conversation stands, as an operator sees it in the list of connections."""

from attrs import frozen


@frozen
class Standing:
    """The state in the words of the protocol's RFC, with the mailbox where there is one, and what
    the client has said of itself (ID, RFC 2971): cut, since it is the client's own text."""

    state: str = ""
    client: str = ""


def client_text(said: dict[str, str], most: int = 120) -> str:
    """Name, version and system of a client, from the fields of its ID."""
    words = [said[field] for field in ("name", "version", "os", "os-version") if said.get(field)]
    return "".join(letter for letter in " ".join(words) if letter.isprintable())[:most]
