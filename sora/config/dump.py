"""A configuration written back: every key with the value that counts, and no secret.

What is shown is what the loader made of the file, the environment and the options; where each
value came from stands beside it if `Loaded.where` knows.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import NOTHING, Attribute, fields

from sora.config.document import toml_text
from sora.config.keys import about, array_of, is_list, table_of
from sora.config.problems import Path

MASK: Final = "********"
"""what stands for a secret that is set"""

Tables = dict[str, Any]


def as_tables(config: Any, *, changed: bool = False) -> Tables:
    """The tables of a configuration as TOML has them: texts, numbers, truths, lists, tables.

    Secrets are `MASK`, or empty when they are not set. With `changed`, only what is not as by
    default, and no table without anything in it.
    """
    found: Tables = {}
    for attribute in fields(type(config)):
        value = getattr(config, attribute.name)
        if table_of(attribute):
            inner = as_tables(value, changed=changed) if value is not None else {}
            if inner:
                found[attribute.name] = inner
        elif array_of(attribute):
            if value or not changed:
                found[attribute.name] = [as_tables(entry, changed=changed) for entry in value]
        elif value is None and about(attribute).unit is None:
            continue  # not set, and TOML has no word for that
        elif not (changed and _is_default(attribute, value)):
            found[attribute.name] = _written(attribute, value)
    return found


def as_toml(tables: Mapping[str, Any], where: Callable[[Path], str] = lambda path: "") -> str:
    """Tables as the text of a file that can be loaded again, but for its secrets; behind each key
    where it was set, if `where` tells."""
    return "\n".join(_lines(tables, (), where)).lstrip("\n") + "\n"


def _lines(table: Mapping[str, Any], path: Path, where: Callable[[Path], str]) -> Iterator[str]:
    for name, value in table.items():
        if not isinstance(value, dict) and not _is_array(value):
            origin = where((*path, name))
            yield f"{name} = {toml_text(value)}" + (f"  # {origin}" if origin else "")
    for name, value in table.items():
        here = (*path, name)
        title = ".".join(step for step in here if isinstance(step, str))
        if isinstance(value, dict):
            if any(
                not isinstance(inner, dict) and not _is_array(inner) for inner in value.values()
            ):
                yield f"\n[{title}]"
            yield from _lines(value, here, where)
        elif _is_array(value):
            for number, entry in enumerate(value):
                yield f"\n[[{title}]]"
                yield from _lines(entry, (*here, number), where)


def _is_array(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _is_default(attribute: "Attribute[Any]", value: Any) -> bool:
    return attribute.default is not NOTHING and bool(value == attribute.default)


def _written(attribute: "Attribute[Any]", value: Any) -> Any:
    described = about(attribute)
    if described.secret:
        return MASK if value else ""
    if described.unit is not None:
        return described.unit.write(value)
    return list(value) if is_list(attribute) else value
