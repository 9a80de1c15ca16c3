"""How a key of the configuration is declared: one field of one class says everything.

A field carries its default, its unit, its documentation, and whether it is a secret. The
loader, `etc/config.toml.example` and `docs/configuration.md` are made from these alone.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, get_args, get_origin

from attrs import NOTHING, Attribute, field, fields, has

from sora.config.units import Unit, shown

METADATA: Final = "sora.config"

REQUIRED: Final = object()
"""The default of a key that must be there."""


class Key:
    """What is said about a key beside its name and its Python type."""

    def __init__(
        self,
        doc: str,
        unit: Unit | None = None,
        secret: bool = False,
        choices: Sequence[str] = (),
        least: int | None = None,
        written: str | None = None,
        example: str | None = None,
    ) -> None:
        self.doc = " ".join(doc.split())
        self.unit = unit
        self.secret = secret
        self.choices = tuple(choices)
        self.least = least
        self.written = written
        self.example = example


def key(
    default: Any,
    doc: str,
    *,
    unit: Unit | None = None,
    secret: bool = False,
    choices: Sequence[str] = (),
    least: int | None = None,
    written: str | None = None,
    example: str | None = None,
) -> Any:
    """Declare a key.

    `default` is written as in TOML and read by `unit`; REQUIRED makes the key mandatory.
    `secret` hides it from every dump and accepts `<key>_file` beside it. `choices` are the
    texts it may have, `least` the smallest number. `written` is the default as documents
    show it when the value alone does not tell, `example` a value for a required key.
    """
    about = Key(doc, unit, secret, choices, least, written, example)
    value = NOTHING if default is REQUIRED else default
    if unit is not None and value is not NOTHING and value is not None:
        value = unit.read(default)
    if isinstance(value, list):
        value = tuple(value)
    return field(default=value, repr=not secret, metadata={METADATA: about})


def table(kind: type, doc: str = "") -> Any:
    """Declare a table inside a table."""
    return field(factory=kind, metadata={METADATA: Key(doc)})


def tables(kind: type, doc: str = "") -> Any:
    """Declare an array of tables, empty by default."""
    return field(default=(), metadata={METADATA: Key(doc)})


def about(attribute: "Attribute[Any]") -> Key:
    """What was declared for a field."""
    return attribute.metadata[METADATA]


def table_of(attribute: "Attribute[Any]") -> type | None:
    """The class of a field that is a table, or an optional one; None for any other."""
    kinds = [kind for kind in get_args(attribute.type) if kind is not type(None)]
    kind = kinds[0] if kinds and get_origin(attribute.type) is not tuple else attribute.type
    return kind if isinstance(kind, type) and has(kind) and not about(attribute).unit else None


def array_of(attribute: "Attribute[Any]") -> type | None:
    """The class of the tables of a field that is an array of tables; None for any other."""
    if get_origin(attribute.type) is not tuple or about(attribute).unit:
        return None
    kind = get_args(attribute.type)[0]
    return kind if isinstance(kind, type) and has(kind) else None


def is_list(attribute: "Attribute[Any]") -> bool:
    """Whether the value of a key is a list."""
    return get_origin(attribute.type) is tuple


def names_of(kind: type) -> list[str]:
    """The keys that a table knows, with those that name a secret's file."""
    names: list[str] = []
    for attribute in fields(kind):
        names.append(attribute.name)
        if about(attribute).secret:
            names.append(f"{attribute.name}_file")
    return names


def reader_of(attribute: "Attribute[Any]") -> Callable[[Any], Any]:
    """What turns a TOML value into the value of this field, raising ValueError."""
    described = about(attribute)
    if described.unit is not None:
        return described.unit.read
    if is_list(attribute):
        return _read_texts
    kinds = get_args(attribute.type) or (attribute.type,)
    read = _READERS[next(kind for kind in kinds if kind is not type(None))]

    def checked(value: Any) -> Any:
        result = read(value)
        if described.choices and result not in described.choices:
            known = ", ".join(f'"{choice}"' for choice in described.choices)
            raise ValueError(f"{shown(value)} is not one of {known}")
        if described.least is not None and result < described.least:
            raise ValueError(f"{result} is too small: the least is {described.least}")
        return result

    return checked


def _read_texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f'{shown(value)} is not a list of texts: write ["one", "two"]')
    return tuple(value)


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not a text: write it in quotation marks")
    return value


def _read_number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{shown(value)} is not a whole number: write it without quotation marks")
    return value


def _read_truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} is not true or false: write true or false, unquoted")
    return value


_READERS: Final[dict[Any, Callable[[Any], Any]]] = {
    str: _read_text,
    int: _read_number,
    bool: _read_truth,
}
