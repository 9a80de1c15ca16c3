"""`[tls]`: certificates that Sora obtains by itself."""

from attrs import frozen

from sora.config.keys import key, table
from sora.config.units import DURATION


@frozen
class LetsEncryptS3Config:
    """The bucket that keeps certificates for all nodes."""

    bucket: str = key("", "The bucket.", example="sora-tls-certificates")
    region: str = key("", "Its region. Empty: as [s3].")
    endpoint: str = key("", "The host of its service. Empty: as [s3].")
    access_key: str = key("", "Empty: as [s3].", secret=True)
    secret_key: str = key("", "Empty: as [s3].", secret=True)


@frozen
class LetsEncryptConfig:
    """Certificates of Let's Encrypt or another ACME service (RFC 8555)."""

    email: str = key("", "The address that the service writes to.", example="admin@example.com")
    domains: tuple[str, ...] = key([], "The names that certificates are asked for.")
    directory_url: str = key(
        "https://acme-v02.api.letsencrypt.org/directory", "The ACME directory."
    )
    storage_provider: str = key("s3", "Where certificates are kept.", choices=("s3", "file"))
    path: str = key("/var/lib/sora/tls", 'The directory for storage_provider "file".')
    renew_before: float = key(
        "720h", "A certificate is renewed when it is valid for less than this.", unit=DURATION
    )
    s3: LetsEncryptS3Config = table(LetsEncryptS3Config, "The bucket.")


@frozen
class TLSConfig:
    """Certificates for servers that name no files of their own."""

    enabled: bool = key(False, "Whether this table is used.")
    provider: str = key(
        "file",
        """"file": `cert_file` and `key_file`. "letsencrypt": obtained and renewed by Sora.""",
        choices=("file", "letsencrypt"),
    )
    cert_file: str = key("", "The certificate and its chain, PEM.")
    key_file: str = key("", "Its private key, PEM.")
    letsencrypt: LetsEncryptConfig = table(LetsEncryptConfig, "Automatic certificates.")
