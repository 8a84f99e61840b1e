"""Blind incidents of databases, caches and brokers beside the shop, with clients in several languages."""

from __future__ import annotations

from blind_services import alert, each, gone, loop, on_shop, speak, told, unreached, workload
from clusters import Cluster

PG_LOG = (
    "2030-05-01 08:55:01.101 UTC [1] LOG:  starting PostgreSQL 16.2 (Debian 16.2-1.pgdg120+2) on x86_64-pc-linux-gnu\n"
    '2030-05-01 08:55:01.120 UTC [1] LOG:  listening on IPv4 address "0.0.0.0", port 5432\n'
    "2030-05-01 08:55:01.310 UTC [1] LOG:  database system is ready to accept connections\n"
    "2030-05-01 11:20:01.310 UTC [27] LOG:  checkpoint starting: time\n"
    "2030-05-01 11:24:31.402 UTC [27] LOG:  checkpoint complete: wrote 44 buffers (0.3%)\n"
)


def ledger(cluster: Cluster, *, port: str = "5432") -> None:
    """Add PostgreSQL with two clients, payments and invoices."""
    cluster.app("ledger-pg", 5432, kind="StatefulSet", image="docker.io/library/postgres:16.2", replicas=1, log=PG_LOG)
    for name, used in (("payments", port), ("invoices", "5432")):
        env = {"PGHOST": "ledger-pg", "PGPORT": used, "PGUSER": name, "PGDATABASE": "ledger"}
        cluster.app(name, 8081, env=env)
        cluster.topology[name] = ["ledger-pg"]
    cluster.topology["checkout"] = [*cluster.topology["checkout"], "payments"]


@on_shop
def postgres_password_of_one_client(cluster: Cluster) -> tuple[str, str]:
    """Django cannot log in; its sibling can."""
    ledger(cluster)
    log = (
        "Operations to perform:\n  Apply all migrations: admin, auth, payments\nTraceback (most recent call last):\n"
        '  File "/usr/local/lib/python3.12/site-packages/django/db/backends/base/base.py", line 275, in ensure_connection\n    self.connect()\n'
        '  File "/usr/local/lib/python3.12/site-packages/psycopg2/__init__.py", line 122, in connect\n'
        'django.db.utils.OperationalError: connection to server at "ledger-pg" (10.96.3.4), port 5432 failed: FATAL:  password authentication failed for user "payments"\n'
    )
    loop(cluster, "payments", log)
    speak(
        cluster,
        "ledger-pg",
        each(
            '2030-05-01 §.233 UTC [8123] FATAL:  password authentication failed for user "payments"\n'
            '2030-05-01 §.233 UTC [8123] DETAIL:  Connection matched file "/var/lib/postgresql/data/pgdata/pg_hba.conf" line 128: "host all all all scram-sha-256"'
        ),
    )
    speak(
        cluster,
        "checkout",
        each("2030-05-01T§Z ERROR POST http://payments:8081/charge: connect ECONNREFUSED 10.96.3.9:8081"),
    )
    return "database-credentials-wrong", workload("payments")


@on_shop
def postgres_slots_used_up(cluster: Cluster) -> tuple[str, str]:
    """Go and Python clients are turned away, and serve what needs no database."""
    ledger(cluster)
    speak(
        cluster,
        "payments",
        each(
            'time="2030-05-01T§Z" level=error msg="charge failed" error="failed to connect to `user=payments database=ledger`: 10.96.3.4:5432 (ledger-pg): server error: FATAL: sorry, too many clients already (SQLSTATE 53300)"'
        ),
    )
    speak(
        cluster,
        "invoices",
        each(
            "asyncpg.exceptions.TooManyConnectionsError: remaining connection slots are reserved for roles with the SUPERUSER attribute"
        ),
    )
    speak(cluster, "ledger-pg", each("2030-05-01 §.233 UTC [9001] FATAL:  sorry, too many clients already"))
    alert(cluster, "HighErrorRate", "payments", "5xx ratio is 38 % for 5 minutes")
    return "database-connections-exhausted", workload("ledger-pg", "statefulset")


@on_shop
def postgres_port_of_one_client(cluster: Cluster) -> tuple[str, str]:
    """One client asks the port of the pooler that was removed; it serves and fails."""
    ledger(cluster, port="6432")
    speak(
        cluster,
        "payments",
        each(
            '{"time":"2030-05-01T§.120Z","level":"ERROR","msg":"db ping","err":"failed to connect to `user=payments database=ledger`: 10.96.3.4:6432 (ledger-pg): dial error: dial tcp 10.96.3.4:6432: connect: connection refused"}'
        ),
    )
    speak(cluster, "checkout", each("2030-05-01T§Z ERROR POST http://payments:8081/charge: 500 Internal Server Error"))
    return "database-port-wrong", workload("payments")


@on_shop
def postgres_read_only(cluster: Cluster) -> tuple[str, str]:
    """The primary became a standby; readers are well."""
    ledger(cluster)
    speak(
        cluster,
        "payments",
        each(
            "sqlalchemy.exc.InternalError: (psycopg2.errors.ReadOnlySqlTransaction) cannot execute INSERT in a read-only transaction\n[SQL: INSERT INTO charges (id, amount) VALUES (%(id)s, %(amount)s)]"
        ),
    )
    speak(
        cluster,
        "ledger-pg",
        each(
            "2030-05-01 §.233 UTC [8123] ERROR:  cannot execute INSERT in a read-only transaction\n2030-05-01 §.233 UTC [8123] STATEMENT:  INSERT INTO charges (id, amount) VALUES ($1, $2)"
        ),
    )
    return "database-read-only", workload("ledger-pg", "statefulset")


@on_shop
def postgres_locks(cluster: Cluster) -> tuple[str, str]:
    """A forgotten transaction holds a table; clients run into timeouts and deadlocks."""
    ledger(cluster)
    speak(
        cluster,
        "ledger-pg",
        each(
            "2030-05-01 §.233 UTC [812] LOG:  process 812 still waiting for ShareLock on transaction 471188 after 1000.092 ms\n"
            "2030-05-01 §.233 UTC [812] DETAIL:  Process holding the lock: 733. Wait queue: 812, 815, 820.\n"
            "2030-05-01 §.900 UTC [812] ERROR:  canceling statement due to lock timeout"
        ),
    )
    speak(
        cluster,
        "payments",
        each("ActiveRecord::LockWaitTimeout: PG::LockNotAvailable: ERROR:  canceling statement due to lock timeout"),
    )
    speak(
        cluster,
        "invoices",
        each(
            "ActiveRecord::Deadlocked: PG::TRDeadlockDetected: ERROR:  deadlock detected\nDETAIL:  Process 820 waits for ShareLock on transaction 471190; blocked by process 812."
        ),
    )
    return "database-locks", workload("ledger-pg", "statefulset")


@on_shop
def postgres_hangs(cluster: Cluster) -> tuple[str, str]:
    """The server does not answer any more, and its own readiness command times out."""
    ledger(cluster)
    cluster.containers(
        "ledger-pg",
        readinessProbe={"tcpSocket": None, "exec": {"command": ["pg_isready", "-U", "postgres"]}, "timeoutSeconds": 5},
        livenessProbe=None,
    )
    cluster.status("ledger-pg", state={"running": {"startedAt": "2030-05-01T08:55:00Z"}})
    unreached(cluster, "ledger-pg", "i/o timeout")
    told(
        cluster,
        "ledger-pg",
        "Unhealthy",
        'Readiness probe failed: command "pg_isready -U postgres" timed out',
        count=80,
    )
    for name in ("payments", "invoices"):
        speak(
            cluster,
            name,
            each(
                'psycopg2.OperationalError: connection to server at "ledger-pg" (10.96.3.4), port 5432 failed: Connection timed out\n\tIs the server running on that host and accepting TCP/IP connections?'
            ),
        )
    return "database-down", workload("ledger-pg", "statefulset")


@on_shop
def mongo_refuses_one_client(cluster: Cluster) -> tuple[str, str]:
    """Mongoose cannot authenticate."""
    denied = '{"t":{"$date":"2030-05-01T§.120+00:00"},"s":"I","c":"ACCESS","id":20249,"ctx":"conn112","msg":"Authentication failed","attr":{"mechanism":"SCRAM-SHA-256","speculative":false,"principalName":"catalog","authenticationDatabase":"admin","remote":"10.0.1.9:51234","error":"AuthenticationFailed: SCRAM authentication failed, storedKey mismatch"}}'
    cluster.app("catalog-mongo", 27017, kind="StatefulSet", image="docker.io/library/mongo:7.0.5", replicas=1)
    for name in ("catalog", "search"):
        cluster.app(name, 3000, env={"MONGO_HOST": "catalog-mongo", "MONGO_PORT": "27017"})
        cluster.topology[name] = ["catalog-mongo"]
    cluster.topology["web"] = [*cluster.topology["web"], "catalog"]
    loop(
        cluster,
        "catalog",
        "> catalog@2.1.0 start\n> node server.js\n\n/app/node_modules/mongodb/lib/cmap/connection.js:203\n                callback(new error_1.MongoServerError(document));\nMongoServerError: Authentication failed.\n    at Connection.onMessage (/app/node_modules/mongodb/lib/cmap/connection.js:203:26)\n  code: 18,\n  codeName: 'AuthenticationFailed'\n}\n\nNode.js v20.11.1\n",
    )
    speak(cluster, "catalog-mongo", each(denied))
    speak(cluster, "web", each("2030-05-01T§Z ERROR GET http://catalog:3000/items: connect ECONNREFUSED"))
    return "database-credentials-wrong", workload("catalog")


@on_shop
def mariadb_read_only_for_dotnet(cluster: Cluster) -> tuple[str, str]:
    """MariaDB refuses writes of a .NET service."""
    cluster.containers("orders-db", image="docker.io/library/mariadb:11.2")
    speak(
        cluster,
        "orders",
        each(
            "fail: Microsoft.EntityFrameworkCore.Update[10000]\n      An exception occurred in the database while saving changes for context type 'Orders.Db'.\n      MySqlConnector.MySqlException (0x80004005): The MariaDB server is running with the --read-only option so it cannot execute this statement"
        ),
    )
    speak(cluster, "checkout", each("2030-05-01T§Z ERROR POST http://orders:8080/orders: unexpected status 500"))
    alert(cluster, "CheckoutErrors", "checkout", "Error ratio above 20 %")
    return "database-read-only", workload("orders-db", "statefulset")


@on_shop
def mysql_turns_away_go(cluster: Cluster) -> tuple[str, str]:
    """Error 1040 in a Go service, and an old warning of the server."""
    speak(cluster, "orders", each("2030/05/01 § orders: query failed: Error 1040 (08004): Too many connections"))
    speak(cluster, "checkout", each("2030-05-01T§Z WARN orders answered 503, retry 3 of 3"))
    return "database-connections-exhausted", workload("orders-db", "statefulset")


@on_shop
def mysql_password_of_php(cluster: Cluster) -> tuple[str, str]:
    """PHP serves pages that say no."""
    speak(
        cluster,
        "orders",
        each(
            "[01-May-2030 §] PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [1045] Access denied for user 'orders'@'10.0.1.7' (using password: YES) in /var/www/html/src/Db.php:31"
        ),
    )
    speak(cluster, "checkout", each("2030-05-01T§Z ERROR GET http://orders:8080/orders/17: 500 Internal Server Error"))
    return "database-credentials-wrong", workload("orders")


@on_shop
def pool_of_sqlalchemy(cluster: Cluster) -> tuple[str, str]:
    """The pool of one service is too small for its threads; its database is idle."""
    speak(
        cluster,
        "orders",
        each(
            "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00 (Background on this error at: https://sqlalche.me/e/20/3o7r)"
        ),
    )
    speak(
        cluster,
        "checkout",
        each(
            '2030-05-01T§Z ERROR call failed: Get "http://orders:8080/orders": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        ),
    )
    alert(cluster, "HighLatency", "checkout", "p99 above 10 s")
    return "connection-pool-exhausted", workload("orders")


@on_shop
def replica_stopped(cluster: Cluster) -> tuple[str, str]:
    """A replica stopped at a duplicate row; readers see the past."""
    cluster.app("orders-db-replica", 3306, kind="StatefulSet", image="docker.io/library/mysql:8.0.36", replicas=1)
    cluster.topology["orders"] = ["orders-db", "orders-db-replica"]
    speak(
        cluster,
        "orders-db-replica",
        each(
            "2030-05-01T§.102030Z 14 [ERROR] [MY-010584] [Repl] Replica SQL for channel '': Worker 1 failed executing transaction '3e11fa47:77' at source log binlog.000014, end_log_pos 918; Could not execute Write_rows event on table orders.items; Duplicate entry '71' for key 'items.PRIMARY', Error_code: 1062; handler error HA_ERR_FOUND_DUPP_KEY"
        ),
    )
    speak(
        cluster,
        "orders",
        each("2030-05-01T§Z WARN order 918 not found on replica orders-db-replica, Seconds_Behind_Source is NULL"),
    )
    return "database-replication-lag", workload("orders-db-replica", "statefulset")


@on_shop
def redis_at_its_maximum(cluster: Cluster) -> tuple[str, str]:
    """Redis refuses to write; ioredis tells."""
    cluster.containers("cart-cache", args=["redis-server", "--maxmemory", "64mb", "--maxmemory-policy", "noeviction"])
    speak(
        cluster,
        "cart",
        each(
            "ReplyError: OOM command not allowed when used memory > 'maxmemory'.\n    at parseError (/app/node_modules/redis-parser/lib/parser.js:179:12) {\n  command: { name: 'set', args: [ 'cart:17', '{}' ] }"
        ),
    )
    speak(cluster, "web", each("2030-05-01T§Z ERROR PUT cart:7070/items: 500"))
    return "cache-memory-full", workload("cart-cache")


@on_shop
def redis_cannot_save(cluster: Cluster) -> tuple[str, str]:
    """The disk of Redis is full, so that it refuses writes."""
    cluster.app("cart-cache", 6379, kind="StatefulSet", image="docker.io/library/redis:7.2.4", replicas=1)
    for key in [key for key in cluster.objects if key[0] in {"Deployment", "ReplicaSet"} and "cart-cache" in key[2]]:
        del cluster.objects[key]
    for name in [name for name in cluster.pods_of("cart-cache") if name != "cart-cache-0"]:
        cluster.drop("Pod", name)
        cluster.logs.pop(f"shop/{name}/cart-cache", None)
    speak(
        cluster,
        "cart-cache",
        each(
            "1:M 01 May 2030 §.201 * 1 changes in 3600 seconds. Saving...\n1:M 01 May 2030 §.202 * Background saving started by pid 4411\n4411:C 01 May 2030 §.210 # Write error saving DB on disk(rdbSaveRio): No space left on device\n1:M 01 May 2030 §.301 # Background saving error"
        ),
    )
    speak(
        cluster,
        "cart",
        each(
            "redis.exceptions.ResponseError: MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option)."
        ),
    )
    return "disk-full", workload("cart-cache", "statefulset")


@on_shop
def redis_wants_a_password(cluster: Cluster) -> tuple[str, str]:
    """The password of Redis was rotated, and its only client has the old one."""
    loop(
        cluster,
        "cart",
        '{"level":"info","ts":"2030-05-01T11:57:00.1Z","msg":"starting cart"}\n{"level":"fatal","ts":"2030-05-01T11:57:01.1Z","msg":"redis ping","error":"WRONGPASS invalid username-password pair or user is disabled."}\n',
    )
    speak(cluster, "web", each("2030-05-01T§Z ERROR call failed: dial tcp 10.96.0.7:7070: connect: connection refused"))
    return "database-credentials-wrong", workload("cart")


@on_shop
def kafka_scaled_to_zero(cluster: Cluster) -> tuple[str, str]:
    """Somebody saved money on the brokers; producers complain."""
    cluster.app("kafka", 9092, kind="StatefulSet", image="docker.io/apache/kafka:3.7.0", replicas=1)
    cluster.containers("orders", env=[{"name": "KAFKA_BROKERS", "value": "kafka:9092"}])
    cluster.topology["orders"] = ["orders-db", "kafka"]
    gone(cluster, "kafka")
    cluster.edit("StatefulSet", "kafka", spec={"replicas": 0}, status={"replicas": 0, "readyReplicas": 0})
    speak(
        cluster,
        "orders",
        each(
            "%4|1903866000.221|FAIL|rdkafka#producer-1| [thrd:kafka:9092/bootstrap]: kafka:9092/bootstrap: Connect to ipv4#10.96.4.4:9092 failed: Connection refused (after 2ms in state CONNECT)\n%3|1903866001.000|ERROR|rdkafka#producer-1| [thrd:app]: rdkafka#producer-1: 1/1 brokers are down"
        ),
    )
    alert(cluster, "OrdersNotPublished", "orders", "outbox grows")
    return "scaled-to-zero", workload("kafka", "statefulset")


@on_shop
def rabbit_disk_alarm(cluster: Cluster) -> tuple[str, str]:
    """RabbitMQ has little disk left and blocks its publishers."""
    cluster.app("rabbitmq", 5672, kind="StatefulSet", image="docker.io/library/rabbitmq:3.13", replicas=1)
    cluster.topology["orders"] = ["orders-db", "rabbitmq"]
    speak(
        cluster,
        "rabbitmq",
        "2030-05-01 11:46:01.120000+00:00 [info] <0.461.0> Free disk space is insufficient. Free bytes: 45056. Limit: 50000000\n"
        "2030-05-01 11:46:01.121000+00:00 [warning] <0.457.0> disk resource limit alarm set on node 'rabbit@rabbitmq-0'.\n2030-05-01 11:46:01.121000+00:00 [warning] <0.457.0> \n2030-05-01 11:46:01.121000+00:00 [warning] <0.457.0> **********************************************************\n2030-05-01 11:46:01.121000+00:00 [warning] <0.457.0> *** Publishers will be blocked until this alarm clears ***\n",
    )
    speak(
        cluster,
        "orders",
        each(
            "2030-05-01T§Z WARN amqp: connection.blocked reason='low on disk'; publish of order.created timed out after 30s"
        ),
    )
    return "broker-blocks-publishers", workload("rabbitmq", "statefulset")
