"""Faults of the railway's databases, in several places of evidence each."""

from __future__ import annotations

from faults import say
from railway import DATABASE, Railway
from railway_cases import case
from railway_words import (
    FRAMES,
    LATE,
    TOO_MANY,
    answered,
    boot,
    denied,
    hikari,
    link_failure,
    logstash,
    resource,
    servlet,
    spring,
)
from shop import NAMESPACE

ORDER, PORT = "tk-order-service", 12115
CONFIG = "tk-config-service"
REFUSED = "java.net.ConnectException: Connection refused (Connection refused)"
SERVER = f"statefulset/{NAMESPACE}/{DATABASE}"
LEADER = f"{DATABASE}-leader"
READ_ONLY = "java.sql.SQLException: The MySQL server is running with the --read-only option so it cannot execute this statement\n"


def client(name: str = ORDER) -> str:
    """Return the component id of a client."""
    return f"deployment/{NAMESPACE}/{name}"


def ended(why: str, app: str = ORDER, port: int = PORT) -> str:
    """Return the whole log of a start that ends for ``why``."""
    return boot(app, port, at="11:57", up=False) + hikari(why)


@case
def password_wrong_and_crashing(cluster: Railway) -> tuple[str, str]:
    """The password in the Secret was changed and the pod made anew."""
    cluster.crash(ORDER, ended(denied("order", "10.0.1.44")))
    cluster.complain(ORDER, resource(ORDER, PORT, "Connection refused (Connection refused)"))
    return "database-credentials-wrong", client()


@case
def password_wrong_in_a_new_revision(cluster: Railway) -> tuple[str, str]:
    """A variable was set on the Deployment; the pod of before serves."""
    cluster.roll(
        ORDER, ended(denied("order", "10.0.3.77")), env=[{"name": "SPRING_DATASOURCE_PASSWORD", "value": "oops"}]
    )
    return "database-credentials-wrong", client()


@case
def password_wrong_and_serving(cluster: Railway) -> tuple[str, str]:
    """The pool starts late: the pod is ready by its TCP probe, each request fails, and callers see 500."""
    trace = (
        "org.mybatis.spring.MyBatisSystemException: nested exception is org.apache.ibatis.exceptions.PersistenceException\n"
        + f"Caused by: {denied('order', '10.0.1.44')}"
    )
    text = "".join(
        logstash(
            f"11:{minute}:07",
            "ERROR",
            "o.a.c.c.C.[dispatcherServlet]",
            "Servlet.service() for servlet [dispatcherServlet] threw exception",
            trace=trace,
        )
        for minute in LATE
    )
    cluster.words(ORDER, text)
    cluster.complain(ORDER, answered("500 Internal Server Error"))
    cluster.eventless()
    return "database-credentials-wrong", client()


@case
def password_wrong_told_by_the_server(cluster: Railway) -> tuple[str, str]:
    """Of the client only that it crashes is known."""
    name = cluster.pods_of(ORDER)[0]
    cluster.crash(ORDER, "")
    cluster.edit("Pod", name, status={"podIP": "10.0.1.244"})
    cluster.logs = {key: text for key, text in cluster.logs.items() if name not in key}
    line = "2030-05-01T11:{}:09.100000Z 9{} [Note] [MY-010926] [Server] Access denied for user 'order'@'10.0.1.244' (using password: YES)\n"
    cluster.words(DATABASE, "".join(line.format(minute, minute) for minute in LATE))
    cluster.coverage["logs"] = "error-samples"
    return "database-credentials-wrong", client()


@case
def password_wrong_in_samples(cluster: Railway) -> tuple[str, str]:
    """Only samples of errors are there."""
    password_wrong_and_crashing(cluster)
    cluster.error_samples()
    return "database-credentials-wrong", client()


@case
def port_wrong_in_variables(cluster: Railway) -> tuple[str, str]:
    """Host and port are variables of the workload."""
    cluster.containers(
        ORDER, env=[{"name": "ORDER_MYSQL_HOST", "value": LEADER}, {"name": "ORDER_MYSQL_PORT", "value": "3307"}]
    )
    cluster.crash(ORDER, ended(link_failure(REFUSED)))
    cluster.complain(ORDER, resource(ORDER, PORT, "Connection refused (Connection refused)"))
    return "database-port-wrong", client()


@case
def port_wrong_in_a_new_revision(cluster: Railway) -> tuple[str, str]:
    """Only the port was set on the Deployment; the host is in a Secret."""
    cluster.roll(
        ORDER,
        ended(link_failure("java.net.SocketTimeoutException: connect timed out")),
        env=[{"name": "ORDER_MYSQL_PORT", "value": "33060"}],
    )
    return "database-port-wrong", client()


@case
def port_wrong_in_a_config_map(cluster: Railway) -> tuple[str, str]:
    """The address is a JDBC URL in a ConfigMap; a readiness probe of health fails."""
    url = {"SPRING_DATASOURCE_URL": f"jdbc:mysql://{LEADER}.{NAMESPACE}.svc.cluster.local:3316/order?useSSL=false"}
    cluster.add(
        {
            "kind": "ConfigMap",
            "metadata": {"name": "order-settings", "namespace": NAMESPACE, "creationTimestamp": "2030-05-01T09:00:00Z"},
            "data": url,
        }
    )
    probe = {
        "tcpSocket": None,
        "httpGet": {"path": "/actuator/health/readiness", "port": PORT},
        "initialDelaySeconds": 60,
    }
    cluster.containers(ORDER, envFrom=[{"configMapRef": {"name": "order-settings"}}], readinessProbe=probe)
    cluster.words(
        ORDER,
        boot(ORDER, PORT, at="11:46") + "".join(servlet(f"11:{minute}:07", link_failure(REFUSED)) for minute in LATE),
        anew=True,
    )
    cluster.status(ORDER, state={"running": {"startedAt": "2030-05-01T11:46:00Z"}})
    cluster.unreached(ORDER)
    for name in cluster.pods_of(ORDER):
        say(
            cluster,
            "Unhealthy",
            "Readiness probe failed: HTTP probe failed with statuscode: 503",
            about=("Pod", name),
            count=40,
        )
    return "database-port-wrong", client()


@case
def port_wrong_in_a_secret(cluster: Railway) -> tuple[str, str]:
    """Nothing that can be read holds the port; all others are served."""
    cluster.crash(ORDER, ended(link_failure(REFUSED)), told=False)
    cluster.eventless()
    return "database-port-wrong", client()


@case
def port_wrong_in_samples(cluster: Railway) -> tuple[str, str]:
    """Only samples of errors are there, and the callers complain loudly."""
    port_wrong_in_variables(cluster)
    cluster.error_samples()
    return "database-port-wrong", client()


@case
def port_wrong_and_nothing_logged(cluster: Railway) -> tuple[str, str]:
    """No log was kept."""
    port_wrong_in_variables(cluster)
    cluster.logs = {}
    cluster.coverage["logs"] = "none"
    return "database-port-wrong", client()


@case
def host_wrong_in_variables(cluster: Railway) -> tuple[str, str]:
    """The host has a typing error."""
    cluster.containers(
        ORDER,
        env=[
            {"name": "ORDER_MYSQL_HOST", "value": "ticketdb-mysql-leader"},
            {"name": "ORDER_MYSQL_PORT", "value": "3306"},
        ],
    )
    cluster.crash(
        ORDER, ended(link_failure("java.net.UnknownHostException: ticketdb-mysql-leader: Name or service not known"))
    )
    return "database-address-wrong", client()


@case
def host_wrong_in_a_secret(cluster: Railway) -> tuple[str, str]:
    """Only the log names the host."""
    cluster.crash(ORDER, ended(link_failure("java.net.UnknownHostException: db-old-leader")))
    return "database-address-wrong", client()


@case
def connections_exhausted_for_many(cluster: Railway) -> tuple[str, str]:
    """Services that serve are turned away at their next connection."""
    for name in (ORDER, CONFIG, "tk-user-service", "tk-station-service", "tk-route-service"):
        cluster.words(
            name,
            "".join(
                servlet(
                    f"11:{minute}:07",
                    f"org.springframework.jdbc.CannotGetJdbcConnectionException: Failed to obtain JDBC Connection\nCaused by: {TOO_MANY}",
                )
                for minute in LATE
            ),
        )
    cluster.complain(ORDER, answered("500 Internal Server Error"))
    return "database-connections-exhausted", SERVER


@case
def connections_exhausted_and_crashing(cluster: Railway) -> tuple[str, str]:
    """Those that start now crash; only samples are there."""
    for name in (ORDER, CONFIG, "tk-contacts-service"):
        cluster.crash(name, ended(TOO_MANY, name))
    cluster.error_samples()
    return "database-connections-exhausted", SERVER


@case
def connections_exhausted_seen_by_pools(cluster: Railway) -> tuple[str, str]:
    """Clients wait for their pools in vain, the server says why, and its settings too."""
    text = (
        "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30000ms.\n"
        + FRAMES
    )
    for name in (ORDER, CONFIG, "tk-user-service"):
        cluster.words(name, "".join(servlet(f"11:{minute}:07", text) for minute in LATE))
    cluster.containers(DATABASE, args=["--max-connections=5"])
    cluster.words(
        DATABASE,
        "".join(
            f"2030-05-01T11:{minute}:09.100000Z 0 [Warning] [MY-000000] [Server] Too many connections\n"
            for minute in LATE
        ),
    )
    return "database-connections-exhausted", SERVER


@case
def connections_exhausted_by_settings(cluster: Railway) -> tuple[str, str]:
    """Clients wait for their pools in vain, and the server's settings allow next to nothing."""
    text = (
        "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30000ms.\n"
        + FRAMES
    )
    for name in (ORDER, CONFIG, "tk-user-service"):
        cluster.words(name, "".join(servlet(f"11:{minute}:07", text) for minute in LATE))
    cluster.containers(DATABASE, args=["--max-connections=5"])
    return "database-connections-exhausted", SERVER


def refuse_writes(cluster: Railway) -> None:
    """Let the clients that write log that their database refuses."""
    trace = f"org.springframework.jdbc.UncategorizedSQLException: PreparedStatementCallback; uncategorized SQLException for SQL [insert into orders (id) values (?)]; SQL state [HY000]; error code [1290]\nCaused by: {READ_ONLY}{FRAMES}"
    for name in (ORDER, "tk-contacts-service"):
        cluster.words(name, "".join(servlet(f"11:{minute}:07", trace) for minute in LATE))


@case
def database_read_only_by_a_statement(cluster: Railway) -> tuple[str, str]:
    """Somebody set the global variable; nothing but clients' logs shows it."""
    refuse_writes(cluster)
    cluster.complain(ORDER, answered("500 Internal Server Error"))
    return "database-read-only", SERVER


@case
def database_read_only_in_samples(cluster: Railway) -> tuple[str, str]:
    """Samples in JSON."""
    text = "could not execute statement; nested exception is org.hibernate.exception.GenericJDBCException: could not execute statement"
    cluster.words(
        ORDER,
        "".join(
            logstash(
                f"11:{minute}:07",
                "ERROR",
                "o.a.c.c.C.[dispatcherServlet]",
                text,
                trace=f"org.springframework.orm.jpa.JpaSystemException: {text}\nCaused by: java.sql.SQLException: The MySQL server is running with the --super-read-only option so it cannot execute this statement\n{FRAMES}",
            )
            for minute in LATE
        ),
    )
    cluster.error_samples()
    cluster.eventless()
    return "database-read-only", SERVER


@case
def database_read_only_at_the_start(cluster: Railway) -> tuple[str, str]:
    """The server was made anew with an argument; services that change tables at their start crash."""
    cluster.containers(DATABASE, args=["--read-only=1", "--super-read-only=1"])
    trace = f"org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'liquibase'\nCaused by: liquibase.exception.LockException: liquibase.exception.DatabaseException: The MySQL server is running with the --super-read-only option so it cannot execute this statement [Failed SQL: (1290) UPDATE rail.DATABASECHANGELOGLOCK SET `LOCKED` = 1]\nCaused by: {READ_ONLY}"
    cluster.crash(
        ORDER,
        boot(ORDER, PORT, at="11:57", up=False)
        + spring("11:57:30", "ERROR", "o.s.boot.SpringApplication", "Application run failed")
        + f"\n{trace}",
    )
    return "database-read-only", SERVER


@case
def database_read_only_by_settings(cluster: Railway) -> tuple[str, str]:
    """Callers see errors without a reason, and the server's settings make it read-only."""
    cluster.containers(DATABASE, args=["--read-only=1", "--super-read-only=1"])
    cluster.complain(ORDER, answered("500 Internal Server Error"))
    return "database-read-only", SERVER


@case
def database_read_only_in_its_file(cluster: Railway) -> tuple[str, str]:
    """The settings are in a ConfigMap that the server mounts."""
    cluster.add(
        {
            "kind": "ConfigMap",
            "metadata": {"name": "ticketsdb-conf", "namespace": NAMESPACE, "creationTimestamp": "2030-05-01T11:40:00Z"},
            "data": {"my.cnf": "[mysqld]\nmax_connections = 400\nread_only = 1\nsuper_read_only=ON\n"},
        }
    )
    cluster.spec_of_pods(DATABASE, volumes=[{"name": "conf", "configMap": {"name": "ticketsdb-conf"}}])
    cluster.containers(DATABASE, volumeMounts=[{"name": "conf", "mountPath": "/etc/mysql/conf.d"}])
    cluster.complain(ORDER, answered("500 Internal Server Error"))
    return "database-read-only", SERVER
