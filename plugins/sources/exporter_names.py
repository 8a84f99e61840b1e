"""Which metrics of exporters say how a database, cache or broker is: what the database agent reads where it has no connection."""

from __future__ import annotations

# The names of postgres_exporter, mysqld_exporter, redis_exporter and RabbitMQ's own plugin.
EXPORTED: dict[str, str] = {
    **dict.fromkeys(
        (
            "pg_settings_max_connections", "pg_settings_superuser_reserved_connections", "pg_stat_activity_count",
            "pg_settings_default_transaction_read_only", "pg_replication_is_replica", "pg_replication_lag_seconds",
            "pg_replication_lag", "pg_stat_database_deadlocks",
        ),
        "postgres",
    ),
    **dict.fromkeys(
        (
            "mysql_global_variables_max_connections", "mysql_global_status_threads_connected",
            "mysql_global_variables_read_only", "mysql_slave_status_slave_io_running",
            "mysql_slave_status_slave_sql_running", "mysql_slave_status_seconds_behind_master",
            "mysql_global_status_innodb_deadlocks",
        ),
        "mysql",
    ),
    **dict.fromkeys(
        (
            "redis_connected_clients", "redis_config_maxclients", "redis_memory_used_bytes", "redis_memory_max_bytes",
            "redis_instance_info", "redis_evicted_keys_total", "redis_keyspace_hits_total", "redis_keyspace_misses_total",
            "redis_errors_total", "redis_master_link_up",
        ),
        "redis",
    ),
    **dict.fromkeys(
        (
            "rabbitmq_queue_messages_ready", "rabbitmq_queue_messages_unacked", "rabbitmq_queue_consumers",
            "rabbitmq_queue_messages_published_total", "rabbitmq_alarms_free_disk_space_watermark",
            "rabbitmq_alarms_memory_used_watermark",
        ),
        "rabbitmq",
    ),
}  # fmt: skip
"""The family that each metric is about."""
