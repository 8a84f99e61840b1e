"""Blind incidents of the benchmark's labels: credentials, ports, limits and read-only databases, and missing secrets."""

from __future__ import annotations

from blind_labels import envs, errors_of, failing, grpc_dial, in_railway, in_shop, refused
from blind_services import alert, each, gone, revise, speak, told, unreached, workload
from clusters import Cluster
from faults import say, waiting
from railway import DATABASE, Railway
from railway_words import FRAMES, TOO_MANY, denied, hikari, link_failure, spring
from shop import NAMESPACE, thing

STORE = workload(DATABASE, "statefulset")
CONTACTS, TRAIN, CONSIGN, PAYMENT, ORDER = (
    f"tk-{one}-service" for one in ("contacts", "train", "consign", "payment", "order")
)


@in_railway
def wrong_password_in_the_secret(cluster: Railway) -> tuple[str, str]:
    cluster.crash(CONTACTS, spring("11:57:01", "INFO", "o.s.boot", "Starting") + hikari(denied("rail", "10.0.1.44")))
    refused(cluster, CONTACTS)
    alert(cluster, "HighErrorRate", "tk-preserve-service", "more than 20 % of requests fail")
    return "database-credentials-wrong", workload(CONTACTS)


@in_railway
def wrong_user_of_a_running_service(cluster: Railway) -> tuple[str, str]:
    cluster.containers(CONSIGN, env=envs(cluster, CONSIGN, CONSIGN_MYSQL_USER="chaos"))
    why = f"java.sql.SQLInvalidAuthorizationSpecException: Access denied for user 'chaos'@'%' to database 'rail'\n{FRAMES}"
    failing(cluster, CONSIGN, why)
    return "database-credentials-wrong", workload(CONSIGN)


@in_railway
def only_the_server_tells_of_refused_logins(cluster: Railway) -> tuple[str, str]:
    line = "2030-05-01T§.4Z 911 [Note] [MY-010926] [Server] Access denied for user 'payment'@'10.0.1.23' (using password: YES)"
    cluster.words(DATABASE, each(line))
    cluster.edit("Pod", cluster.pods_of(PAYMENT)[0], status={"podIP": "10.0.1.23"})
    failing(cluster, PAYMENT, "org.springframework.dao.DataAccessResourceFailureException: Unable to acquire JDBC Connection; nested exception is org.hibernate.exception.JDBCConnectionException: Unable to acquire JDBC Connection\n")  # fmt: skip
    return "database-credentials-wrong", workload(PAYMENT)


@in_shop
def go_service_with_a_wrong_password(cluster: Cluster) -> tuple[str, str]:
    revise(cluster, "orders", env=envs(cluster, "orders", DB_PASSWORD="wrong"))
    speak(cluster, "orders", each("2030/05/01 § list orders: Error 1045 (28000): Access denied for user 'orders'@'10.0.2.7' (using password: YES)"))  # fmt: skip
    speak(cluster, "checkout", each("§ level=error msg=\"orders answered 500 Internal Server Error\" url=http://orders:8080/v1/orders"))  # fmt: skip
    return "database-credentials-wrong", workload("orders")


@in_shop
def go_service_with_a_wrong_database_port(cluster: Cluster) -> tuple[str, str]:
    revise(cluster, "orders", env=envs(cluster, "orders", DB_PORT="33060"))
    speak(cluster, "orders", each("2030/05/01 § ERROR ping: dial tcp 10.96.0.12:33060: connect: connection refused"))
    speak(cluster, "checkout", each('§ level=error msg="POST http://orders:8080/v1/orders: 503 Service Unavailable"'))
    return "database-port-wrong", workload("orders")


@in_railway
def wrong_port_in_the_secret(cluster: Railway) -> tuple[str, str]:
    why = "java.sql.SQLNonTransientConnectionException: Could not connect to address=(host=ticketsdb-mysql-leader)(port=3316)(type=master) : Socket fail to connect to host:ticketsdb-mysql-leader, port:3316. Connection refused (Connection refused)\n"
    cluster.crash(TRAIN, hikari(why))
    refused(cluster, TRAIN)
    return "database-port-wrong", workload(TRAIN)


@in_railway
def wrong_port_in_a_variable(cluster: Railway) -> tuple[str, str]:
    cluster.containers(ORDER, env=envs(cluster, ORDER, ORDER_MYSQL_HOST=f"{DATABASE}-leader", ORDER_MYSQL_PORT="3307"))
    cluster.crash(ORDER, hikari(link_failure("java.net.ConnectException: Connection timed out (Connection timed out)")))
    refused(cluster, ORDER)
    return "database-port-wrong", workload(ORDER)


@in_railway
def python_service_with_a_wrong_port(cluster: Railway) -> tuple[str, str]:
    name = "tk-voucher-service"
    cluster.containers(name, env=envs(cluster, name, VOUCHER_MYSQL_HOST=f"{DATABASE}-leader", VOUCHER_MYSQL_PORT="3360"))  # fmt: skip
    line = "[E 300501 § web:1789] Uncaught exception POST /getVoucher (10.0.1.8)\n    raise exc\npymysql.err.OperationalError: (2003, \"Can't connect to MySQL server on 'ticketsdb-mysql-leader' ([Errno 111] Connection refused)\")"
    cluster.words(name, each(line))
    return "database-port-wrong", workload(name)


@in_railway
def server_with_few_connections(cluster: Railway) -> tuple[str, str]:
    cluster.containers(DATABASE, args=["--max_connections=10"])
    for name in (ORDER, CONTACTS, TRAIN, "tk-user-service"):
        failing(cluster, name, f"org.springframework.jdbc.CannotGetJdbcConnectionException: Failed to obtain JDBC Connection\nCaused by: {TOO_MANY}")  # fmt: skip
    return "database-connections-exhausted", STORE


@in_railway
def user_with_few_connections(cluster: Railway) -> tuple[str, str]:
    for name in (ORDER, "tk-route-service", "tk-price-service"):
        failing(cluster, name, f"java.sql.SQLSyntaxErrorException: User rail already has more than 'max_user_connections' active connections\n{FRAMES}")  # fmt: skip
    alert(cluster, "SlowRequests", "tk-travel-service", "p90 above 3 s")
    return "database-connections-exhausted", STORE


@in_shop
def go_service_meets_too_many_connections(cluster: Cluster) -> tuple[str, str]:
    cluster.containers("orders-db", args=["mysqld", "--max-connections=3"])
    speak(cluster, "orders", each("2030/05/01 § ERROR begin: Error 1040 (08004): Too many connections"))
    speak(cluster, "checkout", each('§ level=error msg="orders: unexpected status 500"'))
    return "database-connections-exhausted", workload("orders-db", "statefulset")


@in_railway
def pool_of_one_service_is_used_up(cluster: Railway) -> tuple[str, str]:
    cluster.containers(ORDER, env=envs(cluster, ORDER, SPRING_DATASOURCE_HIKARI_MAXIMUM_POOL_SIZE="1"))
    failing(cluster, ORDER, "org.springframework.transaction.CannotCreateTransactionException: Could not open JPA EntityManager for transaction; nested exception is org.hibernate.exception.JDBCConnectionException\nCaused by: java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30000ms (total=1, active=1, idle=0, waiting=17).\n")  # fmt: skip
    return "connection-pool-exhausted", workload(ORDER)


@in_railway
def server_set_super_read_only(cluster: Railway) -> tuple[str, str]:
    for name in (ORDER, CONTACTS, CONSIGN):
        failing(cluster, name, f"java.sql.SQLException: The MySQL server is running with the --super-read-only option so it cannot execute this statement\n{FRAMES}")  # fmt: skip
    return "database-read-only", STORE


@in_railway
def server_read_only_seen_through_hibernate(cluster: Railway) -> tuple[str, str]:
    line = "2030-05-01 §.3 ERROR 1 --- [nio-exec-2] o.h.engine.jdbc.spi.SqlExceptionHelper   : The MySQL server is running with the --read-only option so it cannot execute this statement"
    cluster.words(ORDER, each(line))
    errors_of(cluster, ORDER)
    return "database-read-only", STORE


@in_shop
def go_service_meets_a_read_only_server(cluster: Cluster) -> tuple[str, str]:
    cluster.containers("orders-db", args=["--innodb-read-only=1"])
    speak(cluster, "orders", each("2030/05/01 § ERROR insert order: Error 1290 (HY000): The MySQL server is running with the --innodb-read-only option so it cannot execute this statement"))  # fmt: skip
    return "database-read-only", workload("orders-db", "statefulset")


@in_railway
def secret_deleted(cluster: Railway) -> tuple[str, str]:
    cluster.drop("Secret", "tk-contacts-mysql")
    cluster.status(CONTACTS, state=waiting("CreateContainerConfigError", 'secret "tk-contacts-mysql" not found'))
    told(cluster, CONTACTS, "Failed", 'Error: secret "tk-contacts-mysql" not found', count=41)
    cluster.words(CONTACTS, "", anew=True)
    unreached(cluster, CONTACTS)
    refused(cluster, CONTACTS)
    return "secret-missing", workload(CONTACTS)


@in_railway
def secret_deleted_and_no_event_left(cluster: Railway) -> tuple[str, str]:
    cluster.drop("Secret", "tk-train-mysql")
    cluster.status(TRAIN, state=waiting("CreateContainerConfigError", 'secret "tk-train-mysql" not found'))
    cluster.words(TRAIN, "", anew=True)
    unreached(cluster, TRAIN)
    refused(cluster, TRAIN)
    cluster.eventless()
    return "secret-missing", workload(TRAIN)


@in_shop
def secret_of_a_volume_missing(cluster: Cluster) -> tuple[str, str]:
    cluster.spec_of_pods("cart", volumes=[{"name": "keys", "secret": {"secretName": "cart-keys"}}])
    cluster.containers("cart", volumeMounts=[{"name": "keys", "mountPath": "/keys"}])
    cluster.pending("cart", node_name="node-a")
    for name in cluster.pods_of("cart"):
        cluster.logs.pop(f"{NAMESPACE}/{name}/cart")
    told(cluster, "cart", "FailedMount", 'MountVolume.SetUp failed for volume "keys" : secret "cart-keys" not found')
    grpc_dial(cluster, "web", "GetCart", "dial tcp 10.96.3.3:7070: connect: connection refused")
    return "secret-missing", workload("cart")


@in_shop
def key_of_a_secret_missing(cluster: Cluster) -> tuple[str, str]:
    reference = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "pay", "key": "token"}}}
    cluster.containers("checkout", env=[*envs(cluster, "checkout"), reference])
    cluster.add(thing("Secret", "pay", type="Opaque", data={"tokne": ""}))
    text = "couldn't find key token in Secret shop/pay"
    cluster.status("checkout", state=waiting("CreateContainerConfigError", text))
    told(cluster, "checkout", "Failed", f"Error: {text}")
    speak(cluster, "checkout", "", anew=True)
    grpc_dial(cluster, "web", "PlaceOrder", "dial tcp 10.96.3.4:5050: connect: connection refused")
    return "secret-missing", workload("checkout")


def _scaled(cluster: Cluster, app: str) -> None:
    """Scale a Deployment to nothing."""
    cluster.edit("Deployment", app, spec={"replicas": 0}, status={"replicas": 0})
    cluster.edit("ReplicaSet", f"{app}-5d9c7b6f4", spec={"replicas": 0}, status={"replicas": 0})
    gone(cluster, app)


@in_railway
def station_scaled_to_nothing(cluster: Railway) -> tuple[str, str]:
    name = "tk-station-service"
    _scaled(cluster, name)
    say(cluster, "ScalingReplicaSet", f"Scaled down replica set {name}-5d9c7b6f4 to 0 from 1", about=("Deployment", name), type="Normal", count=1)  # fmt: skip
    refused(cluster, name)
    return "scaled-to-zero", workload(name)


@in_railway
def price_scaled_to_nothing_behind_a_load_balancer(cluster: Railway) -> tuple[str, str]:
    name = "tk-price-service"
    _scaled(cluster, name)
    cluster.eventless()
    cluster.complain(name, f'feign.FeignException$ServiceUnavailable: [503] during [GET] to [http://{name}/api/v1/price] [PriceClient#query(String)]: [Load balancer does not contain an instance for the service {name}]\n')  # fmt: skip
    return "scaled-to-zero", workload(name)


@in_shop
def cart_scaled_to_nothing(cluster: Cluster) -> tuple[str, str]:
    _scaled(cluster, "cart")
    grpc_dial(cluster, "web", "GetCart", "dial tcp 10.96.3.3:7070: connect: connection refused")
    grpc_dial(cluster, "checkout", "EmptyCart", "dial tcp 10.96.3.3:7070: i/o timeout")
    return "scaled-to-zero", workload("cart")


@in_shop
def cache_scaled_to_nothing(cluster: Cluster) -> tuple[str, str]:
    _scaled(cluster, "cart-cache")
    speak(cluster, "cart", each("fail: cartservice.cartstore.RedisCartStore[0]\n      § StackExchange.Redis.RedisConnectionException: It was not possible to connect to the redis server(s). Error connecting right now. ConnectTimeout"))  # fmt: skip
    speak(
        cluster,
        "web",
        each("2030-05-01T§Z ERROR rpc error: code = FailedPrecondition desc = Can't access cart storage"),
    )
    return "scaled-to-zero", workload("cart-cache")
