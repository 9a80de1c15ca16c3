"""Which directories of a server are open to imports and exports that somebody asks for from
elsewhere."""

import os

from attrs import frozen

from sora.errors import BadArgument, NotPermitted
from sora.threads import Threads


@frozen
class ExchangePlaces:
    """Only what is in one of `directories`, all links followed, is read or written."""

    directories: tuple[str, ...]
    threads: Threads

    async def there(self, path: str) -> str:
        """Where something really is that is to be read. Raises NotPermitted, BadArgument."""
        real = await self.inside(path)
        if not await self.threads.run(os.path.exists, real):
            raise BadArgument(f"There is no file and no directory {path} on the server")
        return real

    async def inside(self, path: str) -> str:
        """Where something really is, or would be. Raises NotPermitted, BadArgument."""
        if not self.directories:
            raise NotPermitted(
                "No directory of the server is open to this: name some in [admin]"
                " exchange_directories"
            )
        if not os.path.isabs(path):
            raise BadArgument("The path must be absolute: it is one of the server")
        return await self.threads.run(self._inside, path)

    def _inside(self, path: str) -> str:
        real = os.path.realpath(path)
        for one in self.directories:
            directory = os.path.realpath(one)
            if os.path.commonpath((real, directory)) == directory:
                return real
        raise NotPermitted(f"{path} is in none of [admin] exchange_directories")
