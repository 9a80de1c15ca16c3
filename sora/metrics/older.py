"""The names that the server which Sora succeeds had for its metrics, for those who have dashboards
and alerts that ask for them."""

from typing import Final

SAME: Final = tuple(
    f"sora_{name}"
    for name in (
        "connections_total",
        "connections_current",
        "authenticated_connections_current",
        "connection_duration_seconds",
        "authentication_attempts_total",
        "connection_timeouts_total",
        "connection_tracker_users",
        "connection_tracker_ips",
        "auth_rate_limiter_blocked_ips",
        "auth_rate_limiter_ip_entries",
        "auth_rate_limiter_username_entries",
        "auth_rate_limiter_ip_username_entries",
        "auth_delay_queue_depth",
        "auth_cache_operations_total",
        "auth_cache_entries_total",
        "password_verification_attempts_total",
        "db_queries_total",
        "db_query_duration_seconds",
        "db_transactions_total",
        "db_transaction_duration_seconds",
        "db_pool_total_conns",
        "db_pool_idle_conns",
        "db_pool_in_use_conns",
        "db_connection_pool_wait_seconds",
        "db_connection_acquire_timeout_total",
        "db_pool_exhaustion_total",
        "db_circuit_breaker_state",
        "db_circuit_breaker_failures_total",
        "accounts_total",
        "mailboxes_total",
        "active_mailboxes",
        "message_age_at_fetch_seconds",
        "s3_operations_total",
        "s3_operation_duration_seconds",
        "s3_upload_attempts_total",
        "storage_retries_total",
        "upload_worker_jobs_total",
        "upload_worker_duration_seconds",
        "cache_operations_total",
        "cache_size_bytes",
        "cache_objects_total",
        "commands_total",
        "command_duration_seconds",
        "protocol_errors_total",
        "messages_throughput_total",
        "bytes_throughput_total",
        "message_size_bytes",
        "imap_idle_connections_current",
        "imap_notify_sessions_current",
        "imap_notify_overflow_total",
        "lmtp_external_relay_total",
        "sieve_executions_total",
        "managesieve_scripts_uploaded_total",
        "managesieve_scripts_activated_total",
        "queue_depth",
        "queue_processing_lag_seconds",
        "relay_queue_depth",
        "relay_queue_age_seconds",
        "relay_queue_operations_total",
        "relay_delivery_total",
        "relay_delivery_duration_seconds",
        "component_health_status",
        "component_health_checks_total",
        "component_health_check_duration_seconds",
        "session_memory_peak_bytes",
        "session_memory_limit_exceeded_total",
    )
)
"""what has the same name here"""

DIFFERENT: Final = (
    (
        "the label `hostname`",
        "`instance`, which Prometheus adds; `etc/prometheus.yml` makes a `hostname` of it",
    ),
    ("`server_name` of logins and of session memory", "none: logins are told apart by `protocol`"),
    (
        "`sora_connection_timeouts_total`, `reason` `slow_throughput` and `session_max`",
        '`reason="stalled"`; a session that does something may last',
    ),
    (
        "`sora_auth_rate_limiter_*`, `protocol`",
        "no label: failures count for all protocols together",
    ),
    (
        "`sora_auth_delay_completed_total`, `_cancelled_total`, `_rejections_total`",
        '`sora_authentication_attempts_total{result="blocked"}`',
    ),
    ("`sora_db_connection_pool_exhausted_total`", "`sora_db_pool_exhaustion_total`"),
    (
        "`sora_mailbox_lock_*`, `sora_go_mailbox_lock_wait_seconds`",
        "none: a mailbox is locked within one statement; `sora_db_query_duration_seconds` has it",
    ),
    ("`sora_storage_errors_total`", '`sora_s3_operations_total{status!="success"}`'),
    (
        "`sora_command_timeouts_total`, `sora_command_timeout_threshold_seconds`",
        '`sora_db_queries_total{status="timeout"}`: what takes long is bounded by statement',
    ),
    ("`sora_sieve_executions_total`, `protocol`", "`occasion`, `where`"),
    (
        "`sora_critical_operation_duration_seconds`, `sora_slow_operations_total`",
        "`sora_db_query_duration_seconds`, `sora_command_duration_seconds`, and the log"
        " (`[logging] slow_command`)",
    ),
    ("`sora_relay_queue_operation_duration_seconds`", "`sora_relay_delivery_duration_seconds`"),
    (
        "`sora_domain_*`, `sora_top_user_*`, `sora_heavy_user_operations_total`",
        "none, for their labels have no bound: `sora-admin connections list` and"
        " `sora-admin stats auth` name users",
    ),
    (
        "`sora_lookup_cache_*`, `sora_affinity_manager_*`, `sora_warmup_operations_total`,"
        " `sora_timeout_scheduler_*`, `sora_message_fetch_*`,"
        " `sora_large_body_storage_skipped_total`",
        "none: Sora has no such part",
    ),
    (
        "`sora_proxy_*`, `sora_remote_lookup_*`, `sora_connection_tracker_instance_ids`,"
        " `sora_connection_tracker_broadcast_queue_size`",
        "none yet: this version has neither proxies nor gossip",
    ),
    (
        "`sora_imap_notify_events_sent_total`",
        "`sora_bytes_throughput_total`",
    ),
)
"""what has another name or other labels, and what it is here"""
