"""Failing and slow flows from the series of proxies, meshes and servers; steady ones are not told."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from sre_orchestrator.core.settings import Objective
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.agents.user_flow.answered import Named, quantile, tallies
from sre_orchestrator.plugins.agents.user_flow.declared import DeclaredFlow, DeclaredFlows
from sre_orchestrator.plugins.agents.user_flow.measured import Measured, MeasuredSlow, measured_in
from sre_orchestrator.plugins.objects.meta import Meta, Owner
from sre_orchestrator.plugins.objects.network import Service, ServiceSpec
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.workloads import Deployment, ReplicaSet
from sre_orchestrator.plugins.sources.ports import Series

CART, GATEWAY = "deployment/shop/cart", "deployment/edge/gateway"
STEPS = 40
EVERY = 30.0
STEADY = tuple(100.0 * step for step in range(STEPS))
QUIET = (0.0,) * STEPS
LATELY = (0.0,) * 32 + tuple(50.0 * step for step in range(1, 9))


def deployment(name: str, space: str) -> Deployment:
    return Deployment(metadata=Meta(name=name, namespace=space))


def pod(name: str, space: str, app: str) -> Pod:
    return Pod(
        metadata=Meta(
            name=name,
            namespace=space,
            labels={"app": app},
            owner_references=(Owner(kind="ReplicaSet", name=f"{app}-5d", controller=True),),
        )
    )


def service(name: str, space: str) -> Service:
    return Service(metadata=Meta(name=name, namespace=space), spec=ServiceSpec(selector={"app": name}))


def owned(app: str, space: str) -> ReplicaSet:
    return ReplicaSet(
        metadata=Meta(
            name=f"{app}-5d", namespace=space, owner_references=(Owner(kind="Deployment", name=app, controller=True),)
        )
    )


PLACES = Places(
    [pod("cart-5d-1", "shop", "cart"), pod("gateway-5d-1", "edge", "gateway")],
    [],
    [deployment("cart", "shop"), deployment("gateway", "edge"), owned("cart", "shop"), owned("gateway", "edge")],
    [service("cart", "shop"), service("shop-web", "shop")],
)
NAMED = Named({("shop", "cart"), ("shop", "shop-web")}, {("shop", "front")})


def counter(name: str, values: Sequence[float], begin: float = 0.0, **labels: str) -> Series:
    times = begin + EVERY * np.arange(len(values), dtype=np.float64)
    return Series(name=name, labels=labels, times=times, values=np.array(values, dtype=np.float64))


def told(series: Iterable[Series], *flows: DeclaredFlow) -> list[Measured | MeasuredSlow]:
    every = list(series)
    return list(measured_in(every, PLACES, tallies(every, PLACES, NAMED), DeclaredFlows(flows)))


PUBLISHED = {
    "ingress-nginx": (
        "nginx_ingress_controller_requests",
        {
            "exported_namespace": "shop",
            "namespace": "edge",
            "ingress": "front",
            "exported_service": "cart",
            "path": "/cart",
            "host": "shop.example",
            "pod": "gateway-5d-1",
        },
        "status",
        ("ingress/shop/front", "service/shop/cart", "/cart"),
    ),
    "ingress-nginx, an ingress that is gone": (
        "nginx_ingress_controller_requests",
        {"namespace": "shop", "ingress": "old", "service": "cart"},
        "status",
        (CART, "service/shop/cart", ""),
    ),
    "istio": (
        "istio_requests_total",
        {
            "reporter": "source",
            "destination_workload": "cart",
            "destination_workload_namespace": "shop",
            "destination_service_name": "cart",
            "source_workload": "gateway",
            "namespace": "edge",
        },
        "response_code",
        (CART, "service/shop/cart", ""),
    ),
    "envoy in istio": (
        "envoy_cluster_upstream_rq",
        {
            "envoy_cluster_name": "outbound|8080|v1|cart.shop.svc.cluster.local",
            "namespace": "edge",
            "pod": "gateway-5d-1",
        },
        "envoy_response_code",
        (CART, "service/shop/cart", ""),
    ),
    "envoy of a gateway": (
        "envoy_cluster_upstream_rq_xx",
        {"envoy_cluster_name": "httproute/shop/front/rule/0", "namespace": "edge", "pod": "gateway-5d-1"},
        "envoy_response_code_class",
        (GATEWAY, "", "front"),
    ),
    "contour": (
        "envoy_cluster_upstream_rq_xx",
        {"envoy_cluster_name": "shop/cart/80/da39a3ee5e", "namespace": "edge"},
        "envoy_response_code_class",
        (CART, "service/shop/cart", ""),
    ),
    "envoy from its clients": (
        "envoy_http_downstream_rq_xx",
        {"namespace": "edge", "pod": "gateway-5d-1"},
        "envoy_response_code_class",
        (GATEWAY, "", ""),
    ),
    "traefik": (
        "traefik_service_requests_total",
        {"service": "shop-cart-8080@kubernetes", "method": "GET"},
        "code",
        (CART, "service/shop/cart", ""),
    ),
    "traefik, a service with a dash": (
        "traefik_service_requests_total",
        {"exported_service": "shop-shop-web-http@kubernetescrd"},
        "code",
        ("service/shop/shop-web", "service/shop/shop-web", ""),
    ),
    "linkerd": (
        "response_total",
        {"direction": "inbound", "deployment": "cart", "namespace": "shop"},
        "status_code",
        (CART, "", ""),
    ),
    "opentelemetry": (
        "http_server_request_duration_seconds_count",
        {
            "http_request_method": "GET",
            "http_route": "/cart/{id}",
            "k8s_namespace_name": "shop",
            "k8s_deployment_name": "cart",
        },
        "http_response_status_code",
        (CART, "", "GET /cart/{id}"),
    ),
    "micrometer": (
        "http_server_requests_seconds_count",
        {"method": "GET", "uri": "/cart", "namespace": "shop", "pod": "cart-5d-1"},
        "status",
        (CART, "", "GET /cart"),
    ),
    "a client library": (
        "http_requests_total",
        {"handler": "/cart", "namespace": "shop", "pod": "cart-5d-1"},
        "code",
        (CART, "", "/cart"),
    ),
}


@pytest.mark.parametrize("server", PUBLISHED)
def test_5xx_are_told_of_what_every_server_publishes(server: str) -> None:
    name, labels, status, (component, callee, route) = PUBLISHED[server]
    short = status.endswith("class")
    good, bad = ("2", "5") if short else ("200", "503")

    (one,) = told([counter(name, STEADY, **labels, **{status: good}), counter(name, LATELY, **labels, **{status: bad})])

    assert isinstance(one, Measured)
    assert (one.at.component, one.at.callee, one.at.route) == (component, callee, route)
    assert (one.status_class, one.status_code) == ("5xx", 0 if short else 503)
    assert one.first == 32 * EVERY
    assert one.ratio == pytest.approx(400 / (400 + 3900), abs=1e-3)


@pytest.mark.parametrize("server", PUBLISHED)
def test_steady_flows_are_not_told(server: str) -> None:
    name, labels, status, _ = PUBLISHED[server]
    good, bad, wrong = ("2", "5", "4") if status.endswith("class") else ("200", "500", "404")
    few, usual = tuple(step * 1.0 for step in range(STEPS)), tuple(step * 20.0 for step in range(STEPS))

    assert not told([
        counter(name, STEADY, **labels, **{status: good}),
        counter(name, few, **labels, **{status: bad}),
        counter(name, usual, **labels, **{status: wrong}),
    ])  # fmt: skip


WEB = {"namespace": "shop", "deployment": "cart", "handler": "/cart"}


def requests(code: str, values: Sequence[float], **more: str) -> Series:
    return counter("http_requests_total", values, code=code, **WEB, **more)


def test_a_failure_of_the_last_minutes_is_told_although_few_of_all_requests_failed() -> None:
    late = (0.0,) * 37 + (30.0, 60.0, 90.0)

    (one,) = told([requests("200", STEADY), requests("500", late)])

    assert isinstance(one, Measured)
    assert one.count == 90
    assert one.total == 90 + 1000


def test_a_failure_that_is_over_is_not_told() -> None:
    early = tuple(min(step, 10) * 30.0 for step in range(STEPS))

    assert not told([requests("200", STEADY), requests("500", early)])


def test_4xx_are_told_when_they_are_a_multiple_of_what_is_usual() -> None:
    usual = tuple(2.0 * step + max(step - 30, 0) * 50.0 for step in range(STEPS))

    (one,) = told([requests("200", STEADY), requests("404", usual)])

    assert isinstance(one, Measured)
    assert (one.status_class, one.status_code) == ("4xx", 404)


@pytest.mark.parametrize(("code", "count"), [("404", 1), ("401", 0)])
def test_4xx_that_are_the_rule_are_told_but_not_want_of_signing_in(code: str, count: int) -> None:
    found = told([requests("200", tuple(value / 10 for value in STEADY)), requests(code, STEADY)])

    assert len(found) == count


def test_a_counter_that_begins_with_the_first_error_counts_it() -> None:
    late = counter("http_requests_total", [300.0, 300.0], begin=EVERY * 38, code="500", **WEB)
    alone = counter("http_requests_total", [400.0], begin=EVERY * 39, code="502", **WEB)
    absent = counter("http_requests_total", [], code="504", **WEB)
    unknown = counter("http_requests_total", [math.nan] * STEPS, code="505", **WEB)

    (one,) = told([requests("200", STEADY), late, alone, absent, unknown])

    assert isinstance(one, Measured)
    assert (one.count, one.status_code) == (700, 502)


def test_counters_of_what_does_not_exist_or_has_no_status_are_left_out() -> None:
    gone = {"namespace": "shop", "deployment": "gone"}

    assert not told([
        counter("http_requests_total", STEADY, code="500", **gone),
        counter("http_requests_total", STEADY, **WEB),
        counter("http_requests_total", STEADY, code="unknown", **WEB),
        counter("http_requests_total", [7.0], code="500", **WEB),
    ])  # fmt: skip


def test_a_proxy_that_names_no_service_that_exists_tells_nothing() -> None:
    gone = counter("traefik_service_requests_total", STEADY, code="500", service="shop-gone-80@kubernetes")
    other = counter("traefik_service_requests_total", STEADY, code="500", service="dashboard@internal")

    assert not told([gone, other])


def test_health_checks_are_left_out() -> None:
    assert not told(
        [counter("http_requests_total", STEADY, code="500", handler="/healthz", namespace="shop", deployment="cart")]
    )


def test_the_metric_that_counted_most_tells_of_a_route() -> None:
    twice = tuple(2 * value for value in STEADY)
    both = [requests("500", STEADY), counter("http_server_handled_total", twice, code="500", **WEB)]

    (one,) = told(both)

    assert isinstance(one, Measured)
    assert one.at.metric == "http_server_handled_total"


def test_grpc_codes_are_statuses() -> None:
    handled = {"namespace": "shop", "pod": "cart-5d-1", "grpc_method": "Add"}

    (one,) = told([
        counter("grpc_server_handled_total", STEADY, grpc_code="Unavailable", **handled),
        counter("grpc_server_handled_total", STEADY, grpc_code="OK", **handled),
    ])  # fmt: skip

    assert isinstance(one, Measured)
    assert (one.status_code, one.ratio) == (503, 0.5)


def test_at_most_eight_routes_of_a_component_are_told() -> None:
    many = [
        counter("http_requests_total", STEADY, code="500", handler=f"/{number}", namespace="shop", deployment="cart")
        for number in range(20)
    ]

    assert len(told(many)) == 8


def histogram(name: str, quick: Sequence[float], slow: Sequence[float], **labels: str) -> list[Series]:
    return [
        counter(f"{name}_bucket", quick, le="0.1", **labels),
        counter(f"{name}_bucket", [a + b for a, b in zip(quick, slow, strict=True)], le="1", **labels),
        counter(f"{name}_bucket", [a + b for a, b in zip(quick, slow, strict=True)], le="+Inf", **labels),
        counter(f"{name}_bucket", quick, le="", **labels),
    ]


UNTIL_30 = tuple(100.0 * min(step, 30) for step in range(STEPS))
SINCE_30 = tuple(100.0 * max(step - 30, 0) for step in range(STEPS))


def test_a_histogram_that_slows_down_is_told() -> None:
    (one,) = told(histogram("http_request_duration_seconds", UNTIL_30, SINCE_30, **WEB))

    assert isinstance(one, MeasuredSlow)
    assert (one.before, one.after, one.quantile) == (0.095, 0.95, 0.95)
    assert one.count == 1000


def test_a_steady_histogram_is_not_told() -> None:
    assert not told(histogram("http_request_duration_seconds", STEADY, QUIET, **WEB))


def test_a_mean_that_rises_is_told_in_seconds() -> None:
    labels = {"reporter": "destination", "destination_workload": "cart", "destination_workload_namespace": "shop"}
    total = tuple(10_000.0 * min(step, 30) + 90_000.0 * max(step - 30, 0) for step in range(STEPS))
    (one,) = told([
        counter("istio_request_duration_milliseconds_sum", total, **labels),
        counter("istio_request_duration_milliseconds_count", STEADY, **labels),
    ])  # fmt: skip

    assert isinstance(one, MeasuredSlow)
    assert (one.before, one.quantile) == (0.1, None)
    assert one.after == pytest.approx(0.9, abs=0.1)


def test_counts_alone_and_few_requests_tell_no_time() -> None:
    few = tuple(value / 1000 for value in SINCE_30)

    assert not told([counter("http_request_duration_seconds_count", STEADY, **WEB)])
    assert not told(histogram("http_request_duration_seconds", QUIET, few, **WEB))


STRICT = DeclaredFlow(
    name="checkout",
    components=frozenset({CART}),
    objective=Objective(availability=0.999, latency_seconds=0.05),
)


def test_a_declared_flow_is_held_to_its_objective() -> None:
    few = tuple(1.0 * step for step in range(STEPS))

    errors, slow = told(
        [
            requests("200", STEADY),
            requests("500", few),
            *histogram("http_request_duration_seconds", STEADY, QUIET, **WEB),
        ],
        STRICT,
    )

    assert isinstance(errors, Measured) or isinstance(slow, Measured)
    assert {one.flow.name for one in (errors, slow) if one.flow} == {"checkout"}


def test_a_declared_flow_without_a_past_is_held_to_its_objective() -> None:
    (one,) = told(histogram("http_request_duration_seconds", QUIET, SINCE_30, **WEB), STRICT)

    assert isinstance(one, MeasuredSlow)
    assert one.before is None


def test_a_quantile_of_nothing_is_none() -> None:
    assert math.isnan(quantile({0.1: 0.0, math.inf: 0.0}, 0.95))
    assert quantile({0.1: 0.0, math.inf: 10.0}, 0.95) == 0.1
