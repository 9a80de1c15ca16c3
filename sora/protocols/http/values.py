"""The values that the API takes and gives: attrs classes, one source for three things.

A field says what it means and what it may be. `shaping` reads and writes JSON by it, `schema` makes
the JSON Schema of the OpenAPI document from it: so that what is documented is what is checked.

A field's type is one of: `str`, `int`, `bool`, `datetime` (RFC 3339), an enumeration of strings,
another such class, `tuple[T, ...]` of these (an array), `Mapping[str, T]` (an object), or one of
them with None. In answers T may be Any.
"""

from collections.abc import Callable
from typing import Any, Final

from attrs import NOTHING, Attribute, field, frozen

FACET: Final = "sora.http.facet"


@frozen
class Facet:
    """What is said of a field beside its type: JSON Schema's words, in Python's spelling.

    `pattern` is searched for, so it is anchored where that is meant. `secret` values are never
    written to a log.
    """

    text: str
    example: Any = None
    minimum: int | None = None
    maximum: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    format: str | None = None
    secret: bool = False


def said(
    text: str,
    *,
    default: Any = NOTHING,
    validator: Callable[..., Any] | None = None,
    **facets: Any,
) -> Any:
    """A field of a value: what it means, its default (without one it is required), its facets."""
    return field(
        default=default,
        kw_only=True,
        validator=validator,
        repr=not facets.get("secret", False),
        metadata={FACET: Facet(text, **facets)},
    )


def facet_of(attribute: "Attribute[Any]") -> Facet:
    """What was said of a field."""
    found: Facet = attribute.metadata[FACET]
    return found
