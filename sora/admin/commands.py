"""All commands of `sora-admin` and their groups: the words that name them, and where they are.

A command is imported when it is asked for, and no other with it: a process that does one thing
has not to load what the others need.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Final

from sora.admin.command import Command
from sora.admin.shape import Words

GROUPS: Final = {
    "accounts": "accounts of users, and their addresses",
    "accounts credentials": "the addresses of an account",
    "credentials": "one address that logs in",
    "aliases": "addresses that only receive",
    "domains": "domains, and who receives what is nobody's in them",
    "quota": "how much accounts may have",
    "mailbox": "mailboxes by name, and what is in them as numbers",
    "messages": "messages that were deleted, and one that is delivered",
    "acl": "rights on mailboxes that are shared",
    "shared": "mailboxes that belong to a domain",
    "sieve": "Sieve scripts of users and of domains",
    "relay": "mail that is to be sent",
    "retention": "how long messages may stay in mailboxes",
    "cleaner": "what removes what is over",
    "uploader": "bodies that wait for an object store",
    "objects": "the objects that bodies are, and their keys",
    "cache": "bodies kept on local disks",
    "connections": "who is connected to a running server",
    "auth": "who is kept out of a running server",
    "stats": "counts of a running server",
    "tasks": "work that takes long, on running servers",
    "tls": "the certificates of servers",
    "database": "the database itself, and what to do when it was set back",
    "migrate": "the schema of the database",
    "config": "the configuration file",
}
COMMANDS: Final = {
    "accounts create": "accounts.Create",
    "accounts update": "accounts.Update",
    "accounts list": "accounts.ListAccounts",
    "accounts show": "account_state.Show",
    "accounts exists": "account_state.Exists",
    "accounts disable": "account_state.Disable",
    "accounts enable": "account_state.Enable",
    "accounts import": "account_import.Import",
    "accounts delete": "accounts.Delete",
    "accounts restore": "accounts.Restore",
    "accounts credentials add": "accounts.AddCredential",
    "accounts credentials list": "accounts.ListCredentials",
    "credentials show": "credentials.Show",
    "credentials make-primary": "credentials.MakePrimary",
    "credentials delete": "credentials.Delete",
    "aliases create": "aliases.Create",
    "aliases list": "aliases.ListAliases",
    "aliases show": "aliases.Show",
    "aliases delete": "aliases.Delete",
    "domains create": "domains.Create",
    "domains list": "domains.ListDomains",
    "domains show": "domains.Show",
    "domains set": "domains.Set",
    "domains delete": "domains.Delete",
    "domains purge": "domain_purge.Purge",
    "quota show": "quota.Show",
    "quota set": "quota.Set",
    "quota allow": "quota.Allow",
    "quota deny": "quota.Deny",
    "mailbox list": "mailbox.ListMailboxes",
    "mailbox status": "mailbox.Status",
    "mailbox create": "mailbox.Create",
    "mailbox rename": "mailbox.Rename",
    "mailbox delete": "mailbox.Delete",
    "mailbox subscribe": "mailbox.Subscribe",
    "mailbox unsubscribe": "mailbox.Unsubscribe",
    "mailbox at": "mailbox.At",
    "mailbox restore": "mailbox.Restore",
    "mailbox recount": "mailbox.Recount",
    "messages list-deleted": "messages.ListDeleted",
    "messages restore": "messages.Restore",
    "messages deliver": "delivering.Deliver",
    "history": "history.History",
    "acl show": "acl.Show",
    "acl set": "acl.Set",
    "acl delete": "acl.Delete",
    "shared create": "acl.CreateShared",
    "shared list": "acl.ListShared",
    "sieve check": "sieve.Check",
    "sieve list": "sieve.ListScripts",
    "sieve show": "sieve.Show",
    "sieve put": "sieve.Put",
    "sieve activate": "sieve.Activate",
    "sieve deactivate": "sieve.Deactivate",
    "sieve delete": "sieve.Delete",
    "sieve rename": "sieve.Rename",
    "sieve test": "sieve_filter.Test",
    "sieve filter": "sieve_filter.Filter",
    "relay list": "relay.ListMessages",
    "relay show": "relay.Show",
    "relay retry": "relay.Retry",
    "relay delete": "relay.Delete",
    "relay stats": "relay.Stats",
    "retention show": "retention.Show",
    "retention set": "retention.Set",
    "retention clear": "retention.Clear",
    "retention preview": "retention.Preview",
    "cleaner status": "cleaner.Status",
    "cleaner run": "cleaner.Run",
    "cleaner runs": "cleaner.Runs",
    "uploader status": "uploader.Status",
    "uploader retry": "uploader.Retry",
    "objects status": "objects.Status",
    "objects reencrypt": "objects.Reencrypt",
    "verify": "verify.Verify",
    "import-maildir": "importing.ImportMaildir",
    "import-mbox": "importing.ImportMbox",
    "import-imap": "importing.ImportImap",
    "export-maildir": "exporting.ExportMaildir",
    "export-mbox": "exporting.ExportMbox",
    "health": "health.Health",
    "doctor": "doctor.Doctor",
    "tls list": "tls.ListCertificates",
    "tls check": "tls.Check",
    "cache stats": "cache.Stats",
    "cache metrics": "cache.Metrics",
    "cache purge": "cache.Purge",
    "connections list": "connections.ListConnections",
    "connections kick": "connections.Kick",
    "stats connection": "connections.Stats",
    "tasks list": "tasks.ListTasks",
    "tasks show": "tasks.Show",
    "tasks cancel": "tasks.Cancel",
    "stats auth": "logins.Stats",
    "auth blocked": "logins.ListBlocked",
    "auth unblock": "logins.Unblock",
    "database status": "database.Status",
    "database promoted": "database.Promoted",
    "migrate status": "migrate.Status",
    "migrate up": "migrate.Up",
    "config check": "config.Check",
    "config show": "config.Show",
    "config api-key": "api_keys.MakeKey",
}
"""the class of each, below `sora.admin`"""


def all_words() -> list[Words]:
    """The words of all commands, in the order in which they are shown."""
    return [tuple(words.split()) for words in COMMANDS]


def command_of(words: Sequence[str]) -> type[Command]:
    """The command that these words name. Raises KeyError."""
    module, _, name = COMMANDS[" ".join(words)].rpartition(".")
    command: type[Command] = getattr(import_module(f"sora.admin.{module}"), name)
    return command


def all_commands() -> list[type[Command]]:
    """Every command: for what has to know them all."""
    return [command_of(words) for words in all_words()]
