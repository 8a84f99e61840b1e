"""Flows from access logs and metrics of a small shop; healthy ones are not told."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from looking import Seen, look
from shop import deployment, pod, service, workload

from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.user_flow import UserFlowAgent, register_agents

SHOP = [
    deployment("web"),
    workload("ReplicaSet", "web-5d", labels={"app": "web"}, owner=("Deployment", "web")),
    *(pod(f"web-5d-{number}", labels={"app": "web"}, owner=("ReplicaSet", "web-5d")) for number in (1, 2)),
    service("web"),
    service("orders"),
]


def line(path: str, status: int, second: int = 0, seconds: float = 0.01, method: str = "GET", hour: int = 11) -> str:
    at = f"01/May/2030:{hour:02}:{50 + second // 60:02}:{second % 60:02} +0000"
    return f'10.0.0.1 - - [{at}] "{method} {path} HTTP/1.1" {status} 19 "-" "-" rt={seconds}'


def flows(folder: Path, lines: Iterable[str], metrics: str = "", more: dict[str, str] | None = None) -> Seen:
    logs = {"shop/web-5d-1/app": "\n".join(lines) + "\n", **(more or {})}
    return look(UserFlowAgent(), folder, *SHOP, logs=logs, metrics=metrics)


def test_the_plugin_registers_the_agent() -> None:
    (agent,) = register_agents(Settings())

    assert agent.name == "user-flow"


def test_a_failing_route_is_told_with_its_times_over_all_pods(tmp_path: Path) -> None:
    first = [line("/orders/1", 200, 0), line("/orders/2", 503, 10), line("/orders/3", 503, 20), line("/", 200, 21)]
    second = line("/orders/77", 500, 30) + "\n"
    seen = flows(
        tmp_path,
        first,
        more={"shop/web-5d-2/app": second, "shop/gone-1/app": second, "shop/web-5d-1/app-previous": second},
    )

    errors = seen.only("flow.errors")
    assert errors.component == "deployment/shop/web"
    assert errors.attributes == {
        "route": "GET /orders/*", "status_class": "5xx", "status_code": 503, "count": 3, "total": 4, "ratio": 0.75,
        "first_at": "2030-05-01T11:50:10Z", "last_at": "2030-05-01T11:50:30Z", "callee": "service/shop/orders",
        "origin": "access-log",
    }  # fmt: skip
    assert errors.observed_at is not None
    assert ("flow.errors", "deployment/shop/web") in seen.coverage


def test_a_route_that_is_not_found_is_told(tmp_path: Path) -> None:
    seen = flows(tmp_path, [line("/api/v1/orders", 404, second) for second in range(5)])

    assert seen.only("flow.errors").attributes["status_class"] == "4xx"


@pytest.mark.parametrize(
    "lines",
    [
        [line("/orders", 200, second) for second in range(30)],
        [line("/orders", 500), line("/orders", 500)],
        [*(line("/orders", 200, second) for second in range(100)), *(line("/orders", 500, 100) for _ in range(3))],
        [*(line("/orders", 500, second) for second in range(4)), *(line("/orders", 200, 50) for _ in range(20))],
        [*(line("/orders", 404, second) for second in range(4)), *(line("/orders", 200, 50) for _ in range(20))],
        [line("/orders", 401, second) for second in range(9)],
        [line("/healthz", 503, second) for second in range(9)],
        [line("/actuator/health", 503, second) for second in range(9)],
        [line("/orders", 500, second, hour=9) for second in range(9)],
        ["started", "listening on 8080"],
        [line("/orders", 500, second) for second in range(9)] + ["quiet"] * 300,
    ],
    ids=[
        "healthy", "too few", "too small a share", "over already", "some not found", "not signed in", "probes",
        "actuator", "before the window", "no access log", "not lately",
    ],
)  # fmt: skip
def test_healthy_and_old_flows_are_left_out(tmp_path: Path, lines: list[str]) -> None:
    assert flows(tmp_path, lines).facts == []


def test_times_without_zone_and_lines_without_time_count(tmp_path: Path) -> None:
    lines = [
        "2030-05-01 03:00:00 GET /orders 500 3 ms",
        "GET /orders 500 3 ms",
        '{"path":"/orders","status":500,"method":"GET"}',
    ]

    assert flows(tmp_path, lines).only("flow.errors").attributes["count"] == 3


def test_a_route_that_slows_down_is_told(tmp_path: Path) -> None:
    quick = [line("/orders", 200, second, 0.02) for second in range(20)]
    slow = [line("/orders", 200, 20 + second, 0.9) for second in range(20)]
    steady = [line("/", 200, second, 0.9) for second in range(30)]
    few = [line("/few", 200, second, second) for second in range(10)]
    seen = flows(tmp_path, [*quick, *slow, *steady, *few])

    told = seen.only("flow.slow")
    assert told.attributes == {
        "route": "GET /orders", "before_seconds": 0.02, "after_seconds": 0.9, "quantile": 0.5, "count": 40,
        "callee": "service/shop/orders", "origin": "access-log",
    }  # fmt: skip


def gauge(name: str, values: list[float], **labels: str) -> str:
    told = ",".join(f'{key}="{value}"' for key, value in {"namespace": "shop", **labels}.items())
    begun = 1903865400
    return "".join(f"{name}{{{told}}} {value} {begun + 15 * place}\n" for place, value in enumerate(values))


def test_a_share_of_success_that_drops_is_told(tmp_path: Path) -> None:
    text = (
        "# TYPE workload_request_success_ratio gauge\n"
        + gauge("workload_request_success_ratio", [1.0] * 20 + [0.6] * 10, workload="web")
        + gauge("workload_request_success_ratio", [0.99, 1.0] * 15, workload="orders")
        + "# TYPE http_error_percent gauge\n"
        + gauge("http_error_percent", [0.0] * 5, workload="web")
        + "# EOF\n"
    )
    errors = flows(tmp_path, [], metrics=text).only("flow.errors")

    assert errors.component == "deployment/shop/web"
    assert errors.attributes["ratio"] == 0.4
    assert errors.attributes["origin"] == "metrics"
    assert "route" not in errors.attributes


def test_a_counter_that_gains_server_errors_is_told_by_route(tmp_path: Path) -> None:
    name = "http_requests_total"
    text = (
        f"# TYPE {name.removesuffix('_total')} counter\n"
        + gauge(name, [0, 0, 5, 10], workload="web", code="500", uri="/orders")
        + gauge(name, [10, 20, 25, 3], workload="web", code="200", uri="/orders")
        + gauge(name, [10, 20, 30, 40], workload="web", code="200", uri="/")
        + gauge(name, [0, 1, 1, 1], workload="web", code="503", uri="/")
        + gauge(name, [1, 2, 3, 4], workload="web", code="unknown", uri="/x")
        + gauge(name, [0, 9, 9, 9], workload="gone", code="500")
        + "# EOF\n"
    )
    seen = flows(tmp_path, [], metrics=text)

    errors = seen.only("flow.errors")
    assert ("flow.errors", "deployment/shop/web") in seen.coverage
    assert errors.attributes == {
        "route": "/orders", "status_class": "5xx", "status_code": 500, "ratio": round(10 / 28, 4), "count": 10, "total": 28,
        "first_at": "2030-05-01T11:30:30Z", "origin": "metrics",
    }  # fmt: skip


def test_nothing_is_told_of_other_namespaces(tmp_path: Path) -> None:
    metrics = gauge("request_success_ratio", [1.0] * 20 + [0.6] * 10, namespace="other", workload="mail") + "# EOF\n"
    seen: Seen = look(UserFlowAgent(), tmp_path, deployment("mail", namespace="other"), metrics=metrics)

    assert seen.facts == []
