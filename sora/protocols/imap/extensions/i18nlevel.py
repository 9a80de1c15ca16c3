"""I18NLEVEL=1 (RFC 5255 §4.3): SEARCH, SORT and THREAD compare as i;unicode-casemap does.

`sora.mail.text.casemap` is that comparator (RFC 5051), by which SORT and THREAD order and
group. SEARCH compares by `sora.mail.text.fold`, which finds all that the comparator finds, and
more where letters are written in two ways (STRASSE and Straße). What is stored is in these
forms already (`sora.mail.facts`).
"""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(Capability(b"I18NLEVEL=1"))
