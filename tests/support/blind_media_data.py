"""Blind incidents of the media platform: databases, caches, brokers, and those who use them."""

from __future__ import annotations

from blind_media import BILLING, VOD, Site, counter, ramp
from blind_media_cases import bff_errors, catalog_errors, edge_errors, incident, payments_errors
from blind_media_run import labels
from blind_media_site import env
from blind_media_words import each, ecs, lograge, monolog, pino, rails, serilog, tracing, zap

LEDGER_DB, CATALOG_DB = f"{BILLING}/ledger-mariadb", f"{VOD}/catalog-postgresql"


def ruby(site: Site, error: str) -> None:
    """Let the ledger fail requests with ``error``."""
    site.say(
        f"{BILLING}/ledger",
        each(
            lambda at: (
                lograge(at, 500, took=5012.7)
                + "\n"
                + rails(at, f"{error}\n[5b1f] app/services/post_entry.rb:31:in `call'", "FATAL")
            )
        ),
    )
    payments_errors(site, "post entry failed", "ledger: unexpected status 500")


def jdbc(site: Site, kind: str, message: str) -> None:
    """Let the catalog fail requests with an exception of its driver."""
    trace = f"org.springframework.dao.DataAccessResourceFailureException: {message}\n\tat org.springframework.orm.jpa.vendor.HibernateJpaDialect.translateRuntimeException(HibernateJpaDialect.java:277)\nCaused by: {kind}: {message}\n\tat org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2725)\n"
    catalog_errors(site, "org.hibernate.engine.jdbc.spi.SqlExceptionHelper", message, kind, trace)
    bff_errors(site, "catalog:8080/titles", "Internal Server Error", "ERR_BAD_RESPONSE")


def latency(site: Site, service: str, namespace: str, pod: str) -> None:
    """Let the latency of a service rise from 40 ms to more than a second."""
    where = f'namespace="{namespace}",pod="{pod.rpartition("/")[2]}",service="{service}"'
    for edge, before, after in (
        ("0.1", 11.0, 1.0),
        ("0.5", 12.0, 3.0),
        ("2.5", 12.0, 6.0),
        ("10", 12.0, 11.6),
        ("+Inf", 12.0, 12.0),
    ):
        site.series("http_request_duration_seconds_bucket", f'{where},le="{edge}"', counter(before, after))


def cpu(site: Site, at: str, inside: str, before: float, after: float) -> None:
    """Let the CPU use of a workload change."""
    for pod in site.pods(at):
        site.series("container_cpu_usage_seconds_total", labels(at, pod, inside), counter(before, after))


@incident
def postgres_has_no_slot_left(site: Site) -> tuple[str, str]:
    """A job opened connections without end; PostgreSQL turns everybody away."""
    jdbc(site, "org.postgresql.util.PSQLException", "FATAL: sorry, too many clients already")
    site.say(
        CATALOG_DB,
        each(
            lambda at: (
                f"2030-05-01 {at}.318 GMT [20411] FATAL:  sorry, too many clients already\n2030-05-01 {at}.402 GMT [20412] FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute"
            )
        ),
    )
    return "database-connections-exhausted", site.workload(CATALOG_DB)


@incident
def mariadb_refuses_one_user(site: Site) -> tuple[str, str]:
    """The password of one user was changed; Laravel still has the old one, Rails works."""
    text = "SQLSTATE[HY000] [1045] Access denied for user 'invoices'@'10.0.3.77' (using password: YES) (Connection: mariadb, SQL: select * from `invoices` where `status` = draft limit 50)"
    site.say(
        f"{BILLING}/invoices",
        each(
            lambda at: monolog(
                at,
                f'{text} {{"exception":"[object] (Illuminate\\\\Database\\\\QueryException(code: 1045): {text} at /var/www/html/vendor/laravel/framework/src/Illuminate/Database/Connection.php:829)',
            )
        ),
    )
    site.say(
        LEDGER_DB,
        each(
            lambda at: (
                f"2030-05-01 {at} 8812 [Warning] Access denied for user 'invoices'@'10.0.3.77' (using password: YES)"
            )
        ),
    )
    return "database-credentials-wrong", site.workload(f"{BILLING}/invoices")


@incident
def mariadb_scans_without_an_index(site: Site) -> tuple[str, str]:
    """A new report asks by a column without an index; MariaDB's slow log tells of millions of rows examined."""
    slow = "# Time: 300501 {at}\n# User@Host: ledger[ledger] @  [10.0.2.19]\n# Thread_id: 8731  Schema: ledger  QC_hit: No\n# Query_time: 8.931207  Lock_time: 0.000081  Rows_sent: 12  Rows_examined: 48102231\n# Rows_affected: 0  Bytes_sent: 1811\n# Full_scan: Yes  Full_join: No  Tmp_table: Yes  Tmp_table_on_disk: Yes\nSET timestamp=1903866{n};\nSELECT account_id, SUM(amount) FROM entries WHERE external_reference = 'ch_3P0' GROUP BY account_id;"
    site.say(LEDGER_DB, each(lambda at: slow.replace("{at}", at).replace("{n}", f"{int(at[3:5]) * 10:03}")))
    cpu(site, LEDGER_DB, "mariadb", 0.12, 0.81)
    cpu(site, f"{BILLING}/ledger", "rails", 0.20, 0.19)
    latency(site, "ledger", BILLING, site.pods(f"{BILLING}/ledger")[0])
    site.say(f"{BILLING}/ledger", each(lambda at: lograge(at, 200, took=9021.4)))
    site.say(f"{BILLING}/payments", each(lambda at: zap(at, "ledger call slow", "warn", took="9.02s")))
    site.alert("LatencyHigh", "p95 of ledger above 5 s", namespace=BILLING, service="ledger")
    site.question = "payments take ten seconds"
    return "database-slow-statements", site.workload(LEDGER_DB)


@incident
def postgres_logs_sequential_scans(site: Site) -> tuple[str, str]:
    """auto_explain of PostgreSQL tells that a search reads the whole table."""
    plan = "2030-05-01 {at}.771 GMT [1911] LOG:  duration: 7412.338 ms  plan:\n\tQuery Text: select t1_0.id,t1_0.name from title t1_0 where lower(t1_0.original_name) like $1\n\tSeq Scan on title t1_0  (cost=0.00..412077.10 rows=1204 width=71) (actual time=3.112..7411.902 rows=9 loops=1)\n\t  Filter: (lower((original_name)::text) ~~ '%night%'::text)\n\t  Rows Removed by Filter: 9120331"
    site.say(CATALOG_DB, each(lambda at: plan.replace("{at}", at)))
    cpu(site, CATALOG_DB, "postgresql", 0.15, 0.74)
    latency(site, "catalog", VOD, site.pods(f"{VOD}/catalog")[0])
    site.say(
        f"{VOD}/catalog",
        each(lambda at: ecs(at, "tv.tessera.catalog.web.SearchController", "search took 7431 ms", "WARN")),
    )
    site.say(f"{VOD}/web-bff", each(lambda at: pino(at, "upstream timeout", 40, upstream="catalog", timeout=2000)))
    site.question = "search is slow"
    return "database-slow-statements", site.workload(CATALOG_DB)


@incident
def mongo_scans_a_collection(site: Site) -> tuple[str, str]:
    """MongoDB tells of slow queries that scan the collection; payments wait for them."""
    at = f"{BILLING}/payments-mongodb"
    slow = '{"t":{"$date":"2030-05-01T{at}.412+00:00"},"s":"I","c":"COMMAND","id":51803,"ctx":"conn8121","msg":"Slow query","attr":{"type":"command","ns":"payments.charges","command":{"find":"charges","filter":{"customer.email":"x@example.org"},"$db":"payments"},"planSummary":"COLLSCAN","keysExamined":0,"docsExamined":12044871,"cursorExhausted":true,"numYields":12044,"nreturned":1,"queryHash":"9F3A22C1","reslen":812,"remote":"10.0.2.31:41102","protocol":"op_msg","durationMillis":6210}}'
    site.say(at, each(lambda time: slow.replace("{at}", time)))
    site.say(
        f"{BILLING}/payments", each(lambda time: zap(time, "find charge", error="context deadline exceeded", took="5s"))
    )
    edge_errors(site, "/v1/charges", "10.0.2.31:8080", 504, BILLING)
    return "database-slow-statements", site.workload(at)


@incident
def sessions_do_not_fit(site: Site) -> tuple[str, str]:
    """Redis is at its memory limit and has no policy to forget."""
    error = "StackExchange.Redis.RedisServerException: OOM command not allowed when used memory > 'maxmemory'.\n   at StackExchange.Redis.ConnectionMultiplexer.ExecuteSyncImpl[T](Message message, ResultProcessor`1 processor, ServerEndPoint server, T defaultValue)\n   at Tessera.Identity.Sessions.SessionStore.Save(Session s) in /src/Sessions/SessionStore.cs:line 63"
    site.say(
        f"{VOD}/identity",
        each(
            lambda at: serilog(
                at,
                "HTTP {RequestMethod} {RequestPath} responded {StatusCode}",
                error=error,
                RequestMethod="POST",
                RequestPath="/connect/token",
                StatusCode=500,
            )
        ),
    )
    bff_errors(site, "identity:8080/connect/token", "Internal Server Error", "ERR_BAD_RESPONSE")
    return "cache-memory-full", site.workload(f"{VOD}/sessions-redis-master")


@incident
def mongo_lost_its_primary(site: Site) -> tuple[str, str]:
    """The database has become a secondary, and refuses to write."""
    payments_errors(site, "insert charge", "(NotWritablePrimary) not primary")
    site.say(
        f"{BILLING}/payments-mongodb",
        '{"t":{"$date":"2030-05-01T11:41:30.001+00:00"},"s":"I","c":"REPL","id":21358,"ctx":"conn2","msg":"Replica set state transition","attr":{"newState":"SECONDARY","oldState":"PRIMARY"}}\n'
        + '{"t":{"$date":"2030-05-01T11:41:30.011+00:00"},"s":"I","c":"REPL","id":21475,"ctx":"conn2","msg":"Stepping down from primary in response to replSetStepDown","attr":{"stepDownSecs":3600}}\n',
    )
    return "database-read-only", site.workload(f"{BILLING}/payments-mongodb")


@incident
def postgres_filled_its_volume(site: Site) -> tuple[str, str]:
    """Logical replication kept WAL without end; the volume is full."""
    jdbc(
        site,
        "org.postgresql.util.PSQLException",
        'ERROR: could not extend file "base/16384/16991": No space left on device',
    )
    site.say(
        CATALOG_DB,
        each(
            lambda at: (
                f'2030-05-01 {at}.318 GMT [411] ERROR:  could not extend file "base/16384/16991": No space left on device\n2030-05-01 {at}.318 GMT [411] HINT:  Check free disk space.\n2030-05-01 {at}.911 GMT [77] PANIC:  could not write to file "pg_wal/xlogtemp.77": No space left on device'
            )
        ),
    )
    claim = 'namespace="vod",persistentvolumeclaim="data-catalog-postgresql-0"'
    site.series("kubelet_volume_stats_capacity_bytes", claim, [20.0e9] * 120)
    site.series(
        "kubelet_volume_stats_used_bytes", claim, [min(20.0e9, 18.9e9 + 14.0e6 * place) for place in range(120)]
    )
    site.series(
        "kubelet_volume_stats_available_bytes", claim, [max(0.0, 1.1e9 - 14.0e6 * place) for place in range(120)]
    )
    return "disk-full", site.workload(CATALOG_DB)


@incident
def rabbit_blocks_who_publishes(site: Site) -> tuple[str, str]:
    """The broker's memory is above its watermark: publishers are blocked and time out."""
    at = f"{VOD}/events-rabbitmq-server"
    site.say(
        at,
        "2030-05-01 11:41:31.402106+00:00 [info] <0.411.0> vm_memory_high_watermark set. Memory used:812412928 allowed:644245094\n2030-05-01 11:41:31.402990+00:00 [warning] <0.409.0> memory resource limit alarm set on node rabbit@events-rabbitmq-server-0.events-rabbitmq-nodes.vod.\n\n**********************************************************\n*** Publishers will be blocked until this alarm clears ***\n**********************************************************\n\n",
    )
    site.say(
        f"{VOD}/transcoder",
        each(
            lambda time: tracing(
                time,
                "transcoder::queue",
                "publish of result timed out after 30s, connection is blocked by the broker: low on memory",
            )
        ),
    )
    site.alert("RabbitmqMemoryHigh", "Memory of RabbitMQ above the watermark", namespace=VOD, service="events-rabbitmq")
    return "broker-blocks-publishers", site.workload(at)


@incident
def rails_waits_for_its_own_pool(site: Site) -> tuple[str, str]:
    """More threads than connections in the pool of a service; the database has plenty left."""
    ruby(
        site,
        "ActiveRecord::ConnectionTimeoutError (could not obtain a connection from the pool within 5.000 seconds (waited 5.004 seconds); all pooled connections were in use)",
    )
    return "connection-pool-exhausted", site.workload(f"{BILLING}/ledger")


@incident
def mongo_host_mistyped(site: Site) -> tuple[str, str]:
    """The host of the database lost a letter in the last edit of the values."""
    at = f"{BILLING}/payments"
    site.containers(
        at,
        env=env(
            LEDGER_ADDR="http://ledger:3000",
            FRAUD_ADDR="fraud:50051",
            MONGODB_HOST="payment-mongodb.billing.svc.cluster.local",
        ),
    )
    log = (
        zap("11:55:02", "starting", "info", version="3.9.2")
        + "\n"
        + zap(
            "11:55:32",
            "mongo: connect",
            "fatal",
            error="server selection error: server selection timeout, current topology: { Type: Unknown, Servers: [{ Addr: payment-mongodb.billing.svc.cluster.local:27017, Type: Unknown, Last error: dial tcp: lookup payment-mongodb.billing.svc.cluster.local on 172.20.0.10:53: no such host }, ] }",
        )
        + "\n"
    )
    site.crash(at, log, seconds=31)
    return "database-address-wrong", site.workload(at)


@incident
def ledger_rows_locked(site: Site) -> tuple[str, str]:
    """A long transaction of an operator holds rows; everybody else waits for them until they give up."""
    ruby(
        site,
        "ActiveRecord::LockWaitTimeout (Mysql2::Error::TimeoutError: Lock wait timeout exceeded; try restarting transaction)",
    )
    site.say(
        LEDGER_DB,
        each(
            lambda at: (
                f"2030-05-01 {at} 8812 [Note] InnoDB: Transaction 90412811 waits for a lock on table `ledger`.`entries`: ACTIVE 912 sec, 3 lock struct(s), heap size 1128, 1 row lock(s)"
            )
        ),
    )
    return "database-locks", site.workload(LEDGER_DB)


@incident
def queue_grows_without_enough_workers(site: Site) -> tuple[str, str]:
    """A festival's uploads: messages pile up, since two workers cannot follow."""
    site.series(
        "rabbitmq_queue_messages_ready",
        'namespace="vod",pod="events-rabbitmq-server-0",queue="transcode.jobs"',
        [4.0 if place < 60 else 4.0 + 130.0 * (place - 60) for place in range(120)],
    )
    site.series(
        "rabbitmq_queue_messages",
        'namespace="vod",pod="events-rabbitmq-server-0",queue="transcode.jobs"',
        [8.0 if place < 60 else 8.0 + 130.0 * (place - 60) for place in range(120)],
    )
    site.series(
        "rabbitmq_queue_consumers", 'namespace="vod",pod="events-rabbitmq-server-0",queue="transcode.jobs"', ramp(2, 2)
    )
    site.alert(
        "RabbitmqQueueGrowing",
        "Queue transcode.jobs of events-rabbitmq grows since 25 minutes, 7800 ready",
        namespace=VOD,
        service="events-rabbitmq",
        queue="transcode.jobs",
    )
    site.question = "uploads are not processed"
    return "queue-backlog", site.workload(f"{VOD}/events-rabbitmq-server")


@incident
def identity_reaches_a_dead_cache(site: Site) -> tuple[str, str]:
    """Redis cannot load its append-only file after a crash of its node; logins fail."""
    at = f"{VOD}/sessions-redis-master"
    site.crash(
        at,
        "1:C 01 May 2030 11:55:02.018 * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n1:M 01 May 2030 11:55:02.040 # Bad file format reading the append only file appendonly.aof.14.incr.aof: make a backup of your AOF file, then use ./redis-check-aof --fix <filename>\n",
        seconds=1,
    )
    error = "StackExchange.Redis.RedisConnectionException: It was not possible to connect to the redis server(s). Error connecting right now. To allow this multiplexer to continue retrying until it's able to connect, use abortConnect=false in your connection string or AbortOnConnectFail=false; in your code."
    site.say(
        f"{VOD}/identity",
        each(
            lambda at: serilog(
                at,
                "HTTP {RequestMethod} {RequestPath} responded {StatusCode}",
                error=error,
                RequestMethod="POST",
                RequestPath="/connect/token",
                StatusCode=500,
            )
        ),
    )
    bff_errors(site, "identity:8080/connect/token", "Internal Server Error", "ERR_BAD_RESPONSE")
    return "application-start-error", site.workload(at)
