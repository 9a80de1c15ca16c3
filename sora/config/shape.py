"""A mapping, as TOML gives it, becomes frozen classes; every flaw is found in one pass."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from attrs import Attribute, fields, frozen, has
from cattrs import Converter
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, override

from sora.config.keys import about, array_of, names_of, reader_of, table_of
from sora.config.problems import Path
from sora.config.units import shown

T = TypeVar("T")

MAX_UNKNOWN: Final = 100
"""keys of a table that are told to be unknown"""


@frozen
class Flaw:
    """Something that does not fit, and where in the mapping it is."""

    path: Path
    text: str


def structure(kind: type[T], mapping: Mapping[str, Any]) -> tuple[T | None, list[Flaw]]:
    """The value, or None and all flaws of the mapping."""
    try:
        return _CONVERTER.structure(mapping, kind), []
    except BaseValidationError as error:
        return None, _flaws(error, ())


def _flaws(error: BaseException, path: Path) -> list[Flaw]:
    if isinstance(error, BaseValidationError):
        found = []
        for part in error.exceptions:
            found += _flaws(part, path + _step(part))
        return found
    if isinstance(error, ForbiddenExtraKeysError):
        kind = error.cl
        extra = sorted(error.extra_fields)[:MAX_UNKNOWN]
        return [Flaw((*path, name), unknown(kind, name)) for name in extra]
    if isinstance(error, KeyError):
        return [Flaw(path, "this key must be there")]
    return [Flaw(path, str(error))]


def _step(error: BaseException) -> Path:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return (note.name,)
        if isinstance(note, IterableValidationNote):
            return (note.index,)
    return ()


def unknown(kind: type, name: str) -> str:
    """What to say of a key that `kind` does not have."""
    from sora.config.config import Config  # the tables name this module's classes

    what = "table" if kind is Config else "key"
    if near := get_close_matches(name, names_of(kind), n=1, cutoff=0.6):
        return f"there is no such {what}; did you mean `{near[0]}`?"
    for table in fields(Config):
        owner = table_of(table) or array_of(table)
        if owner is not None and owner is not kind and name in names_of(owner):
            heading = f"[[{table.name}]]" if array_of(table) else f"[{table.name}]"
            return f"there is no such {what} here; it belongs into {heading}"
    return f"there is no such {what}; known are {', '.join(names_of(kind))}"


def _structure_table(converter: Converter, kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise ValueError(f"{shown(value)} is not a table: write it as [table] with keys below")
        return converter.structure(value, kind)

    return read


def _structure_array(converter: Converter, kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            raise ValueError("this is an array of tables: write its heading in [[double brackets]]")
        many: Any = tuple.__class_getitem__((kind, ...))
        return converter.structure(value, many)

    return read


def _secretly(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A secret is not shown, not even a wrong one (G69)."""

    def checked(value: Any) -> Any:
        try:
            return read(value)
        except ValueError:
            raise ValueError("this is not a text: write it in quotation marks") from None

    return checked


def _reader(converter: Converter, attribute: "Attribute[Any]") -> Callable[[Any], Any]:
    if kind := table_of(attribute):
        return _structure_table(converter, kind)
    if kind := array_of(attribute):
        return _structure_array(converter, kind)
    read = reader_of(attribute)
    return _secretly(read) if about(attribute).secret else read


def _hook_of(kind: type, converter: Converter) -> Callable[[Any, Any], Any]:
    def hook(read: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda value, _: read(value)

    overrides: dict[str, Any] = {
        attribute.name: override(struct_hook=hook(_reader(converter, attribute)))
        for attribute in fields(kind)
    }
    return make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True, **overrides)


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=True)
    converter.register_structure_hook_factory(
        lambda kind: isinstance(kind, type) and has(kind), lambda kind: _hook_of(kind, converter)
    )
    return converter


_CONVERTER = _make_converter()
