"""copy (RFC 3894): `:copy` leaves the implicit keep in effect."""

from typing import Final

from sora.sieve.extension import Extension, Tag

_COPY: Final = (Tag("copy"),)
EXTENSION: Final = Extension("copy", tags={"fileinto": _COPY, "redirect": _COPY})
