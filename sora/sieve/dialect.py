"""The list of all that Sora's Sieve speaks: one line for each word and each extension."""

from typing import Final

from sora.sieve.base.address import ADDRESS
from sora.sieve.base.discard import DISCARD
from sora.sieve.base.header import EXISTS, HEADER
from sora.sieve.base.if_ import ELSE, ELSIF, IF
from sora.sieve.base.keep import KEEP
from sora.sieve.base.logic import ALLOF, ANYOF, FALSE, NOT, TRUE
from sora.sieve.base.redirect import REDIRECT
from sora.sieve.base.size import SIZE
from sora.sieve.base.stop import STOP
from sora.sieve.comparators import CASEMAP, OCTET
from sora.sieve.extension import Extension
from sora.sieve.extensions import (
    body,
    comparators,
    convert,
    copy,
    date,
    duplicate,
    editheader,
    enclose,
    encoded_character,
    enotify,
    envelope,
    envelope_dsn,
    environment,
    extlists,
    extracttext,
    fcc,
    fileinto,
    foreverypart,
    ihave,
    imap4flags,
    imapsieve,
    include,
    index,
    mailbox,
    mailboxid,
    metadata,
    mime,
    redirect_dsn,
    regex,
    reject,
    relational,
    replace,
    spamtest,
    special_use,
    subaddress,
    vacation,
    variables,
)
from sora.sieve.match import CONTAINS, IS, MATCHES
from sora.sieve.parts import ALL, DOMAIN, LOCALPART
from sora.sieve.vocabulary import Dialect

BASE: Final = Extension(
    "",
    words=(
        IF,
        ELSIF,
        ELSE,
        STOP,
        KEEP,
        DISCARD,
        REDIRECT,
        ADDRESS,
        ALLOF,
        ANYOF,
        EXISTS,
        FALSE,
        HEADER,
        NOT,
        SIZE,
        TRUE,
    ),
    match_types=(IS, CONTAINS, MATCHES),
    address_parts=(ALL, LOCALPART, DOMAIN),
    comparators=(OCTET, CASEMAP),
)

# What changes strings comes in the order in which it does (RFC 5229 §3.1).
SIEVE: Final = Dialect(
    BASE,
    (
        *comparators.ALWAYS,
        comparators.ASCII_NUMERIC,
        comparators.UNICODE_CASEMAP,
        body.EXTENSION,
        convert.EXTENSION,
        copy.EXTENSION,
        date.EXTENSION,
        duplicate.EXTENSION,
        editheader.EXTENSION,
        enclose.EXTENSION,
        encoded_character.EXTENSION,
        enotify.EXTENSION,
        envelope.EXTENSION,
        envelope_dsn.DELIVERBY,
        envelope_dsn.DSN,
        environment.EXTENSION,
        extlists.EXTENSION,
        extracttext.EXTENSION,
        fcc.EXTENSION,
        fileinto.EXTENSION,
        foreverypart.EXTENSION,
        ihave.EXTENSION,
        imap4flags.EXTENSION,
        imapsieve.EXTENSION,
        include.EXTENSION,
        index.EXTENSION,
        mailbox.EXTENSION,
        mailboxid.EXTENSION,
        metadata.MAILBOX,
        metadata.SERVER,
        mime.EXTENSION,
        redirect_dsn.DELIVERBY,
        redirect_dsn.DSN,
        regex.EXTENSION,
        reject.EREJECT,
        reject.REJECT,
        relational.EXTENSION,
        replace.EXTENSION,
        spamtest.SPAM,
        spamtest.SPAM_PLUS,
        spamtest.VIRUS,
        special_use.EXTENSION,
        subaddress.EXTENSION,
        vacation.EXTENSION,
        vacation.SECONDS,
        variables.EXTENSION,
    ),
)

__all__ = ["SIEVE", "Dialect"]
