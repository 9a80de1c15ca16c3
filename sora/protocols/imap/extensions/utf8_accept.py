"""UTF8=ACCEPT (RFC 6855): names of mailboxes in UTF-8 once it is enabled; `UTF8 (~{n}` of APPEND
is read in `sora.protocols.imap.appending`.

Messages with UTF-8 in their header are shown as they are to everybody, and taken from
everybody: §4 would have an APPEND of one refused before ENABLE, but programs that move old
mail know nothing of ENABLE, and what they cannot append is lost.
"""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(Capability(b"UTF8=ACCEPT"), enables=True)
