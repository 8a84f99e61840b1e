"""Which kind of server a line, a port or an image is about."""

from __future__ import annotations

import re
from functools import lru_cache

_TEXT = (
    ("mysql", r"mysql|mariadb|\bER_[A-Z]|Unknown database '|Table '[^']+' doesn't exist|\[MY-\d|Error 1\d{3} \(|\(1\d{3}, |\b1\d{3} \(\w{5}\)|: Access denied for user '"),
    ("postgres", r"postgres|psycopg|\bpgx?\b|\bpq: |npgsql|PG::|SQLSTATE (?!HY)|\bFATAL:  |28P01|pg_hba|ERROR:  could not extend|WAL segment"),
    ("mongodb", r"mongo|NotWritablePrimary|\"c\":\"(?:ACCESS|NETWORK|REPL)\""),
    ("redis", r"redis|jedis|lettuce|WRONGPASS|NOAUTH|READONLY You|ReplyError|MASTERDOWN|CLUSTERDOWN"),
    ("rabbitmq", r"rabbit|amqp|\bpika\b|vhost|PLAIN login|AMQConnection"),
    ("kafka", r"kafka|\bbroker(?:s)? (?:are|may)"),
    ("memcached", r"memcache|SERVER_ERROR out of memory"),
    ("elasticsearch", r"elasticsearch|opensearch|flood stage"),
    ("cassandra", r"cassandra|datastax"),
    ("sqlserver", r"SqlClient|sqlserver|mssql|requested by the login"),
    ("oracle", r"ORA-\d{5}|oracle\.jdbc"),
    ("grpc", r"rpc error|grpc|StatusCode\.(?!OK)"),
    ("http", r"https?://|\bhttp\b|HTTPConnectionPool|HttpRequestException|HttpClientError|HttpServerError"),
)  # fmt: skip
_TEXTS = tuple((family, re.compile(pattern, re.IGNORECASE)) for family, pattern in _TEXT)
PORTS = {
    3306: "mysql", 33060: "mysql", 5432: "postgres", 6432: "postgres", 27017: "mongodb", 6379: "redis", 26379: "redis",
    5672: "rabbitmq", 5671: "rabbitmq", 9092: "kafka", 9093: "kafka", 11211: "memcached", 9200: "elasticsearch",
    9042: "cassandra", 1433: "sqlserver", 1521: "oracle",
}  # fmt: skip
_IMAGE = (
    ("mysql", r"mysql|mariadb|percona|xtradb|tidb"),
    ("postgres", r"postgres|timescale|spilo|pgvector|postgis|cockroach"),
    ("mongodb", r"mongo"),
    ("redis", r"redis|valkey|keydb|dragonfly"),
    ("rabbitmq", r"rabbitmq"),
    ("kafka", r"kafka|redpanda"),
    ("memcached", r"memcached"),
    ("elasticsearch", r"elasticsearch|opensearch(?!-dashboards)"),
    ("cassandra", r"cassandra|scylla"),
    ("sqlserver", r"mssql|azure-sql"),
    ("oracle", r"oracle-?(?:db|xe|free)"),
)
_IMAGES = tuple((family, re.compile(pattern)) for family, pattern in _IMAGE)
_NO_SERVER = re.compile(
    r"exporter|operator|backup|client|admin|proxy|insight|express|migrat|-ui\b|commander|sentinel|router|toolbox|tools"
    r"|sidecar|init|connect\b|mirror|schema-registry|pgbouncer|pgpool|cruise|orchestrator|helper|shell|manager"
)
DATABASES = frozenset(family for family, _ in _IMAGE)


@lru_cache(maxsize=4096)
def family_of_text(*texts: str) -> str:
    """Return the family that the first telling text names, or ``""``.

    >>> family_of_text("com.mysql.cj.jdbc.exceptions.CommunicationsException"), family_of_text("hello")
    ('mysql', '')
    """
    for text in texts:
        for family, pattern in _TEXTS:
            if pattern.search(text):
                return family
    return ""


def family_of(port: int, *texts: str) -> str:
    """Return the family that texts or, for want of that, the usual use of a port tell."""
    named = family_of_text(*texts)
    usual = PORTS.get(port, "")
    return usual if usual and named in ("", "http") else named


def family_of_image(image: str) -> str:
    """Return the family of server that an image runs, or ``""`` for clients, exporters and others.

    >>> family_of_image("docker.io/bitnami/mysql:8.0"), family_of_image("oliver006/redis_exporter:v1")
    ('mysql', '')
    """
    name = image.lower().rpartition("@")[0] or image.lower()
    name = name.rpartition("/")[2].partition(":")[0]
    if _NO_SERVER.search(name):
        return ""
    return next((family for family, pattern in _IMAGES if pattern.search(name)), "")
