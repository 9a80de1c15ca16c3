"""The list of all that Sora's IMAP speaks: one line for each command and each extension."""

from typing import Final

from sora.auth.logging_in import ALL_MECHANISMS
from sora.protocols.imap.commands.acl import DeleteAcl, GetAcl, ListRights, MyRights, SetAcl
from sora.protocols.imap.commands.append import Append
from sora.protocols.imap.commands.authenticate import Authenticate
from sora.protocols.imap.commands.cancelupdate import CancelUpdate
from sora.protocols.imap.commands.capability import CapabilityCommand
from sora.protocols.imap.commands.close import Close, Unselect
from sora.protocols.imap.commands.compress import Compress
from sora.protocols.imap.commands.copy import Copy, Move
from sora.protocols.imap.commands.create import Create
from sora.protocols.imap.commands.delete import Delete
from sora.protocols.imap.commands.enable import Enable
from sora.protocols.imap.commands.esearch import ESearch
from sora.protocols.imap.commands.expunge import Expunge
from sora.protocols.imap.commands.fetch import Fetch
from sora.protocols.imap.commands.id import Id
from sora.protocols.imap.commands.idle import Idle
from sora.protocols.imap.commands.list import List, Lsub
from sora.protocols.imap.commands.login import Login
from sora.protocols.imap.commands.logout import Logout
from sora.protocols.imap.commands.metadata import GetMetadata, SetMetadata
from sora.protocols.imap.commands.namespace import Namespace
from sora.protocols.imap.commands.noop import Check, Noop
from sora.protocols.imap.commands.notify import Notify
from sora.protocols.imap.commands.quota import GetQuota, GetQuotaRoot, SetQuota
from sora.protocols.imap.commands.rename import Rename
from sora.protocols.imap.commands.replace import Replace
from sora.protocols.imap.commands.search import Search
from sora.protocols.imap.commands.select import Examine, Select
from sora.protocols.imap.commands.sort import Sort
from sora.protocols.imap.commands.starttls import StartTLS
from sora.protocols.imap.commands.status import STATUS_ITEMS, Status
from sora.protocols.imap.commands.store import Store
from sora.protocols.imap.commands.subscribe import Subscribe, Unsubscribe
from sora.protocols.imap.commands.thread import Thread
from sora.protocols.imap.commands.uidbatches import UidBatches
from sora.protocols.imap.commands.unauthenticate import Unauthenticate
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.extensions import (
    acl,
    appendlimit,
    binary,
    catenate,
    children,
    condstore,
    context,
    esearch,
    esort,
    i18nlevel,
    imap4rev2,
    inprogress,
    list_extended,
    list_myrights,
    list_status,
    messagelimit,
    metadata,
    multiappend,
    objectid,
    partial,
    preview,
    qresync,
    quota,
    savedate,
    search_fuzzy,
    searchres,
    sort_display,
    special_use,
    status_size,
    thread,
    uidonly,
    uidplus,
    utf8_accept,
    within,
)
from sora.protocols.imap.fetch_items import FETCH_ITEMS

DIALECT: Final = Dialect(
    commands=[
        Append,
        Authenticate,
        CancelUpdate,
        CapabilityCommand,
        Check,
        Close,
        Compress,
        Copy,
        Create,
        Delete,
        DeleteAcl,
        ESearch,
        Enable,
        Examine,
        Expunge,
        Fetch,
        GetMetadata,
        GetAcl,
        GetQuota,
        GetQuotaRoot,
        Id,
        Idle,
        List,
        ListRights,
        Login,
        Logout,
        Lsub,
        Move,
        MyRights,
        Namespace,
        Noop,
        Notify,
        Rename,
        Replace,
        Search,
        Select,
        SetAcl,
        SetQuota,
        SetMetadata,
        Sort,
        StartTLS,
        Status,
        Store,
        Subscribe,
        UidBatches,
        Unauthenticate,
        Thread,
        Unselect,
        Unsubscribe,
    ],
    extensions=[
        acl.EXTENSION,
        appendlimit.EXTENSION,
        binary.EXTENSION,
        catenate.EXTENSION,
        children.EXTENSION,
        condstore.EXTENSION,
        context.SEARCH,
        context.SORT,
        esearch.EXTENSION,
        imap4rev2.EXTENSION,
        inprogress.EXTENSION,
        esort.EXTENSION,
        i18nlevel.EXTENSION,
        list_extended.EXTENSION,
        list_myrights.EXTENSION,
        list_status.EXTENSION,
        preview.EXTENSION,
        partial.EXTENSION,
        qresync.EXTENSION,
        metadata.LIST,
        metadata.SERVER,
        multiappend.EXTENSION,
        search_fuzzy.EXTENSION,
        quota.MAILBOX,
        quota.MESSAGE,
        quota.STORAGE,
        searchres.EXTENSION,
        sort_display.EXTENSION,
        special_use.CREATE,
        special_use.EXTENSION,
        thread.ORDERED_SUBJECT,
        thread.REFERENCES,
        thread.REFS,
        objectid.EXTENSION,
        savedate.EXTENSION,
        status_size.EXTENSION,
        messagelimit.EXTENSION,
        messagelimit.SAVELIMIT,
        uidonly.EXTENSION,
        uidplus.EXTENSION,
        utf8_accept.EXTENSION,
        within.EXTENSION,
    ],
    fetch_items=FETCH_ITEMS,
    status_items=STATUS_ITEMS,
    sasl=ALL_MECHANISMS,
)
