"""A small S3 store inside the test process, which fails as it is told.

It keeps objects in a dict, checks the declared length and SHA-256 of what it gets, answers
ranges, and takes one `Fault` off its list for each request.
"""

from collections import deque
from collections.abc import Mapping
from hashlib import md5, sha256
from re import findall
from typing import Any
from xml.sax.saxutils import escape

from attrs import Factory, frozen
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from sora.config.s3 import S3Config

ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>{}</Message></Error>"


@frozen
class Fault:
    """What goes wrong with one request.

    `status` and `code` are answered in place of the truth; `cut` closes the connection after so
    many octets of the body; `stall` never goes on after them; `etag` is a wrong ETag; `damage`
    keeps other bytes than were sent, or answers 200 with an error inside to a POST.
    """

    status: int = 0
    code: str = ""
    cut: int | None = None
    stall: int | None = None
    etag: str = ""
    damage: bool = False
    headers: Mapping[str, str] = Factory(dict)
    message: str = "told to"


class FakeS3(Resource):
    """Listens on 127.0.0.1; `close` gives a Deferred."""

    isLeaf = True

    def __init__(self, tls: Any = None) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.faults: deque[Fault | None] = deque()
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.connections = 0
        self.refusing: set[str] = set()
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.secret_of: Mapping[str, str] | None = None
        """secrets by access key: with them, signatures are verified"""
        site = Site(self)
        build = site.buildProtocol

        def counted(address: Any) -> Any:
            self.connections += 1
            return build(address)

        site.buildProtocol = counted  # type: ignore[method-assign]
        if tls is None:
            self._port = reactor.listenTCP(0, site, interface="127.0.0.1")
        else:
            self._port = reactor.listenSSL(0, site, tls, interface="127.0.0.1")

    @property
    def config(self) -> S3Config:
        return S3Config(
            endpoint=f"127.0.0.1:{self._port.getHost().port}",
            bucket="fake",
            access_key="AK",
            secret_key="SK",
            use_ssl=False,
            path_style=True,
            timeout=5.0,
        )

    @property
    def port(self) -> int:
        return int(self._port.getHost().port)

    def _is_signed(self, request: Request) -> bool:
        """Whether the signature is that of the secret key (AWS Signature Version 4)."""
        sent = request.getHeader("authorization") or ""
        fields = dict(part.strip().partition("=")[::2] for part in sent[17:].split(","))
        key, _, region, _, _ = fields["Credential"].split("/")
        host = request.getHeader("host")
        signed = {name: request.getHeader(name) for name in fields["SignedHeaders"].split(";")}
        again = AWSRequest(
            method=request.method.decode(),
            url=f"http://{host}{request.uri.decode()}",
            headers=signed,
        )
        again.context["timestamp"] = request.getHeader("x-amz-date")
        assert self.secret_of is not None
        signer = _Verifying(Credentials(key, self.secret_of.get(key, "")), "s3", region)
        canonical = signer.canonical_request(again)
        return (
            signer.signature(signer.string_to_sign(again, canonical), again) == fields["Signature"]
        )

    def close(self) -> Any:
        return self._port.stopListening()

    def render(self, request: Request) -> Any:
        fault = self.faults.popleft() if self.faults else None
        path = request.path.decode("ascii")
        method = request.method.decode("ascii")
        self.requests.append((method, path))
        self.headers.append(
            {
                name.decode().lower(): values[0].decode()
                for name, values in request.requestHeaders.getAllRawHeaders()
            }
        )
        if fault is not None and fault.status:
            request.setResponseCode(fault.status)
            for name, value in fault.headers.items():
                request.setHeader(name, value)
            return ERROR.format(fault.code, fault.message).encode() if fault.code else b""
        if method in self.refusing:
            request.setResponseCode(503)
            return ERROR.format("SlowDown", "not now").encode()
        if self.secret_of is not None and not self._is_signed(request):
            request.setResponseCode(403)
            return ERROR.format("SignatureDoesNotMatch", "not so").encode()
        return getattr(self, f"_{method.lower()}")(request, path, fault)

    def _post(self, request: Request, path: str, fault: Fault | None) -> bytes:
        """An upload in parts begins, and is completed."""
        if b"uploads" in request.args:
            upload = f"u&{len(self.uploads)}"
            self.uploads[upload] = {}
            return f"<A><UploadId>{escape(upload)}</UploadId></A>".encode()
        if fault is not None and fault.damage:
            return ERROR.format("InternalError", "after all").encode()
        parts = self.uploads.pop(request.args[b"uploadId"][0].decode())
        named = findall(
            rb"<PartNumber>(\d+)</PartNumber><ETag>([^<]*)</ETag>", request.content.read()
        )
        assert [int(number) for number, _ in named] == sorted(parts)
        self.objects[path] = b"".join(parts[number] for number in sorted(parts))
        if fault is not None and fault.cut is not None:
            request.transport.loseConnection()
            return b""
        return b"<A><ETag>&quot;abc-2&quot;</ETag></A>"

    def _put(self, request: Request, path: str, fault: Fault | None) -> bytes:
        body = request.content.read()
        if b"uploadId" in request.args:
            assert request.getHeader("x-amz-content-sha256") == sha256(body).hexdigest()
            parts = self.uploads[request.args[b"uploadId"][0].decode()]
            parts[int(request.args[b"partNumber"][0])] = body
            request.setHeader("ETag", f'"{md5(body).hexdigest()}"')
            return b""
        told = request.getHeader("x-amz-content-sha256")
        if told != sha256(body).hexdigest() or len(body) != int(
            request.getHeader("content-length")
        ):
            request.setResponseCode(400)
            return ERROR.format("BadDigest", "the body is not what was signed").encode()
        self.objects[path] = body[::-1] if fault and fault.damage else body
        etag = fault.etag if fault and fault.etag else md5(body).hexdigest()
        request.setHeader("ETag", f'"{etag}"')
        return b""

    def _list(self, request: Request) -> bytes:
        """ListObjectsV2; keys are told without the bucket."""
        given = {name.decode(): values[0].decode() for name, values in request.args.items()}
        keys = sorted(path.removeprefix("/fake/") for path in self.objects)
        keys = [k for k in keys if k.startswith(given["prefix"]) and k > given["start-after"]]
        entries = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-11-01T10:00:00.000Z</LastModified>"
            f"<Size>{len(self.objects[f'/fake/{key}'])}</Size></Contents>"
            for key in keys[: int(given["max-keys"])]
        )
        space = "http://s3.amazonaws.com/doc/2006-03-01/"
        return f'<ListBucketResult xmlns="{space}">{entries}</ListBucketResult>'.encode()

    def _get(self, request: Request, path: str, fault: Fault | None) -> Any:
        if b"list-type" in request.args:
            return self._list(request)
        data = self.objects.get(path)
        if data is None:
            request.setResponseCode(404)
            return ERROR.format("NoSuchKey", "not here").encode()
        first, _, last = request.getHeader("range").removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last) + 1, len(data))
        if start >= len(data):
            request.setResponseCode(416)
            request.setHeader("Content-Range", f"bytes */{len(data)}")
            return ERROR.format("InvalidRange", "not satisfiable").encode()
        request.setResponseCode(206)
        request.setHeader("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        part = data[start:end]
        if fault is not None and (fault.cut is not None or fault.stall is not None):
            request.setHeader("Content-Length", str(len(part)))
            request.write(part[: fault.cut if fault.cut is not None else fault.stall])
            if fault.cut is not None:
                request.transport.loseConnection()
            return NOT_DONE_YET
        return part

    def _delete(self, request: Request, path: str, fault: Fault | None) -> bytes:
        if b"uploadId" in request.args:
            del self.uploads[request.args[b"uploadId"][0].decode()]
            request.setResponseCode(204)
            return b""
        if path not in self.objects:
            request.setResponseCode(404)
            return ERROR.format("NoSuchKey", "not here").encode()
        del self.objects[path]
        request.setResponseCode(204)
        return b""


class _Verifying(S3SigV4Auth):
    """Takes the payload's hash from the request's own header."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.headers["x-amz-content-sha256"])
