"""Which kind of server a line, a port or an image is about."""

from __future__ import annotations

import re
from functools import lru_cache

from sre_orchestrator.plugins.objects.pods import Container

_TEXT = (
    ("mysql", r"mysql|mariadb|\bER_[A-Z]|Unknown database '|Table '[^']+' doesn't exist|\[MY-\d|Error 1\d{3} \(|\(1\d{3}, |\b1\d{3} \(\w{5}\)|Access denied for user '|^#? ?Query_time: |rejected establishment of connection"),
    ("postgres", r"postgres|psycopg|\bpgx?\b|\bpq: |npgsql|PG::|SQLSTATE (?!HY)|\bFATAL:  |28P01|pg_hba|ERROR:  could not extend|WAL segment|\bduration: [\d.]+ ms  "),
    ("mongodb", r"mongo|NotWritablePrimary|\"c\":\"(?:ACCESS|NETWORK|REPL|COMMAND|QUERY|WRITE)\""),
    ("redis", r"redis|jedis|lettuce|WRONGPASS|NOAUTH|READONLY You|ReplyError|MASTERDOWN|CLUSTERDOWN"),
    ("rabbitmq", r"rabbit|amqp|\bpika\b|vhost|PLAIN login|AMQConnection"),
    ("kafka", r"kafka|\bbroker(?:s)? (?:are|may)"),
    ("memcached", r"memcache|SERVER_ERROR out of memory"),
    ("elasticsearch", r"elasticsearch|opensearch|flood stage|\[(?:i\.s\.s|index\.search\.slowlog)\."),
    ("cassandra", r"cassandra|datastax"),
    ("sqlserver", r"SqlClient|sqlserver|mssql|requested by the login"),
    ("oracle", r"ORA-\d{5}|oracle\.jdbc"),
    ("grpc", r"rpc error|grpc|StatusCode\.(?!OK)"),
    ("http", r"https?://|\bhttp\b|HTTPConnectionPool|HttpRequestException|HttpClientError|HttpServerError"),
)  # fmt: skip
PORTS = {
    3306: "mysql", 33060: "mysql", 5432: "postgres", 6432: "postgres", 27017: "mongodb", 6379: "redis", 26379: "redis",
    5672: "rabbitmq", 5671: "rabbitmq", 9092: "kafka", 9093: "kafka", 11211: "memcached", 9200: "elasticsearch",
    9042: "cassandra", 1433: "sqlserver", 1521: "oracle",
}  # fmt: skip
SERVER_PORTS = {port: PORTS[port] for port in (3306, 5432, 27017, 6379, 5672, 9042, 1433, 1521)}
_IMAGES = (
    ("mysql", ("mysql", "mariadb", "percona", "xtradb", "tidb")),
    ("postgres", ("postgres", "timescale", "spilo", "pgvector", "postgis", "cockroach")),
    ("mongodb", ("mongo",)),
    ("redis", ("redis", "valkey", "keydb", "dragonfly")),
    ("rabbitmq", ("rabbitmq",)),
    ("kafka", ("kafka", "redpanda")),
    ("memcached", ("memcached",)),
    ("elasticsearch", ("elasticsearch", "opensearch")),
    ("cassandra", ("cassandra", "scylla")),
    ("sqlserver", ("mssql", "azure-sql")),
    ("oracle", ("oracle-db", "oracle-xe", "oracle-free", "oracledb")),
)
_NO_SERVER = (
    "exporter", "operator", "backup", "client", "admin", "proxy", "insight", "express", "migrat", "-ui", "commander",
    "sentinel", "router", "tool", "sidecar", "init", "connect", "mirror", "registry", "bouncer", "pool", "cruise",
    "orchestrator", "helper", "shell", "manager", "dashboard",
)  # fmt: skip
DATABASES = frozenset(family for family, _ in _IMAGES)


@lru_cache(maxsize=4096)
def family_of_text(*texts: str) -> str:
    """Return the family that the first telling text names, or ``""``.

    >>> family_of_text("com.mysql.cj.jdbc.exceptions.CommunicationsException"), family_of_text("hello")
    ('mysql', '')
    """
    for text in texts:
        for family, pattern in _TEXT:
            if _expression(pattern).search(text):
                return family
    return ""


def family_of(port: int, *texts: str) -> str:
    """Return the family that texts or, for want of that, the usual use of a port tell."""
    named = family_of_text(*texts)
    usual = PORTS.get(port, "")
    return usual if usual and named in ("", "http") else named


def family_of_container(container: Container) -> str:
    """Return the family of server that a container runs, by its image or else its declared port; ``""`` for others.

    >>> family_of_container(Container(image="docker.io/bitnami/mysql:8.0"))
    'mysql'
    >>> family_of_container(Container(image="oliver006/redis_exporter:v1"))
    ''
    """
    image = container.image.lower().partition("@")[0]
    name = image.rpartition("/")[2].partition(":")[0]
    if any(word in name for word in _NO_SERVER):
        return ""
    by_image = next((family for family, words in _IMAGES if any(word in name for word in words)), "")
    return by_image or next(
        (SERVER_PORTS[one.container_port] for one in container.ports if one.container_port in SERVER_PORTS), ""
    )


@lru_cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
