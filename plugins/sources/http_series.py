"""Which series tell of HTTP requests: what servers, proxies and meshes publish, and what their labels mean.

The user-flow agent reads these, and a source of metrics should offer them as they are stored: raw
counters (no ``rate``), names unchanged, with the labels named here; series may be added up over all
other labels (``sum by``), and ``le`` must stay. The first row that fits a name decides.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sre_orchestrator.core.models import Struct


class HttpSeries(Struct, frozen=True, kw_only=True):
    """What one kind of server publishes about its requests.

    ``requests`` (a counter) and ``durations`` (a histogram without ``_bucket``, ``_sum``, ``_count``)
    are regular expressions of the whole name. ``seconds`` is the unit of the durations. The rest
    are labels, the first that is set counts. ``composites`` take the value of a label of ``services`` that
    is more than a name apart into ``namespace`` and ``service``, ``both`` (joined by a dash) or ``route``.
    """

    server: str
    requests: str = ""
    durations: str = ""
    seconds: float = 1.0
    codes: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("method",)
    hosts: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    ingresses: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()
    composites: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Return every label that the agent reads, each once."""
        return tuple(dict.fromkeys((
            *self.codes, *self.routes, *self.methods, *self.hosts, *self.namespaces, *self.services, *self.workloads,
            *self.pods, *self.ingresses, *self.sides,
        )))  # fmt: skip


class Part(Struct, frozen=True, kw_only=True):
    """What a series is of its row: the counter of requests, or a part of the durations."""

    row: HttpSeries
    form: str


OF_PODS = ("exported_namespace", "namespace", "k8s_namespace_name", "kubernetes_namespace", "pod_namespace")
OF_WORKLOADS = ("workload", "deployment", "statefulset", "daemonset", "k8s_deployment_name", "k8s_statefulset_name")
PODS = ("exported_pod", "pod", "k8s_pod_name", "kubernetes_pod_name", "pod_name")
GENERIC_CODES = ("http_response_status_code", "http_status_code", "status_code", "response_code", "code", "status")
GENERIC_ROUTES = ("http_route", "route", "uri", "handler", "path", "endpoint", "url", "grpc_method")
SERVERS: tuple[HttpSeries, ...] = (
    HttpSeries(
        server="ingress-nginx",
        requests=r"nginx_ingress_controller_requests",
        durations=r"nginx_ingress_controller_request_duration_seconds",
        codes=("status",),
        routes=("path",),
        hosts=("host",),
        namespaces=("exported_namespace", "namespace"),
        services=("exported_service", "service"),
        ingresses=("ingress",),
    ),
    HttpSeries(
        server="istio",
        requests=r"istio_requests_total",
        durations=r"istio_request_duration_milliseconds",
        seconds=1e-3,
        codes=("response_code",),
        routes=("request_operation", "route_name"),
        methods=("request_method",),
        hosts=("request_host",),
        namespaces=("destination_service_namespace", "destination_workload_namespace"),
        services=("destination_service_name",),
        workloads=("destination_workload",),
        sides=("reporter",),
    ),
    HttpSeries(
        server="envoy, towards a service",
        requests=r"envoy_cluster_upstream_rq(?:_xx)?",
        durations=r"envoy_cluster_upstream_rq_time",
        seconds=1e-3,
        codes=("envoy_response_code", "envoy_response_code_class", "response_code", "response_code_class"),
        services=("envoy_cluster_name", "cluster_name"),
        composites=(
            r"outbound\|\d+\|[^|]*\|(?P<service>[\w-]+)\.(?P<namespace>[\w-]+)\.svc(?:\.[\w.-]+)?",
            r"\w+route/(?P<namespace>[\w-]+)/(?P<route>[\w.-]+)/.*",
            r"(?P<namespace>[\w-]+)/(?P<service>[\w-]+)/\d+.*",
        ),
        namespaces=OF_PODS,
        pods=PODS,
    ),
    HttpSeries(
        server="envoy, from its clients",
        requests=r"envoy_http_downstream_rq_xx",
        durations=r"envoy_http_downstream_rq_time",
        seconds=1e-3,
        codes=("envoy_response_code_class", "response_code_class"),
        namespaces=OF_PODS,
        pods=PODS,
    ),
    HttpSeries(
        server="traefik",
        requests=r"traefik_service_requests_total",
        durations=r"traefik_service_request_duration_seconds",
        codes=("code",),
        services=("exported_service", "service"),
        composites=(r"(?P<both>[\w-]+?)-(?:\d+|http\w*|web)@kubernetes\w*", r"(?P<both>[\w-]+)@kubernetes\w*"),
    ),
    HttpSeries(
        server="linkerd",
        requests=r"(?:route_)?response_total",
        durations=r"(?:route_)?response_latency_ms",
        seconds=1e-3,
        codes=("status_code", "http_status"),
        routes=("rt_route",),
        hosts=("authority",),
        namespaces=("dst_namespace", "namespace"),
        services=("dst_service",),
        workloads=("dst_deployment", "dst_statefulset", "dst_daemonset", "deployment", "statefulset", "daemonset"),
        sides=("direction",),
    ),
    HttpSeries(
        server="opentelemetry",
        durations=r"http_server_(?:request_)?duration_seconds",
        codes=("http_response_status_code", "http_status_code"),
        routes=("http_route", "http_target"),
        methods=("http_request_method", "http_method"),
        hosts=("server_address", "http_host"),
        namespaces=("k8s_namespace_name", "exported_namespace", "namespace", "service_namespace"),
        services=("service_name", "exported_job", "job"),
        workloads=OF_WORKLOADS,
        pods=PODS,
    ),
    HttpSeries(
        server="opentelemetry, before stable conventions",
        durations=r"http_server_duration(?:_milliseconds|_ms)?",
        seconds=1e-3,
        codes=("http_response_status_code", "http_status_code"),
        routes=("http_route", "http_target"),
        methods=("http_request_method", "http_method"),
        hosts=("server_address", "http_host"),
        namespaces=("k8s_namespace_name", "exported_namespace", "namespace", "service_namespace"),
        services=("service_name", "exported_job", "job"),
        workloads=OF_WORKLOADS,
        pods=PODS,
    ),
    HttpSeries(
        server="a server that counts milliseconds",
        durations=r"\w*http\w*(?:_duration|_latency)_(?:milliseconds|ms|millis)",
        seconds=1e-3,
        codes=GENERIC_CODES,
        routes=GENERIC_ROUTES,
        methods=("http_request_method", "http_method", "method"),
        namespaces=OF_PODS,
        services=("service_name", "exported_service", "service", "job"),
        workloads=OF_WORKLOADS,
        pods=PODS,
    ),
    HttpSeries(
        server="a server",
        requests=r"\w*(?:requests?|responses?|http_server|server_handled)\w*(?:_total|_count)",
        durations=r"\w*(?:http|request|response|server_handling)\w*_seconds",
        codes=(*GENERIC_CODES, "grpc_code"),
        routes=GENERIC_ROUTES,
        namespaces=OF_PODS,
        services=("service_name", "exported_service", "service", "application", "job"),
        workloads=OF_WORKLOADS,
        pods=PODS,
    ),
)  # fmt: skip
_HISTOGRAM = re.compile(r"(?P<base>.*)_(?P<part>bucket|sum|count)")
# Requests that a program sends, and those of its own monitoring, are no user's.
_NOT_SERVED = re.compile(
    r"client|outbound_|promhttp|^prometheus_|^kubelet_|^apiserver_|^rest_|^etcd_|scrape|^workqueue|^coredns_|^go_",
    re.IGNORECASE,
)


@lru_cache(maxsize=8192)
def part_of(name: str) -> Part | None:
    """Return which part of which row a series is, or ``None`` when it tells of no requests.

    Where the ``count`` of durations has a label of ``codes``, it is a counter of requests too.

    >>> part_of("istio_requests_total").form, part_of("http_server_request_duration_seconds_bucket").form
    ('requests', 'bucket')
    >>> part_of("http_client_request_duration_seconds_bucket") is None
    True
    """
    if _NOT_SERVED.search(name):
        return None
    histogram = _HISTOGRAM.fullmatch(name)
    for row in SERVERS:
        if histogram and row.durations and re.fullmatch(row.durations, histogram["base"]):
            return Part(row=row, form=histogram["part"])
        if row.requests and re.fullmatch(row.requests, name):
            return Part(row=row, form="requests")
    return None
