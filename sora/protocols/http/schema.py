"""JSON Schema (2020-12, as OpenAPI 3.1 has it) of the API's values (pure)."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final, get_args, get_origin, get_type_hints

from attrs import NOTHING, Attribute, fields, has

from sora.protocols.http.shaping import optional, to_json
from sora.protocols.http.values import Facet, facet_of

TEXT: Final = r"^[^\u0000]*$"
"""the pattern of a text of which nothing else is said: PostgreSQL keeps no NUL (G18)"""
_PLAIN: Final[Mapping[Any, Mapping[str, Any]]] = {
    str: {"type": "string", "pattern": TEXT},
    int: {"type": "integer", "format": "int64"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
}


class Schemas:
    """The schemas of a document: each class once, by its name."""

    def __init__(self) -> None:
        self.components: dict[str, dict[str, Any]] = {}
        self._kinds: dict[str, type[Any]] = {}

    def of(self, hint: Any) -> dict[str, Any]:
        """The schema of a type; of a class a reference to its component."""
        inner, may_be_none = optional(hint)
        schema = self._of(inner)
        if not may_be_none:
            return schema
        if isinstance(schema.get("type"), str) and "enum" not in schema:
            return {**schema, "type": [schema["type"], "null"]}
        return {"anyOf": [schema, {"type": "null"}]}

    def field(self, hint: Any, attribute: "Attribute[Any]") -> dict[str, Any]:
        """The schema of a field: that of its type, with what was said of it."""
        facet = facet_of(attribute)
        schema = {**self.of(hint), **words_of(facet, get_origin(optional(hint)[0]) is tuple)}
        if facet.format is not None and facet.pattern is None:
            schema.pop("pattern", None)
        if attribute.default is not NOTHING and attribute.default is not None:
            schema["default"] = to_json(attribute.default)
        return schema

    def _of(self, inner: Any) -> dict[str, Any]:
        if inner is Any:
            return {}
        if inner in _PLAIN:
            return dict(_PLAIN[inner])
        if has(inner):
            return self._reference(inner)
        if isinstance(inner, type) and issubclass(inner, Enum):
            return {"type": "string", "enum": [one.value for one in inner]}
        if get_origin(inner) is tuple:
            return {"type": "array", "items": self.of(get_args(inner)[0])}
        return {"type": "object", "additionalProperties": self.of(get_args(inner)[1])}

    def _reference(self, kind: type[Any]) -> dict[str, Any]:
        name = kind.__name__
        assert self._kinds.setdefault(name, kind) is kind, f"two classes are called {name}"
        if name not in self.components:
            self.components[name] = {}  # it may refer to itself
            self.components[name] = self._object(kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(self, kind: type[Any]) -> dict[str, Any]:
        hints = get_type_hints(kind)
        schema: dict[str, Any] = {
            "type": "object",
            "description": " ".join((kind.__doc__ or "").split()),
            "additionalProperties": False,
            "properties": {one.name: self.field(hints[one.name], one) for one in fields(kind)},
        }
        required = [one.name for one in fields(kind) if one.default is NOTHING]
        if required:
            schema["required"] = required
        return schema


def words_of(facet: Facet, is_array: bool = False) -> dict[str, Any]:
    """What a facet says, in the words of JSON Schema."""
    length = "Items" if is_array else "Length"
    words = {
        "description": facet.text,
        "minimum": facet.minimum,
        "maximum": facet.maximum,
        f"min{length}": facet.min_length,
        f"max{length}": facet.max_length,
        "pattern": facet.pattern,
        "format": facet.format,
        "examples": None if facet.example is None else [to_json(facet.example)],
        "writeOnly": facet.secret or None,
    }
    return {name: value for name, value in words.items() if value is not None}
