"""An endpoint is a declaration: what is asked, what is given, who may, and what does it (pure).

The site (`site.py`) serves a list of them, and the OpenAPI document (`openapi.py`) is made from the
same list: neither knows of anything that is not declared.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Any, Literal

from attrs import frozen

from sora.errors import SoraError
from sora.protocols.http.nouns import Nouns

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Scope(StrEnum):
    """What a key may do: look, take the mail of users away, or change things, which is all."""

    READ = "read"
    EXPORT = "export"
    WRITE = "write"


@frozen
class Caller:
    """Who asks: the name of the key, and the address it comes from."""

    key: str
    address: str


@frozen
class Conditions:
    """What a client knows of what it changes (RFC 9110 §13.1): one of the `tags` of `If-Match`, or
    with `If-Match: *` (`exists`) only that it is there; with `If-None-Match: *` (`is_new`) that it
    is not."""

    tags: tuple[str, ...] = ()
    exists: bool = False
    is_new: bool = False

    def __bool__(self) -> bool:
        return bool(self.tags) or self.exists or self.is_new


@frozen
class Call:
    """A request, read: values from the path, from the query, from the body, and the conditions
    under which it is to be done, for an endpoint with tags."""

    caller: Caller
    path: Mapping[str, str]
    query: Any
    body: Any
    conditions: Conditions = Conditions()


@frozen(kw_only=True)
class Endpoint:
    """One method of one resource.

    `path` is below `/admin`, with names in braces. `name` is the operation's id. `query`, `body`
    and `answer` are classes of values (`values.py`); without an answer the status is 204. `takes`
    is the media type of a body that is an upload (`upload.py`), a message or an archive, and no
    JSON. `downloads` is the media type of an answer that is sent as it comes (`download.py`), and
    no JSON. `is_partial` says of an answer that only some of what was asked for was done, or
    nothing: its status is 207. `place` is where to find what was made; it stands with every
    endpoint whose status is 201 or 202, and is sent as `Location`. `changes` is what the log of
    changes says of it; it stands with every endpoint whose scope is more than to look. Both have
    names of the path (`{email}`) and fields of the answer (`{answer.email}`) in them. `about` names
    fields of the body that say what it is about, never secrets: the log has them also where nothing
    was done. `tag` tells the state of what is shown, or of what was made, from others, and is sent
    as `ETag`; one that changes things takes conditions. `errors` may come of it, beside those that
    may come of everything.
    """

    method: Method
    path: str
    name: str
    summary: str
    group: str
    run: Callable[[Nouns, Call], Awaitable[Any]]
    scope: Scope = Scope.READ
    query: type[Any] | None = None
    body: type[Any] | None = None
    takes: str = ""
    downloads: str = ""
    answer: type[Any] | None = None
    status: int = 200
    is_partial: Callable[[Any], bool] | None = None
    place: str = ""
    changes: str = ""
    about: tuple[str, ...] = ()
    tag: Callable[[Call, Any], str] | None = None
    errors: tuple[type[SoraError], ...] = ()

    @property
    def is_conditional(self) -> bool:
        """Whether it takes conditions."""
        return self.tag is not None and self.scope is Scope.WRITE

    @property
    def is_once(self) -> bool:
        """Whether it takes an idempotency key (`once.py`): what is done twice when it is asked for
        twice."""
        return self.method == "POST" and self.scope is Scope.WRITE

    @property
    def parameters(self) -> list[str]:
        """The names in the path."""
        return re.findall(r"{(\w+)}", self.path)
