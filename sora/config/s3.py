"""`[s3]`: where bodies are kept, an object store or a directory."""

from attrs import evolve, frozen

from sora.config.keys import REQUIRED, key, table, tables
from sora.config.units import DURATION, SIZE


@frozen
class EncryptionKey:
    """A key that encrypts bodies before they leave this machine."""

    id: str = key(REQUIRED, "The name that is stored with each object.", example="2026")
    key: str = key(REQUIRED, "32 octets, base64.", secret=True, example="")


@frozen
class SecondBucket:
    """An optional second bucket that receives a copy of every object, and is read when the first
    store fails."""

    endpoint: str = key(
        "",
        """The host of its service. Empty: as the first, and so are `use_ssl`, `path_style`,
        `ca_file`, `checksum`, `sse` and `sse_kms_key_id`.""",
    )
    region: str = key("", "Its region. Empty: as the first.")
    bucket: str = key("", "Its name. Empty: there is no second bucket.")
    access_key: str = key(
        "", "Its access key. Empty, with an empty `secret_key`: as the first.", secret=True
    )
    secret_key: str = key("", "Its secret key.", secret=True)
    use_ssl: bool = key(True, "Speak HTTPS with its endpoint.")
    path_style: bool = key(False, "Put the bucket in the path for its endpoint.")
    ca_file: str = key("", "A PEM file of authorities to trust beside the system's, for it.")
    checksum: str = key(
        "sha256",
        "The checksum sent to its endpoint: as in `[s3]`.",
        choices=("sha256", "md5", "none"),
    )
    sse: str = key(
        "",
        "Encryption by its store: empty, AES256 or aws:kms.",
        choices=("", "AES256", "aws:kms"),
    )
    sse_kms_key_id: str = key("", "The key of its store's key service for aws:kms.")
    mode: str = key(
        "queue",
        """"sync": an upload ends when both have it. "queue": the copy is made afterwards.""",
        choices=("sync", "queue"),
    )


@frozen
class S3Config:
    """Bodies of messages: an S3-compatible store, or a directory of this machine."""

    provider: str = key(
        "s3",
        """"s3", or "filesystem" for a directory: one machine only, no other node can read
        it.""",
        choices=("s3", "filesystem"),
    )
    path: str = key(
        "/var/lib/sora/objects",
        "The directory of the filesystem store. Backed up with the database.",
    )
    endpoint: str = key(
        "s3.amazonaws.com", "The host of the service, with a port where it is not 443 or 80."
    )
    region: str = key("us-east-1", "The region that requests are signed for.")
    bucket: str = key("", "The bucket, which must exist.", example="sora-messages")
    access_key: str = key(
        "",
        """The access key. Empty, with an empty `secret_key`: the usual chain of credentials
        (environment, ~/.aws, instance role).""",
        secret=True,
    )
    secret_key: str = key("", "The secret key.", secret=True)
    use_ssl: bool = key(True, "Speak HTTPS.")
    path_style: bool = key(
        False, "Put the bucket in the path and not in the host name, as MinIO and others want it."
    )
    ca_file: str = key("", "A PEM file of authorities to trust beside the system's.")
    timeout: float = key(
        "30s", "A request that makes no progress for so long has failed.", unit=DURATION
    )
    checksum: str = key(
        "sha256",
        """The checksum sent with each object: "sha256", "md5" (older stores), or "none".""",
        choices=("sha256", "md5", "none"),
    )
    multipart_threshold: int = key(
        "64mb",
        "An object that is larger is uploaded in parts; 0: none is (for stores that cannot).",
        unit=SIZE,
    )
    multipart_part_size: int = key(
        "16mb",
        "How large a part is; each upload has one in memory. Stores want 5mb at least.",
        unit=SIZE,
    )
    sse: str = key(
        "",
        "Encryption by the store: empty, AES256 or aws:kms.",
        choices=("", "AES256", "aws:kms"),
    )
    sse_kms_key_id: str = key("", "The key of the store's key service for aws:kms.")
    dedup: str = key(
        "domain",
        """Within what the same bytes are stored once: "account", "domain" or "global". It is
        fixed by the first account that is made.""",
        choices=("account", "domain", "global"),
    )
    encryption: str = key(
        "auto",
        """"auto": encrypt when there are keys. "off": store new objects as they are, and still
        decrypt older ones.""",
        choices=("auto", "off"),
    )
    encryption_keys: tuple[EncryptionKey, ...] = tables(
        EncryptionKey, "The first encrypts, all decrypt."
    )
    second: SecondBucket = table(SecondBucket, "A second bucket.")

    @property
    def of_second(self) -> "S3Config":
        """What the second bucket's store is reached with."""
        second = self.second
        mine = evolve(
            self,
            provider="s3",
            endpoint=second.endpoint or self.endpoint,
            region=second.region or self.region,
            bucket=second.bucket,
        )
        if second.access_key or second.secret_key:
            mine = evolve(mine, access_key=second.access_key, secret_key=second.secret_key)
        if not second.endpoint:
            return mine
        return evolve(
            mine,
            use_ssl=second.use_ssl,
            path_style=second.path_style,
            ca_file=second.ca_file,
            checksum=second.checksum,
            sse=second.sse,
            sse_kms_key_id=second.sse_kms_key_id,
        )
