"""The files for containers fit together, and with Sora: what they name is there, and the
configuration starts."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from sora.app.available import require_available
from sora.config.checks import check
from sora.config.load import Loaded, load

ETC = Path(__file__).parents[2] / "etc"
COMPOSE = ETC / "container/compose.yaml"
KUBERNETES = ETC / "kubernetes/sora.yaml"
PROBES = ("startup", "liveness", "readiness")
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


class ContainerTests(SynchronousTestCase):
    def loaded(self, environment: dict[str, str]) -> Loaded:
        """The configuration with secrets from the environment, as at a start."""
        loaded = load(ETC / "container/config.toml", environment)
        check(loaded.config, loaded.where)
        require_available(loaded.config)
        return loaded

    def pod(self) -> tuple[Any, Any]:
        """The template of Kubernetes, and its container."""
        stateful, *_ = yaml.safe_load_all(KUBERNETES.read_text())
        template = stateful["spec"]["template"]["spec"]
        return template, template["containers"][0]

    def with_secrets(self, environment: list[dict[str, str]]) -> dict[str, str]:
        """The environment of the pod, whose secrets are files below another directory, as a Secret
        that is mounted has them."""
        place = Path(self.mktemp())
        place.mkdir()
        found = {}
        for one in environment:
            mounted = Path(one["value"])
            self.assertEqual(mounted.parent, Path("/etc/sora-secrets"))
            secret = place.absolute() / mounted.name
            secret.write_text(f"{SECRET}\n")
            secret.chmod(0o440)
            found[one["name"]] = str(secret)
        return found

    def test_compose(self) -> None:
        """The variables that it sets are keys, and complete the configuration; and what it mounts
        is there."""
        text = COMPOSE.read_text()
        services = yaml.safe_load(text)["services"]
        sora = services["sora"]
        loaded = self.loaded(dict.fromkeys(sora["environment"], SECRET))
        self.assertEqual(loaded.warnings, ())
        self.assertEqual(loaded.config.database.host, "postgres")
        self.assertIn(loaded.config.s3.endpoint.partition(":")[0], services)
        build = COMPOSE.parent / sora["build"]["context"] / sora["build"]["dockerfile"]
        self.assertTrue(build.is_file())
        own = [volume.partition(":")[0] for volume in sora["volumes"] if volume.startswith("./")]
        made = {f"./{name}" for name in re.findall(r"^#   mkdir (\w+)$", text, re.M)}
        self.assertEqual([n for n in own if not (COMPOSE.parent / n).is_file()], sorted(made))
        mounted = [volume.split(":")[1] for volume in sora["volumes"]]
        self.assertIn(str(Path(loaded.config.tls.cert_file).parent), mounted)
        ports = {server.addr.port for server in loaded.config.servers}
        mapped = {int(port.rpartition(":")[2]) for port in sora["ports"]}
        self.assertEqual(mapped, ports)

    def test_kubernetes(self) -> None:
        """The same; each volume that is mounted is there, and ports are those of servers."""
        template, container = self.pod()
        loaded = self.loaded(self.with_secrets(container["env"]))
        ports = {server.addr.port for server in loaded.config.servers}
        self.assertEqual({one["containerPort"] for one in container["ports"]}, ports)
        stateful, *others = yaml.safe_load_all(KUBERNETES.read_text())
        claims = {one["metadata"]["name"] for one in stateful["spec"]["volumeClaimTemplates"]}
        volumes = claims | {one["name"] for one in template["volumes"]}
        mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
        self.assertEqual(set(mounts), volumes)
        self.assertTrue(loaded.config.cache.path.startswith(mounts["cache"]))
        self.assertTrue(loaded.config.tls.key_file.startswith(mounts["tls"]))
        probes = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in PROBES]
        self.assertEqual(probes, ["/livez", "/livez", "/readyz"])
        self.assertTrue(loaded.config.relay.queue.path.startswith(mounts["spool"]))
        names = {one["name"] for one in container["ports"]}
        for service in others:
            for port in service["spec"].get("ports", ()):
                self.assertIn(port["targetPort"], names)

    def test_the_image(self) -> None:
        """Ports, the user, the directories and the health check are those of the other files."""
        text = (ETC / "container/Containerfile").read_text()
        _, *check = yaml.safe_load(COMPOSE.read_text())["services"]["sora"]["healthcheck"]["test"]
        self.assertIn(f"CMD \\\n    {json.dumps(check)}\n", text)
        template, container = self.pod()
        self.assertIn(f"--uid {template['securityContext']['runAsUser']} ", text)
        exposed = re.findall(r"\d+", text.partition("\nEXPOSE ")[2].partition("\n")[0])
        self.assertLessEqual(
            {str(one["containerPort"]) for one in container["ports"]}, set(exposed)
        )
        for mount in container["volumeMounts"]:
            if mount["mountPath"].startswith("/var/"):
                self.assertIn(f" {mount['mountPath']}", text)
