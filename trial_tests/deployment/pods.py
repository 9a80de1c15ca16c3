"""The pods of `etc/kubernetes/sora.yaml`, played by podman beside the database and the store of the
compose file.

The template of the StatefulSet becomes pods, with what podman does not do for them done here: files of
ConfigMaps and Secrets with the modes and the group that a kubelet gives them, a claim for each pod,
ports of its own on the machine. Probes are asked from outside, hooks before an end are not run.
"""

import os
from pathlib import Path
from typing import Any, Final

import yaml

from trial_tests.deployment.clients import Clients, must
from trial_tests.deployment.engine import Engine

MANIFEST: Final = "etc/kubernetes/sora.yaml"
IMAGE: Final = "localhost/sora_sora:latest"
NETWORK: Final = "sora_default"
GRACE: Final = "terminationGracePeriodSeconds"


class Pods:
    """Of a checkout in which the compose file has been followed."""

    def __init__(self, engine: Engine, checkout: Path) -> None:
        self._engine = engine
        self._checkout = checkout
        stateful = next(iter(yaml.safe_load_all((checkout / MANIFEST).read_text())))
        self._spec: dict[str, Any] = stateful["spec"]
        self.names = [f"sora-{number}" for number in range(self._spec["replicas"])]

    def _objects(self) -> dict[str, dict[str, str]]:
        """What `kubectl create` makes by the first lines of the manifest, by its name."""
        place = self._checkout / "etc/container"
        secrets = dict(line.split("=", 1) for line in (place / ".env").read_text().splitlines())
        names = {name.lower().replace("_", "-"): value for name, value in secrets.items()}
        return {
            "secret sora": names,
            "secret sora-tls": {n: (place / "tls" / n).read_text() for n in ("tls.crt", "tls.key")},
            "configMap sora": {"config.toml": (place / "config.toml").read_text()},
        }

    def _volume(self, volume: dict[str, Any], group: int) -> dict[str, Any]:
        """A volume of the template as podman takes it."""
        for kind in ("secret", "configMap"):
            if kind not in volume:
                continue
            source = volume[kind]
            name = source.get("secretName") or source["name"]
            place = self._engine.place / f"{kind}-{name}"
            place.mkdir(exist_ok=True)
            for key, text in self._objects()[f"{kind} {name}"].items():
                (place / key).write_text(text)
                os.chown(place / key, 0, group)
                (place / key).chmod(source.get("defaultMode", 0o644))
            return {"name": volume["name"], "hostPath": {"path": str(place), "type": "Directory"}}
        return volume

    def manifest(self, name: str, above: int) -> str:
        """One pod and its claims; its ports are the container's and `above`."""
        spec = yaml.safe_load(yaml.safe_dump(self._spec["template"]["spec"]))
        group = spec["securityContext"]["fsGroup"]
        spec["volumes"] = [self._volume(volume, group) for volume in spec["volumes"]]
        claims = []
        for claim in self._spec["volumeClaimTemplates"]:
            own = f"{claim['metadata']['name']}-{name}"
            claims.append({**claim, **_kind("v1", "PersistentVolumeClaim", own)})
            claimed = {"persistentVolumeClaim": {"claimName": own}}
            spec["volumes"].append({"name": claim["metadata"]["name"], **claimed})
        for container in [*spec["initContainers"], *spec["containers"]]:
            container |= {"image": IMAGE, "imagePullPolicy": "Never"}
            container.setdefault("securityContext", {})["runAsGroup"] = group
            for port in container.get("ports", ()):
                port["hostPort"] = port["containerPort"] + above
        spec["restartPolicy"] = "OnFailure"  # podman starts ended initContainers anew otherwise
        return yaml.safe_dump_all([*claims, {**_kind("v1", "Pod", name), "spec": spec}])

    def bring_up(self) -> list[Clients]:
        """All of them; gives the clients of each."""
        found = []
        for number, name in enumerate(self.names):
            file = self._engine.place / f"{name}.yaml"
            above = 10000 * (number + 1)
            file.write_text(self.manifest(name, above))
            self._engine.type(["podman", "kube", "play", "--network", NETWORK, str(file)])
            found.append(Clients(self._engine, above))
            found[-1].wait_ready()
            must(found[-1].probe("livez") == "200", "it lives")
        return found

    def look_inside(self) -> None:
        """a pod has no rights, no secret in its environment, and a root that is read only"""
        inside = ["podman", "exec", f"{self.names[0]}-sora", "sh", "-c"]
        status = self._engine.type([*inside, "cat /proc/self/status"])
        must("CapEff:\t0000000000000000" in status, f"no capabilities\n{status}")
        must("NoNewPrivs:\t1" in status, f"no new privileges\n{status}")
        user = self._spec["template"]["spec"]["securityContext"]["runAsUser"]
        must(f"Uid:\t{user}\t" in status, f"it is not root\n{status}")
        must(
            bool(self._engine.ask([*inside, "touch /opt/sora/x"]).returncode), "nothing is written"
        )
        environment = self._engine.type([*inside, "cat /proc/1/environ || env"])
        for values in (self._objects()["secret sora"], self._objects()["secret sora-tls"]):
            for value in values.values():
                must(value not in environment or len(value) < 8, "no secret in the environment")

    def roll(self, clients: list[Clients], authorities: str) -> None:
        """one pod after the other is started anew, while another serves"""
        grace = str(self._spec["template"]["spec"][GRACE])
        for number, name in enumerate(self.names):
            container = f"{name}-sora"
            other = clients[number - 1]

            def end(container: str = container) -> None:
                self._engine.type(["podman", "stop", "--time", grace, container])

            clients[number].goodbye(end)
            code = self._engine.type(
                ["podman", "inspect", container, "--format", "{{.State.ExitCode}}"]
            )
            must(code.strip() == "0", f"it ended in order, and not with {code}")
            must(other.probe("readyz") == "200", "the other one serves")
            must("the second half" in other.newest(authorities), "and has the mail")
            self._engine.type(["podman", "start", container])
            clients[number].wait_ready()


def _kind(version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
