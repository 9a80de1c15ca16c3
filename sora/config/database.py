"""`[database]`: PostgreSQL."""

from attrs import frozen

from sora.config.keys import REQUIRED, key, tables
from sora.config.units import DURATION, HOSTS, OPTIONAL_HOSTS


@frozen
class ReadEndpoint:
    """A replica that answers reads. User, password and name are those of the primary."""

    host: str = key(
        REQUIRED,
        """The host of the replica, or several hosts with commas between (`host:port` where the
        ports differ): several replicas.""",
        unit=HOSTS,
        example="replica1.example.com",
    )
    port: int = key(5432, "Its port.", least=1)
    max_conns: int = key(
        0, "The most connections to each of them. 0: as `max_conns` of `[database]`.", least=0
    )


@frozen
class DatabaseConfig:
    """PostgreSQL 14 or newer: all metadata, staged bodies and the text that is searched."""

    host: str = key(
        "localhost",
        """The primary: a host name, an address, or the directory of a Unix socket. Several, with
        commas between (or as a list), are the members of one cluster: that one is used which is
        the primary, and when it vanishes or becomes read-only, the one that is promoted. A host
        may have its own port (`db2:5433`).""",
        unit=HOSTS,
    )
    port: int = key(5432, "The port of each host that names none.", least=1)
    dbname: str = key("sora_mail_db", "The name of the database, which must exist.")
    user: str = key("postgres", "The role to connect as; it owns the tables.")
    password: str = key(
        "",
        """Its password. Empty: the server is asked without one (peer authentication,
        ~/.pgpass, a client certificate).""",
        secret=True,
    )
    tls: bool = key(
        False,
        """Refuse a connection that is not encrypted (libpq's sslmode=require). When false it is
        encrypted if the server offers it.""",
    )
    max_conns: int = key(50, "The most connections this process opens.", least=1)
    min_conns: int = key(5, "Connections that are kept open when idle.", least=0)
    max_conn_lifetime: float = key(
        "1h", "A connection older than this is replaced when it is free.", unit=DURATION
    )
    max_conn_idle_time: float = key(
        "30m",
        "A connection above `min_conns` that was unused for so long is closed.",
        unit=DURATION,
    )
    acquire_timeout: float = key(
        "5s",
        "How long an operation waits for a connection before the client gets a temporary error.",
        unit=DURATION,
    )
    query_timeout: float = key("30s", "The time limit of an operation.", unit=DURATION)
    search_timeout: float = key("60s", "The time limit of a search.", unit=DURATION)
    bulk_timeout: float = key(
        "5m", "The time limit of an operation on very many messages.", unit=DURATION
    )
    async_flags: bool = key(
        False,
        """Commit changes of flags asynchronously: about three times faster, and a crash of
        PostgreSQL may lose the last fraction of a second of them.""",
    )
    max_replica_lag: float = key(
        "10s",
        """A replica further behind the primary is not asked at all. One that is less far behind is
        asked only for what it has: nobody reads what is older than what he knows.""",
        unit=DURATION,
    )
    migrate_host: str = key(
        "",
        """A direct connection for migrations, when PgBouncer stands between: one host or
        several. Empty: as `host`.""",
        unit=OPTIONAL_HOSTS,
    )
    migrate_port: int = key(0, "The port of that direct connection. 0: as `port`.", least=0)
    read_endpoints: tuple[ReadEndpoint, ...] = tables(ReadEndpoint, "Replicas.")
