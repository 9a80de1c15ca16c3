"""imapsieve (RFC 6785): scripts that run when a client adds a message to a mailbox, or changes
flags.

What is different there stands where it is: in the items of `environment`, in `envelope`, which
fails, and in `conflicts.ONLY_AT_DELIVERY`. The flags that a message has are those that `hasflag`
sees (`Context.flags`).
"""

from typing import Final

from sora.sieve.extension import Extension

EXTENSION: Final = Extension("imapsieve")
