"""Blind incidents of the railway's databases, registry, cache and broker, as Java services tell of them."""

from __future__ import annotations

from blind_services import alert, each, gone, on_railway, speak, told, unreached, workload
from railway import CALLS, DATABASE, GATEWAY, PORTS, REGISTRY_DATABASE, WITHOUT_DATABASE, Railway
from railway_databases import ended
from railway_words import FRAMES, LATE, TOO_MANY, answered, boot, link_failure, resource, servlet, spring

PRICE, ROUTE, USER, ASSURANCE, VOUCHER = (
    "tk-price-service", "tk-route-service", "tk-user-service", "tk-assurance-service", "tk-voucher-service",
)  # fmt: skip
LEADER = f"{DATABASE}-leader"
CLIENTS = [name for name in CALLS if name not in WITHOUT_DATABASE]
STORE, REGISTRY_STORE = workload(DATABASE, "statefulset"), workload(REGISTRY_DATABASE, "statefulset")
REFUSED = "Connection refused (Connection refused)"


def fails(cluster: Railway, app: str, why: str) -> None:
    """Let requests of ``app`` fail for ``why``."""
    speak(cluster, app, "".join(servlet(f"11:{minute}:07", why) for minute in LATE))


@on_railway
def mariadb_driver_denied(cluster: Railway) -> tuple[str, str]:
    """MariaDB's driver tells of a wrong password; callers log 500 through Feign."""
    fails(
        cluster,
        PRICE,
        "org.springframework.jdbc.CannotGetJdbcConnectionException: Failed to obtain JDBC Connection; nested exception is java.sql.SQLInvalidAuthorizationSpecException: (conn=4411) Access denied for user 'price'@'10.0.1.71' (using password: YES)\n\tat org.mariadb.jdbc.internal.util.exceptions.ExceptionFactory.createException(ExceptionFactory.java:66)\n",
    )
    cluster.complain(
        PRICE,
        'feign.FeignException$InternalServerError: [500] during [GET] to [http://tk-price-service/api/v1/prices] [PriceClient#find(String)]: [{"status":500,"error":"Internal Server Error"}]\n\tat feign.FeignException.serverErrorStatus(FeignException.java:250)\n',
    )
    alert(cluster, "HighErrorRate", "tk-basic-service", "5xx ratio is 50 %")
    return "database-credentials-wrong", workload(PRICE)


@on_railway
def druid_at_a_wrong_port(cluster: Railway) -> tuple[str, str]:
    """Alibaba's pool retries for ever; the URL is only in its messages."""
    line = spring(
        "11:§",
        "ERROR",
        "c.alibaba.druid.pool.DruidDataSource",
        f"create connection SQLException, url: jdbc:mysql://{LEADER}:13306/rail?useSSL=false, errorCode 0, state 08S01",
        thread="Druid-ConnectionPool-Create-17",
    )
    text = "".join(
        line.replace("11:§", f"11:{minute}:07") + "\n" + link_failure(f"java.net.ConnectException: {REFUSED}")
        for minute in LATE
    )
    speak(cluster, ROUTE, text)
    cluster.complain(ROUTE, answered("500 Internal Server Error"))
    return "database-port-wrong", workload(ROUTE)


@on_railway
def host_in_another_namespace(cluster: Railway) -> tuple[str, str]:
    """The host names a namespace without the database."""
    cluster.containers(
        ASSURANCE,
        env=[
            {"name": "ASSURANCE_MYSQL_HOST", "value": f"{LEADER}.databases"},
            {"name": "ASSURANCE_MYSQL_PORT", "value": "3306"},
        ],
    )
    cluster.crash(
        ASSURANCE,
        ended(
            link_failure(f"java.net.UnknownHostException: {LEADER}.databases: Name does not resolve"),
            ASSURANCE,
            PORTS[ASSURANCE],
        ),
    )
    cluster.complain(ASSURANCE, resource(ASSURANCE, PORTS[ASSURANCE], REFUSED))
    return "database-address-wrong", workload(ASSURANCE)


@on_railway
def password_of_everybody_changed(cluster: Railway) -> tuple[str, str]:
    """The shared user's password was changed at the server; all who connect anew are refused."""
    for place, name in enumerate(CLIENTS[:14]):
        fails(
            cluster,
            name,
            f"org.springframework.jdbc.CannotGetJdbcConnectionException: Failed to obtain JDBC Connection\nCaused by: java.sql.SQLException: Access denied for user 'rail'@'10.0.1.{place + 9}' (using password: YES)\n{FRAMES}",
        )
    return "database-password-changed", STORE


@on_railway
def registry_database_exhausted(cluster: Railway) -> tuple[str, str]:
    """The database of Nacos has no connections left; the services' own database is well."""
    speak(
        cluster,
        "nacos",
        each(
            '2030-05-01 §,201 ERROR [db-error] master db check fail\n\norg.springframework.jdbc.CannotGetJdbcConnectionException: Failed to obtain JDBC Connection; nested exception is java.sql.SQLNonTransientConnectionException: Data source rejected establishment of connection,  message from server: "Too many connections"\n\tat com.alibaba.nacos.config.server.service.datasource.ExternalDataSourceServiceImpl$CheckDbHealthTask.run(ExternalDataSourceServiceImpl.java:262)'
        ),
    )
    for name in ("tk-order-service", "tk-seat-service"):
        speak(
            cluster,
            name,
            each(
                "2030-05-01 §.271 ERROR 1 --- [ing.grpc.client] c.a.n.c.config.impl.ClientWorker : [fixed-nacos-0] failed to query config, code: 500, msg: no DataSource set"
            ),
        )
    return "database-connections-exhausted", REGISTRY_STORE


@on_railway
def registry_database_scaled_to_zero(cluster: Railway) -> tuple[str, str]:
    """The smaller of the two MySQL servers is at zero; Nacos complains."""
    gone(cluster, REGISTRY_DATABASE)
    cluster.edit("StatefulSet", REGISTRY_DATABASE, spec={"replicas": 0}, status={"replicas": 0})
    cluster.edit("Endpoints", f"{REGISTRY_DATABASE}-leader", subsets=[])
    unreached(cluster, f"{REGISTRY_DATABASE}-leader")
    speak(
        cluster,
        "nacos",
        each(
            "2030-05-01 §,201 ERROR [db-error] master db nacosdb-mysql-leader down.\ncom.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure\nCaused by: java.net.ConnectException: Connection refused"
        ),
    )
    return "scaled-to-zero", REGISTRY_STORE


@on_railway
def database_scaled_to_zero_and_everything_restarts(cluster: Railway) -> tuple[str, str]:
    """Health pages that ask the database fail, so that liveness kills the services one after another."""
    gone(cluster, DATABASE)
    cluster.edit("StatefulSet", DATABASE, spec={"replicas": 0}, status={"replicas": 0})
    cluster.edit("Endpoints", LEADER, subsets=[])
    unreached(cluster, LEADER)
    for name in CLIENTS[:9]:
        cluster.containers(
            name,
            livenessProbe={"httpGet": {"path": "/actuator/health", "port": PORTS[name]}, "initialDelaySeconds": 90},
        )
        cluster.crash(name, ended(link_failure(f"java.net.ConnectException: {REFUSED}"), name, PORTS[name]))
        told(cluster, name, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503", count=30)
        alert(cluster, "PodCrashLooping", name, "restarts too often")
    return "scaled-to-zero", STORE


@on_railway
def nacos_scaled_to_zero(cluster: Railway) -> tuple[str, str]:
    """The registry is at zero; the load balancers know no instance any more."""
    gone(cluster, "nacos")
    cluster.edit("StatefulSet", "nacos", spec={"replicas": 0}, status={"replicas": 0})
    for name in ("tk-order-service", "tk-seat-service", "tk-travel-service", "tk-basic-service", "tk-preserve-service"):
        cluster.topology[name].append("nacos")
        speak(
            cluster,
            name,
            each(
                "2030-05-01 §.271 ERROR 1 --- [main] c.a.c.n.registry.NacosServiceRegistry : nacos registry failed\ncom.alibaba.nacos.api.exception.NacosException: failed to req API:/nacos/v1/ns/instance after all servers([nacos-0.nacos.shop.svc.cluster.local:8848]) tried: java.net.UnknownHostException: nacos-0.nacos.shop.svc.cluster.local"
            ),
        )
    speak(
        cluster,
        GATEWAY,
        each(
            "2030-05-01 §.271  WARN 1 --- [oundedElastic-3] o.s.c.l.core.RoundRobinLoadBalancer : No servers available for service: tk-travel-service"
        ),
    )
    return "scaled-to-zero", workload("nacos", "statefulset")


@on_railway
def registry_database_read_only(cluster: Railway) -> tuple[str, str]:
    """Nacos cannot write."""
    cluster.containers(REGISTRY_DATABASE, args=["--super-read-only=ON"])
    speak(
        cluster,
        "nacos",
        each(
            "2030-05-01 §,201 ERROR CONFIG_TRACE org.springframework.jdbc.UncategorizedSQLException: PreparedStatementCallback; uncategorized SQLException for SQL [INSERT INTO config_info]; SQL state [HY000]; error code [1290]; The MySQL server is running with the --super-read-only option so it cannot execute this statement"
        ),
    )
    return "database-read-only", REGISTRY_STORE


@on_railway
def pool_leaks(cluster: Railway) -> tuple[str, str]:
    """One service forgets to give connections back; the server has plenty."""
    line = spring(
        "11:§",
        "WARN",
        "com.zaxxer.hikari.pool.ProxyLeakTask",
        "Connection leak detection triggered for com.mysql.cj.jdbc.ConnectionImpl§1f3a on thread http-nio-12101-exec-4, stack trace follows",
        thread="HikariPool-1 housekeeper",
    )
    speak(cluster, USER, "".join(line.replace("11:§", f"11:{minute}:01") for minute in LATE))
    fails(
        cluster,
        USER,
        f"java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30001ms.\n{FRAMES}",
    )
    cluster.complain(
        USER,
        "org.springframework.web.client.ResourceAccessException: I/O error on GET request: Read timed out; nested exception is java.net.SocketTimeoutException: Read timed out\n",
    )
    return "connection-pool-exhausted", workload(USER)


@on_railway
def rows_locked(cluster: Railway) -> tuple[str, str]:
    """A report holds locks on orders for minutes."""
    trace = f"org.springframework.dao.CannotAcquireLockException: could not execute statement; SQL [n/a]; nested exception is org.hibernate.exception.LockAcquisitionException: could not execute statement\nCaused by: com.mysql.cj.jdbc.exceptions.MySQLTransactionRollbackException: Lock wait timeout exceeded; try restarting transaction\n{FRAMES}"
    for name in ("tk-order-service", "tk-inside-payment-service"):
        fails(cluster, name, trace)
    cluster.complain("tk-order-service", answered("500 Internal Server Error"))
    return "database-locks", STORE


@on_railway
def mysql_disk_full(cluster: Railway) -> tuple[str, str]:
    """The data directory is full; clients hang."""
    speak(
        cluster,
        DATABASE,
        each(
            "2030-05-01T§.120000Z 0 [ERROR] [MY-010907] [Server] Error writing file './binlog.000042' (errno: 28 - No space left on device)\n2030-05-01T§.120000Z 9 [ERROR] [MY-011072] [Server] Binary logging not possible. Message: An error occurred during flush stage of the commit. 'binlog_error_action' is set to 'ABORT_SERVER'."
        ),
    )
    fails(
        cluster,
        "tk-order-service",
        f"org.springframework.dao.QueryTimeoutException: could not execute statement\nCaused by: java.sql.SQLException: The table 'orders' is full\n{FRAMES}",
    )
    return "disk-full", STORE


@on_railway
def redis_full_for_lettuce(cluster: Railway) -> tuple[str, str]:
    """Codes cannot be stored."""
    name = "tk-verification-code-service"
    cluster.topology[name] = ["redis-cache"]
    fails(
        cluster,
        name,
        "org.springframework.data.redis.RedisSystemException: Error in execution; nested exception is io.lettuce.core.RedisCommandExecutionException: OOM command not allowed when used memory > 'maxmemory'.\n",
    )
    return "cache-memory-full", workload("redis-cache")


@on_railway
def rabbit_memory_alarm(cluster: Railway) -> tuple[str, str]:
    """A queue that nobody reads fills the broker."""
    speak(
        cluster,
        "rabbitmq",
        "2030-05-01 11:46:04.120 [info] <0.461.0> vm_memory_high_watermark set. Memory used:429496729 allowed:419430400\n2030-05-01 11:46:04.121 [warning] <0.457.0> memory resource limit alarm set on node rabbit@rabbitmq-1.\n\n**********************************************************\n*** Publishers will be blocked until this alarm clears ***\n**********************************************************\n",
    )
    speak(
        cluster,
        "tk-food-service",
        each(
            "2030-05-01 §.271 ERROR 1 --- [nio-exec-3] o.s.a.r.c.CachingConnectionFactory : Channel shutdown: connection error\njava.util.concurrent.TimeoutException: publisher confirm timed out"
        ),
    )
    return "broker-blocks-publishers", workload("rabbitmq")


@on_railway
def broker_refuses_a_login(cluster: Railway) -> tuple[str, str]:
    """The user of one service was removed at the broker."""
    name = "tk-notification-service"
    speak(
        cluster,
        name,
        each(
            "2030-05-01 §.271 ERROR 1 --- [ntContainer#0-1] o.s.a.r.l.SimpleMessageListenerContainer : Failed to check/redeclare auto-delete queue(s).\norg.springframework.amqp.AmqpAuthenticationException: com.rabbitmq.client.AuthenticationFailureException: ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."
        ),
    )
    speak(
        cluster,
        "rabbitmq",
        each(
            "2030-05-01 §.120 [error] <0.811.0> Error on AMQP connection <0.811.0> (10.0.1.8:40012 -> 10.0.2.2:5672, state: starting):\nPLAIN login refused: user 'notify' - invalid credentials"
        ),
    )
    return "database-credentials-wrong", workload(name)


@on_railway
def flyway_failed_before(cluster: Railway) -> tuple[str, str]:
    """A migration of the last release failed half-way and holds all others."""
    log = (
        boot(VOUCHER, PORTS[VOUCHER], at="11:57", up=False)
        + spring("11:57:31", "ERROR", "o.s.boot.SpringApplication", "Application run failed")
        + (
            "\norg.springframework.beans.factory.BeanCreationException: Error creating bean with name 'flywayInitializer' defined in class path resource [org/springframework/boot/autoconfigure/flyway/FlywayAutoConfiguration$FlywayConfiguration.class]: Invocation of init method failed\n"
            "Caused by: org.flywaydb.core.api.exception.FlywayValidateException: Validate failed: Migrations have failed validation\nDetected failed migration to version 12 (add voucher index).\nPlease remove any half-completed changes then run repair to fix the schema history.\n"
        )
    )
    cluster.crash(VOUCHER, log)
    return "migration-failed", workload(VOUCHER)


@on_railway
def database_that_is_not_there(cluster: Railway) -> tuple[str, str]:
    """The schema in the URL was never made."""
    cluster.crash(
        PRICE, ended(f"java.sql.SQLSyntaxErrorException: Unknown database 'rail_prices'\n{FRAMES}", PRICE, PORTS[PRICE])
    )
    cluster.complain(PRICE, resource(PRICE, PORTS[PRICE], REFUSED))
    return "database-missing", workload(PRICE)


@on_railway
def server_turns_away_starts(cluster: Railway) -> tuple[str, str]:
    """A restart of half of the services meets a server without connections; MariaDB's words."""
    for name in CLIENTS[2:8]:
        cluster.crash(name, ended(TOO_MANY, name, PORTS[name]))
        alert(cluster, "PodCrashLooping", name, "restarts too often")
    return "database-connections-exhausted", STORE
