"""The libraries of this environment as wheels again, so that pip installs without a network what
`setup.cfg` asks for, and nothing that it does not.
"""

import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

OWN_OF_PIP = frozenset({"INSTALLER", "REQUESTED", "direct_url.json"})


def fill(directory: Path, names: Iterable[str]) -> None:
    """Write wheels of these distributions, and of all that they require."""
    for found in _with_requirements(names):
        _pack(found, directory)


def _with_requirements(names: Iterable[str]) -> Iterator[Distribution]:
    waiting, seen = [Requirement(name) for name in names], set[tuple[str, frozenset[str]]]()
    packed = set[str]()
    while waiting:
        wanted = waiting.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found = distribution(name)
        if name not in packed:
            packed.add(name)
            yield found
        for text in found.requires or ():
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in {*extras, ""}):
                waiting.append(requirement)


def _pack(found: Distribution, directory: Path) -> None:
    about = found.read_text("WHEEL") or ""
    tags = [line.partition(": ")[2] for line in about.splitlines() if line.startswith("Tag: ")]
    name = canonicalize_name(found.metadata["Name"]).replace("-", "_")
    # Several tags are told as one: each part names its choices.
    parts = zip(*(tag.split("-") for tag in tags), strict=True)
    tag = "-".join(".".join(dict.fromkeys(part)) for part in parts)
    with zipfile.ZipFile(directory / f"{name}-{found.version}-{tag}.whl", "w") as wheel:
        for file in found.files or ():
            if file.parts[0] == ".." or "__pycache__" in file.parts or file.name in OWN_OF_PIP:
                continue
            wheel.write(file.locate(), str(file))
