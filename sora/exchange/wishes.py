"""What somebody may want who imports or exports."""

from typing import Final

from attrs import field, frozen

from sora.mail.mailbox_names import DELIMITER

MAX_JOBS: Final = 16
"""folders that may go at the same time"""
PORTS: Final = {"implicit": 993, "starttls": 143, "none": 143}
"""the usual ones, for the ways of `Login.tls`"""


@frozen
class Wishes:
    """How to import. `only` are names of folders, None for all; `names` what folders are called
    here, where that is another name; with `update_flags` what is here already gets the flags that
    it has there; `jobs` folders go at the same time."""

    preserve_uids: bool = False
    dry_run: bool = False
    update_flags: bool = False
    jobs: int = 2
    only: frozenset[str] | None = None
    names: tuple[tuple[str, str], ...] = ()

    def wants(self, name: str) -> bool:
        """Whether a folder is to be imported."""
        return self.only is None or name in self.only

    def name_of(self, name: str) -> str:
        """The mailbox that a folder becomes: by its own name, or that of one above it."""
        for old, new in self.names:
            if name == old or name.startswith(old + DELIMITER):
                return new + name[len(old) :]
        return name


@frozen
class Choice:
    """What is exported: mailboxes by name, None for all; `jobs` go at the same time."""

    only: frozenset[str] | None = None
    jobs: int = 2


@frozen(kw_only=True)
class Login:
    """Where the other server is, and who we are there. `tls` is `implicit`, `starttls` or `none`;
    with `authorize_as` it is somebody else's mail that an administrator reads."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: str = "implicit"
    ca_file: str = ""
    verify: bool = True
    authorize_as: str = ""
