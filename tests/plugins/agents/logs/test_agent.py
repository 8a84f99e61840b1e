"""The logs agent on snapshots: what it says of troubled pods, and that it is silent on healthy ones."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import container, container_status, deployment, patch, pod, service, thing, workload, write

from sre_orchestrator.core.models import Question
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.logs import register_agents
from sre_orchestrator.plugins.agents.logs.agent import TROUBLED_BYTES
from sre_orchestrator.plugins.agents.logs.summary import MAX_GROUPS

Json = dict[str, Any]
(AGENT,) = register_agents(settings=Settings())
CRASHED = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2030-05-01T11:58:00Z"}}
LONG_AGO = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2030-05-01T03:00:00Z"}}
WAITING = {"waiting": {"reason": "CrashLoopBackOff"}}
RUNNING = {"running": {"startedAt": "2030-05-01T11:00:00Z"}}
DENIED = (
    "2030-05-01T11:57:10Z ERROR java.sql.SQLException: Access denied for user 'shop'@'10.0.0.9' (using password: YES)\n"
)


def app(
    name: str, *, state: Json | None = None, last: Json | None = None, ready: bool = True, **fields: Any
) -> list[Json]:
    """Return a Deployment with its ReplicaSet and one pod."""
    inside = container(env=[{"name": key, "value": value} for key, value in fields.pop("env", {}).items()])
    status = container_status(ready=ready, state=state or RUNNING, last=last)
    return [
        deployment(name, containers=[inside]),
        workload("ReplicaSet", f"{name}-abc", labels={"app": name}, owner=("Deployment", name)),
        pod(
            f"{name}-abc-1",
            containers=[inside],
            labels={"app": name},
            owner=("ReplicaSet", f"{name}-abc"),
            statuses=[status],
            ready=ready,
            **fields,
        ),
    ]


def database(
    name: str = "db", image: str = "docker.io/library/mysql:8.0", *, ready: bool = True, port: int = 3306
) -> list[Json]:
    """Return a StatefulSet of a database with its service and one pod."""
    inside = container("server", image)
    return [
        workload("StatefulSet", name, containers=[inside]),
        service(name, port=port, spec={"clusterIP": "10.96.0.7"}),
        pod(
            f"{name}-0",
            containers=[inside],
            labels={"app": name},
            owner=("StatefulSet", name),
            ready=ready,
            status={"podIP": "10.0.0.4"},
        ),
    ]


def seen(folder: Path, *objects: Json, logs: dict[str, str], **more: Any) -> Seen:
    return look(AGENT, folder, *objects, logs={f"shop/{name}": text for name, text in logs.items()}, **more)


def test_a_crashed_container_leaves_last_words_in_its_previous_log(tmp_path: Path) -> None:
    found = seen(
        tmp_path,
        *app("orders", state=WAITING, last=CRASHED, ready=False),
        *database(),
        logs={"orders-abc-1/app-previous": "2030-05-01T11:57:00Z INFO starting\n" + DENIED, "db-0/server": "ready\n"},
    )

    line = found.only("log.line")
    assert line.component == "pod/shop/orders-abc-1"
    assert {key: line.attributes[key] for key in ("class", "workload", "last_words", "previous", "family", "user")} == {
        "class": "access-denied",
        "workload": "deployment/shop/orders",
        "last_words": True,
        "previous": True,
        "family": "mysql",
        "user": "shop",
    }
    assert (line.attributes["service"], line.attributes["callee"]) == ("service/shop/db", "statefulset/shop/db")
    assert (line.attributes["named"], line.attributes["server"], line.attributes["relayed"]) == (False, False, False)
    assert line.query == "kubectl logs orders-abc-1 -c app -n shop --previous"
    assert found.only("log.failing_calls").attributes["callee"] == "service/shop/db"


def test_the_log_of_a_waiting_container_is_that_of_the_run_that_ended(tmp_path: Path) -> None:
    found = seen(
        tmp_path,
        *app("orders", state=WAITING, last=CRASHED, ready=False),
        logs={"orders-abc-1/app": "KeyError: 'DATABASE_URL'\n"},
    )

    line = found.only("log.line")
    assert (line.attributes["class"], line.attributes["name"], line.attributes["last_words"]) == (
        "missing-environment",
        "DATABASE_URL",
        True,
    )
    assert str(line.observed_at) == "2030-05-01 11:58:00+00:00"
    assert found.of("log.failing_calls") == []


def test_an_error_of_no_class_counts_as_last_words_only(tmp_path: Path) -> None:
    text = "2030-05-01T11:57:10Z ERROR the frobnicator broke\n"
    ended = seen(
        tmp_path / "a", *app("orders", state=WAITING, last=CRASHED, ready=False), logs={"orders-abc-1/app": text}
    )
    running = seen(tmp_path / "b", *app("orders", ready=False), logs={"orders-abc-1/app": text})

    assert ended.only("log.line").attributes["class"] == "error"
    assert running.of("log.line") == []


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("dial tcp 10.96.0.7:3307: connect: connection refused", "10.96.0.7"),
        ("dial tcp 10.0.0.4:3307: connect: connection refused", "10.0.0.4"),
        ("Can't connect to MySQL server on 'db:3307' ([Errno 111] Connection refused)", "db"),
        ("Can't connect to MySQL server on 'db-0.db:3307' ([Errno 111] Connection refused)", "db-0.db"),
        ("ECONNREFUSED while opening mysql://db.shop.svc.cluster.local:3307/orders", "db.shop.svc.cluster.local"),
        ("Failed to connect to 10.96.0.7:3307 (actively refused it)", "10.96.0.7"),
    ],
)
def test_host_names_and_addresses_lead_to_the_service(tmp_path: Path, address: str, host: str) -> None:
    found = seen(
        tmp_path,
        *app("orders", ready=False),
        *database(),
        logs={"orders-abc-1/app": f"2030-05-01T11:57:10Z ERROR {address}\n"},
    )

    attributes = found.only("log.line").attributes
    assert (attributes["host"], attributes["port"]) == (host, 3307)
    assert (attributes["service"], attributes["named"], attributes["family"]) == ("service/shop/db", True, "mysql")


def test_an_unknown_host_is_no_service(tmp_path: Path) -> None:
    found = seen(
        tmp_path,
        *app("orders", ready=False),
        logs={"orders-abc-1/app": "2030-05-01T11:57:10Z ERROR lookup pay.example.com on 10.96.0.10:53: no such host\n"},
    )

    assert "service" not in found.only("log.line").attributes
    assert found.only("log.failing_calls").attributes["callee"] == "pay.example.com"


def meant(folder: Path, *objects: Json, log: str = DENIED, **more: Any) -> object:
    """Return the service that the line of ``orders`` is taken to mean."""
    logs = {"orders-abc-1/app": log}
    return seen(folder, *objects, logs=logs, **more).only("log.line").attributes.get("service")


def test_configuration_and_topology_tell_which_of_two_servers_is_meant(tmp_path: Path) -> None:
    both = [*database(), *database("users-db")]
    configured = app("orders", ready=False, env={"DB_HOST": "users-db"})
    plain = app("orders", ready=False)

    assert meant(tmp_path / "a", *configured, *both) == "service/shop/users-db"
    assert meant(tmp_path / "b", *plain, *both) is None
    assert meant(tmp_path / "c", *plain, *both, topology={"orders": ["db"]}) == "service/shop/db"


def test_a_server_that_others_are_configured_with_is_not_that_of_a_client_with_hidden_settings(tmp_path: Path) -> None:
    both = [*database(), *database("users-db")]
    users = app("users", env={"DB_HOST": "users-db"})

    assert meant(tmp_path / "a", *app("orders", ready=False), *users, *both) == "service/shop/db"


def test_a_server_that_the_log_mentions_is_meant(tmp_path: Path) -> None:
    both = [*database(), *database("users-db")]
    log = "2030-05-01T11:57:09Z INFO connecting to jdbc:mysql://users-db:3306/orders\n" + DENIED

    assert meant(tmp_path, *app("orders", ready=False), *both, log=log) == "service/shop/users-db"


def test_a_host_that_does_not_exist_is_not_replaced_by_a_guess(tmp_path: Path) -> None:
    log = "2030-05-01T11:57:10Z ERROR Unknown MySQL server host 'dbx' (-2)\n"

    assert meant(tmp_path, *app("orders", ready=False), *database(), log=log) is None


def test_what_a_database_says_of_itself_is_a_failing_call_of_its_client(tmp_path: Path) -> None:
    log = (
        '2030-05-01T11:57:10Z ERROR psycopg2.errors.DiskFull: could not extend file "base/1": No space left on device\n'
    )
    server = database(image="postgres:16", port=5432)

    found = seen(tmp_path, *app("orders", ready=False), *server, logs={"orders-abc-1/app": log})

    assert found.only("log.failing_calls").attributes["callee"] == "service/shop/db"


def test_a_quoted_answer_of_a_callee_names_no_callee_of_ours(tmp_path: Path) -> None:
    text = "2030-05-01T11:57:10Z ERROR rpc error: code = Internal desc = Access denied for user 'shop'@'10.0.0.9' at db:3306\n"

    found = seen(tmp_path, *app("web", ready=False), *database(), logs={"web-abc-1/app": text})

    attributes = found.only("log.line").attributes
    assert (attributes["class"], attributes["relayed"]) == ("access-denied", True)
    assert {"service", "host", "family"} & attributes.keys() == set()
    assert "callee" not in found.only("log.failing_calls").attributes


@pytest.mark.parametrize(
    "said",
    [
        "http: TLS handshake error from 10.0.1.9:51514: remote error: tls: unknown certificate authority",
        "[warn] TLS handshake failed: error:0A000418:SSL routines::tlsv1 alert unknown ca",
        "javax.net.ssl.SSLHandshakeException: Received fatal alert: certificate_unknown",
    ],
)
def test_an_alert_of_a_peer_that_does_not_trust_a_certificate_is_the_peers_word(tmp_path: Path, said: str) -> None:
    text = f"2030-05-01T11:57:10Z ERROR {said}\n"

    found = seen(tmp_path, *app("web", ready=False), logs={"web-abc-1/app": text})

    attributes = found.only("log.line").attributes
    assert (attributes["class"], attributes["relayed"]) == ("certificate-unknown-authority", True)


def test_a_key_that_looks_like_the_containers_own_address_is_no_callee(tmp_path: Path) -> None:
    text = "2030-05-01T11:57:10Z ERROR OOM command not allowed when used memory > 'maxmemory'. args: [ 'web:17' ]\n"

    found = seen(tmp_path, *app("web", ready=False), service("web"), logs={"web-abc-1/app": text})

    assert {"service", "callee", "host"} & found.only("log.line").attributes.keys() == set()


def test_a_server_that_refuses_a_client_names_it_by_its_address(tmp_path: Path) -> None:
    found = seen(
        tmp_path,
        *app("orders", status={"podIP": "10.0.0.9"}),
        *database(),
        logs={"db-0/server": DENIED + DENIED.replace("10.0.0.9", "localhost"), "orders-abc-1/app": "fine\n"},
    )

    lines = found.of("log.line", "pod/shop/db-0")
    assert sorted((str(one.attributes.get("peer")), one.attributes["server"]) for one in lines) == [
        ("None", True),
        ("deployment/shop/orders", True),
    ]
    assert found.of("log.failing_calls") == []


def test_servers_are_known_by_image_or_port(tmp_path: Path) -> None:
    inside = container("x", "registry.example/our-own:1", ports=[{"containerPort": 5432}])
    exporter = container("y", "oliver006/redis_exporter:v1", ports=[{"containerPort": 6379}])

    found = seen(
        tmp_path,
        *database(ready=False),
        workload("StatefulSet", "pg", containers=[inside]),
        deployment("exporter", containers=[exporter]),
        pod("lone", containers=[container("z", "redis:7")], labels={"app": "lone"}),
        thing("Service", "outside", spec={"type": "ExternalName", "externalName": "db.example.com"}),
        logs={},
    )

    servers = {one.component: dict(one.attributes) for one in found.of("database.server")}
    assert servers == {
        "statefulset/shop/db": {"family": "mysql", "ready": 0, "service": "service/shop/db"},
        "statefulset/shop/pg": {"family": "postgres", "ready": 0},
        "pod/shop/lone": {"family": "redis", "ready": 1},
    }


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--read-only=1", "--super-read-only=ON"], {("read-only", 1)}),
        (["--max_connections=5"], {("max-connections", 5)}),
        (["-c", "default_transaction_read_only=off"], {("read-only", 0)}),
        (["--innodb-read-only=1", "--mysqlx-max-connections=5"], set()),
    ],
)
def test_a_servers_arguments_tell_its_settings(
    tmp_path: Path, arguments: list[str], expected: set[tuple[str, int]]
) -> None:
    server = workload("StatefulSet", "db", containers=[container("server", "mysql:8", args=arguments)])
    orders = app("orders", env={"DB_HOST": "db"})

    found = seen(tmp_path, server, service("db", port=3306), *orders, logs={}).of("database.setting")

    assert {(one.attributes["setting"], one.attributes["value"]) for one in found} == expected
    assert all(one.attributes["clients"] == 1 for one in found if one.attributes["setting"] == "max-connections")


def test_a_mounted_file_tells_settings_and_followers_are_left_alone(tmp_path: Path) -> None:
    files = {"my.cnf": "[mysqld]\n# read_only=1\nmax_connections = 9\n", "replica.cnf": "read_only=1\n"}
    mount = [{"name": "conf", "mountPath": "/etc/mysql/conf.d"}]
    inside = container("server", "mysql:8", volumeMounts=mount)
    volumes = [{"name": "conf", "configMap": {"name": "db-conf"}}]
    alone = workload("StatefulSet", "db", containers=[inside], spec={"template": {"spec": {"volumes": volumes}}})
    several = workload(
        "StatefulSet", "dbs", containers=[container("server", "mysql:8", args=["--read-only"])], replicas=3
    )

    found = seen(tmp_path, alone, several, thing("ConfigMap", "db-conf", data=files), logs={}).of("database.setting")

    assert [(one.component, one.attributes["setting"], one.attributes["value"]) for one in found] == [
        ("statefulset/shop/db", "max-connections", 9)
    ]


def test_a_healthy_pod_that_got_over_its_start_is_silent(tmp_path: Path) -> None:
    start = "".join(
        f"2030-05-01T11:00:{second:02}Z ERROR dial tcp 10.96.0.7:3306: connect: connection refused\n"
        for second in range(9)
    )
    fine = "".join(f"2030-05-01T11:{minute:02}:00Z INFO served\n" for minute in range(2, 59))

    found = seen(tmp_path, *app("orders"), *database(), logs={"orders-abc-1/app": start + fine, "db-0/server": ""})

    assert found.of("log.line") == []
    assert found.of("log.failing_calls") == []


def test_errors_of_a_ready_pod_that_go_on_are_reported_with_count_and_times(tmp_path: Path) -> None:
    text = "".join(
        f"2030-05-01T11:{minute:02}:00Z ERROR dial tcp 10.96.0.7:3306: connect: connection refused\n"
        for minute in range(40, 60)
    )

    line = seen(tmp_path, *app("orders"), *database(), logs={"orders-abc-1/app": text}).only("log.line")

    assert (line.attributes["count"], line.attributes["first_at"], line.attributes["last_at"]) == (
        20,
        "2030-05-01T11:40:00Z",
        "2030-05-01T11:59:00Z",
    )


def test_without_times_early_errors_of_a_ready_pod_are_history(tmp_path: Path) -> None:
    refused = "ERROR dial tcp 10.96.0.7:3306: connect: connection refused\n"
    early = seen(tmp_path / "a", *app("orders"), logs={"orders-abc-1/app": refused + "served\n" * 200})
    late = seen(tmp_path / "b", *app("orders"), logs={"orders-abc-1/app": "served\n" * 200 + refused})

    assert early.of("log.line") == []
    assert late.only("log.line").attributes["class"] == "connection-refused"


def test_lines_before_the_window_and_runs_that_ended_before_it_do_not_count(tmp_path: Path) -> None:
    old = seen(tmp_path / "a", *app("orders", ready=False), logs={"orders-abc-1/app": DENIED.replace("T11", "T09")})
    gone = seen(tmp_path / "b", *app("orders", last=LONG_AGO), logs={"orders-abc-1/app-previous": "panic: boom\n"})

    assert old.of("log.line") == []
    assert gone.of("log.line") == []


def test_local_times_that_run_ahead_are_taken_as_such(tmp_path: Path) -> None:
    text = DENIED.replace("T11", " 19").replace("Z ERROR", ",123 ERROR")

    line = seen(tmp_path, *app("orders", ready=False), logs={"orders-abc-1/app": text}).only("log.line")

    assert str(line.attributes["first_at"]).startswith("2030-05-01T11:")


def test_logs_of_other_pods_and_finished_jobs_are_left_out(tmp_path: Path) -> None:
    done = pod("job-1", phase="Succeeded", ready=False)

    found = seen(
        tmp_path, done, logs={"job-1/app": "panic: x\n", "gone-1/app": "panic: x\n", "job-1/other": "panic: x\n"}
    )

    assert found.facts == []


def test_debug_lines_and_noisy_classes_at_info_do_not_count(tmp_path: Path) -> None:
    text = (
        "2030-05-01T11:57:10Z DEBUG dial tcp 10.96.0.7:3306: connect: connection refused\n"
        "2030-05-01T11:57:11Z INFO request failed with status code 404\n"
    )

    assert seen(tmp_path, *app("orders", ready=False), logs={"orders-abc-1/app": text}).of("log.line") == []


def test_listening_ports_and_start_times_are_read_from_the_head(tmp_path: Path) -> None:
    text = (
        "2030-05-01T11:00:00Z INFO Tomcat initialized with port(s): 8080 (http)\n"
        "2030-05-01T11:00:01Z INFO Tomcat started on port(s): 8080 (http)\n"
        "2030-05-01T11:00:42Z INFO Started OrdersApplication in 42.1 seconds (JVM running for 44.0)\n"
        "2030-05-01T11:00:43Z INFO Server startup in [31415] milliseconds\n"
        "2030-05-01T11:00:44Z INFO Listening on :99999\n"
    )

    found = seen(tmp_path, *app("orders"), logs={"orders-abc-1/app": text})

    listening = {one.attributes["planned"]: one.attributes for one in found.of("log.listening")}
    assert {key: (one["port"], one["protocol"]) for key, one in listening.items()} == {
        True: (8080, "http"),
        False: (8080, "http"),
    }
    assert sorted(one.attributes["took_seconds"] for one in found.of("log.started")) == [31.415, 42.1]


def test_of_many_groups_the_most_telling_are_kept(tmp_path: Path) -> None:
    text = "".join(
        f"2030-05-01T11:57:10Z ERROR lookup host{number}.example.com: no such host\n" for number in range(50)
    )

    assert (
        len(seen(tmp_path, *app("orders", ready=False), logs={"orders-abc-1/app": text}).of("log.line")) == MAX_GROUPS
    )


def test_secrets_in_a_sample_are_removed(tmp_path: Path) -> None:
    text = "2030-05-01T11:57:10Z ERROR connection refused: postgres://shop:hunter2@db:5432/orders\n"

    sample = (
        seen(tmp_path, *app("orders", ready=False), logs={"orders-abc-1/app": text})
        .only("log.line")
        .attributes["sample"]
    )

    assert "hunter2" not in str(sample)


def test_coverage_needs_the_whole_log_of_every_container_that_ran(tmp_path: Path) -> None:
    both = [
        *app("orders"),
        *app("web"),
        pod("new-1", statuses=[container_status(ready=False, state=WAITING)], ready=False),
    ]
    logs = {"orders-abc-1/app": "", "web-abc-1/app": ""}

    assert ("log.line", "namespace/shop") in seen(tmp_path / "a", *both, logs=logs).coverage
    one = seen(tmp_path / "b", *both, logs={"orders-abc-1/app": ""}).coverage
    assert ("log.line", "pod/shop/orders-abc-1") in one
    assert ("log.line", "namespace/shop") not in one
    samples = seen(tmp_path / "c", *both, logs=logs, coverage={"logs": "error-samples"}).coverage
    assert {scope for kind, scope in samples if kind == "log.line"} <= {"pod/shop/new-1"}


def test_a_log_of_noise_is_safe_and_what_is_beyond_the_end_that_is_read_costs_nothing(tmp_path: Path) -> None:
    objects = app("orders", ready=False)
    seen(tmp_path, *objects, logs={"orders-abc-1/app": ""})
    path = tmp_path / "cluster-resources" / "pods" / "logs" / "shop" / "orders-abc-1" / "app.log"
    huge = b"{" + b"\xff\x00error:" * 1_500_000 + b"\n"
    flood = b"".join(b"2030-05-01T11:%02d:%02dZ ERROR failed %d\n" % (n // 60 % 60, n % 60, n) for n in range(100_000))
    write(path, huge + flood + DENIED.encode())

    begun = time.process_time()
    found = look(AGENT, tmp_path, *objects)
    spent = time.process_time() - begun

    assert path.stat().st_size > 10 * TROUBLED_BYTES
    assert "access-denied" in {one.attributes["class"] for one in found.of("log.line")}
    assert spent < 5


def test_a_pod_of_an_operators_resource_is_blamed_on_it(tmp_path: Path) -> None:
    one = patch(pod("pg-1", labels={"app": "pg"}, owner=("Cluster", "pg"), ready=False), spec={"nodeName": ""})

    line = seen(tmp_path, one, logs={"pg-1/app": "panic: boom\n"}).only("log.line")

    assert line.attributes["workload"] == "cluster/shop/pg"
    assert "node" not in line.attributes


def test_a_log_whose_end_alone_was_read_is_read_further_when_it_is_asked_about(tmp_path: Path) -> None:
    usual = "".join(f"2030-05-01T11:58:00Z INFO request {number} done\n" for number in range(60_000))
    logs = {"orders-abc-1/app": DENIED + usual, "web-abc-1/app": DENIED}
    both, pods = [*app("orders"), *app("web"), *database()], ("pod/shop/orders-abc-1", "pod/shop/web-abc-1")

    first = seen(tmp_path / "a", *both, logs=logs)
    second = seen(
        tmp_path / "b", *both, logs=logs, questions=[Question(kind="log.line", component="deployment/shop/orders")]
    )

    assert [bool(first.of("log.line", one)) for one in pods] == [False, True]
    assert [("log.line", one) in first.coverage for one in pods] == [False, True]
    assert [bool(second.of("log.line", one)) for one in pods] == [True, False]
    assert ("log.line", "namespace/shop") not in second.coverage
    assert ("log.line", pods[0]) in second.coverage


def test_a_servers_log_of_slow_statements_is_its_own(tmp_path: Path) -> None:
    log = "".join(
        f"# Time: 2030-05-01T11:{minute}:01.123456Z\n# User@Host: orders[orders] @  [10.0.1.7]  Id:   812\n"
        "# Query_time: 9.412337  Lock_time: 0.000004 Rows_sent: 1  Rows_examined: 48211345\nSELECT 1;\n"
        for minute in range(50, 59)
    )

    found = seen(tmp_path, *database(image="mariadb:11", port=3306), logs={"db-0/server": log})

    line = found.only("log.line").attributes
    assert (line["class"], line["count"], line["server"], line["family"]) == ("slow-statement", 9, True, "mysql")
    assert found.of("log.failing_calls") == []


def test_fast_statements_are_not_told(tmp_path: Path) -> None:
    log = (
        "2030-05-01 11:58:01.771 UTC [61] LOG:  duration: 12.338 ms  statement: SELECT 1\n"
        "# Query_time: 0.412337  Lock_time: 0.000004 Rows_sent: 1  Rows_examined: 2\n"
    )

    found = seen(tmp_path, *database(image="postgres:16", port=5432), logs={"db-0/server": log})

    assert found.of("log.line") == []
