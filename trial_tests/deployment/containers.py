"""The files of `etc/container` and `etc/kubernetes`, brought up as a whole.

    ./dev containers [--suite bookworm] [--mirror URL]

Sora's image is built as its file says. No registry is needed: the base is made by mmdebstrap, and the
images of PostgreSQL and SeaweedFS are stand-ins with the same interface. podman-compose then brings the
compose file up as it stands, which has to outlive a restart of each of its services, a minute without its
database, and compose down and up. Beside its database and store the pods of the manifest are played by
podman, and started anew one after the other. Needs root, mmdebstrap, buildah, podman with runc, netavark
and aardvark-dns, podman-compose (1.1 or later, from PyPI), iproute2, swaks, curl and a mirror; everything
is in a directory and a network of its own, ended and removed afterwards.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from trial_tests.deployment.checkout import check_out
from trial_tests.deployment.compose import Composed
from trial_tests.deployment.engine import Engine
from trial_tests.deployment.images import make_images
from trial_tests.deployment.pods import Pods

PROGRAMS = ("mmdebstrap", "buildah", "podman", "runc", "podman-compose", "ip", "swaks", "curl")


def bring_up(engine: Engine, checkout: Path) -> None:
    """The compose file, then the pods. What goes wrong ends the run."""
    composed = Composed(engine, checkout)
    composed.follow()
    for use in (composed.restart_each, composed.lose_the_database, composed.end_in_order):
        print(f"== {use.__doc__}", flush=True)
        use()
    print("the compose file does what is said of it")
    composed.compose("stop", "sora")
    pods = Pods(engine, checkout)
    clients = pods.bring_up()
    print(f"== {pods.look_inside.__doc__}", flush=True)
    pods.look_inside()
    print(f"== {pods.roll.__doc__}", flush=True)
    pods.roll(clients, composed.authorities)
    print("the pods do what is said of them")


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring all up, and take it away; 0 when all went well."""
    parser = argparse.ArgumentParser(prog="./dev containers", description="compose and pods")
    parser.add_argument("--suite", default="bookworm", help="of Debian (default: bookworm)")
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    given = parser.parse_args(arguments)
    if os.getuid():
        raise SystemExit("this needs root")
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        raise SystemExit(f"this needs {', '.join(missing)}")
    place = Path(tempfile.mkdtemp(prefix="sora-containers-"))
    engine = Engine(place)
    try:
        make_images(engine, given.suite, given.mirror)
        check_out(place / "checkout")
        bring_up(engine, place / "checkout")
    finally:
        engine.close()
        shutil.rmtree(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
