"""I18NLEVEL=1 (RFC 5255 §4.3): SEARCH, SORT and THREAD compare as i;unicode-casemap does.

`sora.mail.text.fold` is that comparator, and more: it takes compatible characters for one
another also where they have no case. It is applied to what is stored (`sora.mail.facts`), and
to what is looked for by whoever evaluates a criterion.
"""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(Capability(b"I18NLEVEL=1"))
