"""Which series tell of requests: names of real exporters, and names of look-alikes."""

from __future__ import annotations

import re

import pytest

from sre_orchestrator.plugins.sources.http_series import SERVERS, part_of


@pytest.mark.parametrize(
    ("name", "server", "form"),
    [
        ("nginx_ingress_controller_requests", "ingress-nginx", "requests"),
        ("nginx_ingress_controller_request_duration_seconds_bucket", "ingress-nginx", "bucket"),
        ("istio_requests_total", "istio", "requests"),
        ("istio_request_duration_milliseconds_sum", "istio", "sum"),
        ("envoy_cluster_upstream_rq_xx", "envoy, towards a service", "requests"),
        ("envoy_cluster_upstream_rq_time_bucket", "envoy, towards a service", "bucket"),
        ("envoy_http_downstream_rq_xx", "envoy, from its clients", "requests"),
        ("traefik_service_requests_total", "traefik", "requests"),
        ("response_total", "linkerd", "requests"),
        ("route_response_latency_ms_bucket", "linkerd", "bucket"),
        ("http_server_request_duration_seconds_count", "opentelemetry", "count"),
        ("http_server_duration_milliseconds_bucket", "opentelemetry, before stable conventions", "bucket"),
        ("http_request_duration_ms_bucket", "a server that counts milliseconds", "bucket"),
        ("http_requests_total", "a server", "requests"),
        ("http_server_requests_seconds_count", "a server", "count"),
        ("flask_http_request_total", "a server", "requests"),
        ("grpc_server_handled_total", "a server", "requests"),
        ("http_request_duration_seconds_bucket", "a server", "bucket"),
    ],
)
def test_series_of_requests_are_known_by_name(name: str, server: str, form: str) -> None:
    part = part_of(name)

    assert part is not None
    assert (part.row.server, part.form) == (server, form)


@pytest.mark.parametrize(
    "name",
    [
        "http_client_request_duration_seconds_bucket", "promhttp_metric_handler_requests_total", "up",
        "rest_client_requests_total", "apiserver_request_total", "container_cpu_usage_seconds_total",
        "kube_pod_container_resource_requests", "prometheus_http_requests_total", "process_start_time_seconds",
    ],
)  # fmt: skip
def test_other_series_are_not(name: str) -> None:
    assert part_of(name) is None


def test_each_row_can_be_asked_for_by_name_and_labels() -> None:
    for row in SERVERS:
        assert re.compile(f"{row.requests}|{row.durations}")
        assert row.codes
        assert len(row.labels) == len(set(row.labels))
