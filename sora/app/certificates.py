"""The certificates that a configuration names, for who looks at them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate
from twisted.internet.threads import deferToThread

from sora.app.servers import certificate_files
from sora.config.config import Config
from sora.config.servers import ServerConfig
from sora.net.networks import Networks
from sora.operations.tls import Known, TLSOperations, TLSServer
from sora.tls.contexts import CertificateUnusable, ServerTLS, read_chain
from sora.tls.shown import STARTTLS, Door, certificate_shown


def tls_in_files(config: Config, reactor: Any) -> TLSOperations:
    """What the files have now; works without a server, too."""

    def known() -> list[Known]:
        return [_read(*files, names) for files, names in _by_files(config).items()]

    return TLSOperations(known, _servers(config, reactor), deferToThread, reactor.seconds)


def tls_served(
    config: Config, certificates: Mapping[int, ServerTLS], reactor: Any
) -> TLSOperations:
    """What the servers of this process serve."""
    loaded = {one.files: one for one in certificates.values()}

    def known() -> list[Known]:
        names = _by_files(config)
        return [
            Known(*files, names[files], one.chain)
            for files, one in loaded.items()
            if files in names
        ]

    return TLSOperations(known, _servers(config, reactor), deferToThread, reactor.seconds)


def how_tls_begins(server: ServerConfig) -> str:
    """With the first octet (`implicit`), after STARTTLS, or not at all (empty)."""
    if server.tls:
        return "implicit"
    return "starttls" if server.starttls and server.type in STARTTLS else ""


def _with_tls(config: Config) -> Iterable[tuple[ServerConfig, tuple[Path, Path]]]:
    for number, files in certificate_files(config).items():
        if how_tls_begins(config.servers[number]):
            yield config.servers[number], files


def _by_files(config: Config) -> dict[tuple[Path, Path], list[str]]:
    found: dict[tuple[Path, Path], list[str]] = {}
    for server, files in _with_tls(config):
        found.setdefault(files, []).append(server.label)
    return found


def _servers(config: Config, reactor: Any) -> Sequence[TLSServer]:
    return [
        TLSServer(
            server.label,
            server.type,
            str(server.addr),
            how_tls_begins(server),
            server.hostname,
            *files,
            _shown(server, reactor),
        )
        for server, files in _with_tls(config)
    ]


def _shown(server: ServerConfig, reactor: Any) -> Callable[[], Awaitable[Certificate]]:
    host = local_host(server)
    door = Door(
        host=host,
        port=server.addr.port,
        starttls="" if server.tls else server.type,
        name=server.hostname,
        wants_header=server.proxy_protocol and host in Networks(server.trusted_networks),
    )
    return partial(certificate_shown, reactor, door)


def local_host(server: ServerConfig) -> str:
    """Where this machine reaches a server of its own."""
    host = server.addr.host
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - every interface, so this one, too
        return "127.0.0.1"
    return host


def _read(cert_file: Path, key_file: Path, names: Sequence[str]) -> Known:
    try:
        chain = read_chain(cert_file)
    except CertificateUnusable as error:
        return Known(cert_file, key_file, names, problem=str(error))
    return Known(cert_file, key_file, names, chain)
