"""What `etc/prometheus-rules.yml` is about, for `trial_tests.system.test_prometheus_rules`."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

HERE: Final = '{job="sora", instance="mail-1"}'


@frozen
class Case:
    """What an alert is about: series with their values of every minute, in the notation of
    promtool; the minute in which it does not fire yet, the one in which it does; and what is said
    then."""

    alert: str
    series: Mapping[str, str]
    quiet: int
    fires: int
    summary: str
    of: str
    """the labels by which its series are told apart"""


CASES: Final = (
    Case(
        "SoraDown",
        {
            "up" + HERE: "1x3 0x10",
        },
        3,
        8,
        "Sora on mail-1 does not answer",
        'job="sora", instance="mail-1"',
    ),
    Case(
        "SoraNotWatched",
        {
            'up{job="other"}': "1x30",
        },
        5,
        15,
        "Prometheus watches no Sora at all",
        'job="sora"',
    ),
    Case(
        "SoraRestarts",
        {
            "process_start_time_seconds" + HERE: "100x5 200x5 300x5 400x20",
        },
        9,
        20,
        "Sora on mail-1 starts again and again",
        'job="sora", instance="mail-1"',
    ),
    Case(
        "SoraUnhealthy",
        {
            'sora_component_health_status{instance="mail-1", component="database", status="unhealthy"}': "0x5 1x10",
        },
        6,
        10,
        "database of mail-1 is unhealthy",
        'instance="mail-1", component="database", status="unhealthy"',
    ),
    Case(
        "SoraDegraded",
        {
            'sora_component_health_status{instance="mail-1", component="relay", status="degraded"}': "1x60",
        },
        20,
        40,
        "relay of mail-1 is degraded",
        'instance="mail-1", component="relay", status="degraded"',
    ),
    Case(
        "SoraBugs",
        {
            'sora_protocol_errors_total{instance="mail-1", protocol="imap", command="fetch", error_type="Bug", severity="server"}': "_x5 1x60",
        },
        4,
        7,
        "A bug of Sora in imap fetch on mail-1",
        'instance="mail-1", protocol="imap", command="fetch"',
    ),
    Case(
        "SoraDatabaseBreakerOpen",
        {
            'sora_db_circuit_breaker_state{instance="mail-1", role="primary", state="open"}': "0x5 1x10",
            'sora_db_circuit_breaker_state{instance="mail-1", role="primary", state="closed"}': "1x5 0x10",
            'sora_db_circuit_breaker_state{instance="mail-1", role="primary", state="half-open"}': "0x15",
        },
        5,
        9,
        "The circuit breaker of the database (primary) is open on mail-1",
        'instance="mail-1", role="primary"',
    ),
    Case(
        "SoraDatabasePoolExhausted",
        {
            'sora_db_connection_acquire_timeout_total{instance="mail-1", role="primary"}': "0x5 1+1x20",
            'sora_db_pool_exhaustion_total{instance="mail-1", role="primary"}': "0x30",
        },
        5,
        15,
        "Statements on mail-1 wait in vain for a connection to primary",
        'instance="mail-1", role="primary"',
    ),
    Case(
        "SoraReplicaNotUsed",
        {
            'sora_db_replica_usable{instance="mail-1", role="db2:5432"}': "0x40",
        },
        10,
        20,
        "The replica db2:5432 is not used by mail-1: the primary serves its reads",
        'instance="mail-1", role="db2:5432"',
    ),
    Case(
        "SoraReplicaLags",
        {
            'sora_db_replica_lag_seconds{instance="mail-1", role="db2:5432"}': "90x40",
        },
        5,
        15,
        "The replica db2:5432 is 1m 30s behind",
        'instance="mail-1", role="db2:5432"',
    ),
    Case(
        "SoraObjectStoreBreakerOpen",
        {
            'sora_s3_circuit_breaker_open{instance="mail-1", store="s3", operation="put"}': "0x5 1x20",
        },
        8,
        12,
        "The object store s3 refuses work on mail-1",
        'instance="mail-1", store="s3"',
    ),
    Case(
        "SoraObjectStoreFails",
        {
            'sora_s3_operations_total{instance="mail-1", store="s3", operation="get", status="unavailable"}': "0+10x40",
            'sora_s3_operations_total{instance="mail-1", store="s3", operation="get", status="success"}': "0+90x40",
        },
        5,
        20,
        "One in twenty calls of the object store s3 fails on mail-1",
        'instance="mail-1", store="s3"',
    ),
    Case(
        "SoraUploadsWait",
        {
            'sora_queue_processing_lag_seconds{instance="mail-1", queue_type="s3_upload"}': "3000x5 4000x20",
        },
        7,
        12,
        "A body has waited for the object store for 1h 6m 40s",
        "",
    ),
    Case(
        "SoraUploadsStuck",
        {
            'sora_queue_processing_lag_seconds{instance="mail-1", queue_type="s3_upload"}': "4000x5 15000x20",
        },
        7,
        12,
        "A body has waited for the object store for 4h 10m 0s: mail will be put off",
        "",
    ),
    Case(
        "SoraUploadsRefused",
        {
            'sora_upload_worker_jobs_total{instance="mail-1", result="refused"}': "0x5 1x20",
        },
        4,
        8,
        "The object store refuses what mail-1 puts",
        'instance="mail-1"',
    ),
    Case(
        "SoraCopiesWait",
        {
            'sora_queue_processing_lag_seconds{instance="mail-1", queue_type="s3_copy"}': "100x5 30000x20",
        },
        7,
        12,
        "A body has waited for its copy in the second store for 8h 20m 0s",
        "",
    ),
    Case(
        "SoraDamagedBodies",
        {
            'sora_integrity_damaged_objects{instance="mail-1"}': "0x5 3x20",
        },
        4,
        6,
        "3 bodies are damaged or missing",
        "",
    ),
    Case(
        "SoraNotVerified",
        {
            'sora_integrity_oldest_unverified_seconds{instance="mail-1", store="s3"}': "8000000x90",
        },
        30,
        70,
        "Bodies in s3 were not verified for three months",
        'store="s3"',
    ),
    Case(
        "SoraDiskLow",
        {
            'sora_disk_free_bytes{instance="mail-1", place="the cache"}': "500000000x30",
            'sora_disk_size_bytes{instance="mail-1", place="the cache"}': "50000000000x30",
        },
        5,
        15,
        "Little room is left for the cache on mail-1: 476.8MiB",
        'instance="mail-1", place="the cache"',
    ),
    Case(
        "SoraDiskFull",
        {
            'sora_disk_free_bytes{instance="mail-1", place="the cache"}': "500000000x5 50000000x10",
            'sora_disk_size_bytes{instance="mail-1", place="the cache"}': "50000000000x30",
        },
        5,
        9,
        "The disk of the cache is full on mail-1",
        'instance="mail-1", place="the cache"',
    ),
    Case(
        "SoraDeliveriesPutOff",
        {
            'sora_lmtp_recipients_total{instance="mail-1", result="temporary"}': "0+2x40",
            'sora_lmtp_recipients_total{instance="mail-1", result="ok"}': "0+10x40",
        },
        5,
        20,
        "More than a tenth of the mail is put off on mail-1",
        'instance="mail-1"',
    ),
    Case(
        "SoraScriptsFail",
        {
            'sora_sieve_executions_total{instance="mail-1", occasion="delivery", where="user", result="failed"}': "0+2x80",
            'sora_sieve_executions_total{instance="mail-1", occasion="delivery", where="user", result="ok"}': "0+10x80",
        },
        20,
        40,
        "One in ten user scripts fails on mail-1: mail goes to INBOX unfiltered",
        'instance="mail-1", where="user"',
    ),
    Case(
        "SoraRelayBreakerOpen",
        {
            'sora_relay_circuit_breaker_open{instance="mail-1"}': "1x30",
        },
        10,
        20,
        "mail-1 reaches no relay: outgoing mail waits",
        'instance="mail-1"',
    ),
    Case(
        "SoraRelayQueueAges",
        {
            'sora_relay_queue_age_seconds{instance="mail-1"}': "4000x30",
        },
        5,
        15,
        "Mail on mail-1 has waited to be sent for 1h 6m 40s",
        'instance="mail-1"',
    ),
    Case(
        "SoraRelayQueueStuck",
        {
            'sora_relay_queue_age_seconds{instance="mail-1"}': "50000x30",
        },
        5,
        15,
        "Mail on mail-1 has waited to be sent for 13h 53m 20s",
        'instance="mail-1"',
    ),
    Case(
        "SoraLoginsUnavailable",
        {
            'sora_authentication_attempts_total{instance="mail-1", protocol="imap", result="unavailable"}': "0+1x30",
            'sora_authentication_attempts_total{instance="mail-1", protocol="imap", result="ok"}': "0+9x30",
        },
        3,
        10,
        "Logins over imap cannot be answered on mail-1",
        'instance="mail-1", protocol="imap"',
    ),
    Case(
        "SoraLoginsFail",
        {
            'sora_authentication_attempts_total{instance="mail-1", protocol="imap", result="failed"}': "0+900x40",
            'sora_authentication_attempts_total{instance="mail-1", protocol="imap", result="ok"}': "0+60x40",
        },
        5,
        20,
        "Somebody guesses passwords over imap on mail-1",
        'instance="mail-1", protocol="imap"',
    ),
    Case(
        "SoraSlowCommands",
        {
            'sora_command_duration_seconds_bucket{instance="mail-1", protocol="imap", command="fetch", le="5"}': "0+10x40",
            'sora_command_duration_seconds_bucket{instance="mail-1", protocol="imap", command="fetch", le="10"}': "0+20x40",
            'sora_command_duration_seconds_bucket{instance="mail-1", protocol="imap", command="fetch", le="+Inf"}': "0+20x40",
        },
        10,
        25,
        "One in a hundred imap commands takes more than 5 s on mail-1",
        'instance="mail-1", protocol="imap"',
    ),
    Case(
        "SoraReactorLate",
        {
            'sora_reactor_delay_seconds{instance="mail-1"}': "0.2x5 2x20",
        },
        8,
        12,
        "All clients of mail-1 wait: turns of its reactor are 2 s late",
        'instance="mail-1"',
    ),
    Case(
        "SoraConnectionsRefused",
        {
            'sora_connections_refused_total{instance="mail-1", server_name="imap-993", protocol="imap", reason="server"}': "0+120x40",
        },
        5,
        20,
        "imap-993 on mail-1 refuses connections: limit by server",
        'instance="mail-1", server_name="imap-993", reason="server"',
    ),
    Case(
        "SoraCertificateEnds",
        {
            'sora_tls_certificate_expiry_timestamp_seconds{instance="mail-1", certificate="/etc/sora/tls.pem"}': "864000x90",
        },
        30,
        70,
        "The certificate /etc/sora/tls.pem of mail-1 ends in 9d 22h 50m 0s",
        'instance="mail-1", certificate="/etc/sora/tls.pem"',
    ),
    Case(
        "SoraCertificateEndsNow",
        {
            'sora_tls_certificate_expiry_timestamp_seconds{instance="mail-1", certificate="/etc/sora/tls.pem"}': "86400x90",
        },
        3,
        7,
        "The certificate /etc/sora/tls.pem of mail-1 ends within two days, or has ended",
        'instance="mail-1", certificate="/etc/sora/tls.pem"',
    ),
    Case(
        "SoraMemoryRunsOut",
        {
            "process_resident_memory_bytes" + HERE: "500x5 950x20",
            "sora_memory_limit_bytes" + HERE: "1000x30",
        },
        8,
        12,
        "Sora on mail-1 takes 950B, nearly all that it may",
        'instance="mail-1"',
    ),
    Case(
        "SoraSessionsHoldTooMuch",
        {
            'sora_session_memory_limit_exceeded_total{instance="mail-1", protocol="imap", result="refused"}': "0+1x40",
        },
        5,
        30,
        "imap sessions on mail-1 want more memory than they may",
        'instance="mail-1", protocol="imap", result="refused"',
    ),
    Case(
        "SoraFilesRunOut",
        {
            "process_open_fds" + HERE: "900x20",
            "process_max_fds" + HERE: "1000x20",
        },
        3,
        8,
        "mail-1 has nearly as many files and connections open as it may",
        'job="sora", instance="mail-1"',
    ),
    Case(
        "SoraCleanerStands",
        {
            'sora_cleaner_oldest_seconds{instance="mail-1", kind="messages"}': "90000x90",
        },
        30,
        70,
        "The cleaner has not come to messages for 1d 1h 0m 0s",
        'kind="messages"',
    ),
    Case(
        "SoraCleanerDoesNotRun",
        {
            'sora_cleaner_rounds_total{instance="mail-1", result="done"}': "1x1600",
            "process_start_time_seconds" + HERE: "0x1600",
        },
        1400,
        1500,
        "No round of the cleaner has ended on any node for a day",
        "",
    ),
    Case(
        "SoraUnusualDeletions",
        {
            'sora_cleaner_unusual_deletions_total{instance="mail-1"}': "0x5 1x20",
        },
        4,
        8,
        "Accounts deleted far more than is their habit; it is kept longer",
        'instance="mail-1"',
    ),
)
