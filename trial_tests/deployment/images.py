"""The images that the files for containers name, where no registry is in reach: Sora's is built as
they say, the others are stand-ins with the same variables, volumes, ports and signals."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from trial_tests.deployment.engine import Engine

HERE: Final = Path(__file__).with_name("images")
BASE: Final = "docker.io/library/debian:bookworm-slim"
STAND_INS: Final = {
    "postgres": "docker.io/library/postgres:16",
    "seaweedfs": "docker.io/chrislusf/seaweedfs:latest",
}
AUTHORITIES: Final = "/etc/ssl/certs/ca-certificates.crt"


def make_images(engine: Engine, suite: str, mirror: str) -> None:
    """The base, and those that Sora needs beside it."""
    base = engine.place / "debian"
    shutil.copytree(HERE / "debian", base)
    include = ["--variant=apt", "--include=ca-certificates"]
    words = ["mmdebstrap", "--quiet", *include, suite, str(base / "debian.tar"), mirror]
    subprocess.run(words, check=True, timeout=900)
    shutil.copy(os.environ.get("PIP_CERT", AUTHORITIES), base / "authorities.crt")
    _build(engine, BASE, base)
    (base / "debian.tar").unlink()
    for name, image in STAND_INS.items():
        place = engine.place / name
        shutil.copytree(HERE / name, place)
        if name == "seaweedfs":
            shutil.copy(Path(sys.executable).with_name("weed"), place)
        _build(engine, image, place)


def _build(engine: Engine, image: str, place: Path) -> None:
    words = ["buildah", "bud", "--quiet", "--network", "host", "--tag", image, str(place)]
    engine.type(words, apart=False)
