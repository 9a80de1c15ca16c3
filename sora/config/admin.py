"""`[admin]`: how sora-admin reaches running servers, and what it may have them do."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import SIZE


@frozen
class AdminConfig:
    """How `sora-admin` reaches running servers, for what the database alone cannot tell, and which
    of their files the HTTP API may touch."""

    api_url: str = key("http://127.0.0.1:8080", "The address of a server of type http_api.")
    api_key: str = key("", "The `api_key` of that server.", secret=True)
    exchange_directories: tuple[str, ...] = key(
        [],
        """Directories of this machine from which and to which imports and exports over the HTTP
        API may go, with all that is below them; what a symbolic link in them leads to outside is
        refused: ["/srv/migration"]. Empty: none, and only `sora-admin` reads and writes files.""",
    )
    max_archive_size: int = key(
        "1gb",
        """The largest maildir that may be sent to the HTTP API as an archive, to be imported. While
        it comes, and until it is imported, it lies in the directory for temporary files; at most
        four do at the same time for each server.""",
        unit=SIZE,
    )
