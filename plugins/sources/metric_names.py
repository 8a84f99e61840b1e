"""Which metric shows which signal, and which labels name what: the words that exporters use."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from sre_orchestrator.core.models import Struct

# The first of these labels that a series has counts.
NAMESPACES = ("exported_namespace", "namespace", "destination_workload_namespace", "destination_service_namespace", "kubernetes_namespace", "k8s_namespace_name", "pod_namespace")  # fmt: skip
PODS = ("exported_pod", "pod", "pod_name", "kubernetes_pod_name", "k8s_pod_name")
WORKLOADS = (
    "workload",
    "destination_workload",
    "deployment",
    "statefulset",
    "daemonset",
    "k8s_deployment_name",
    "destination_app",
    "app",
    "app_kubernetes_io_name",
    "exported_service",
    "service",
    "destination_service_name",
    "destination_service",
    "service_name",
    "application",
    "name",
    "job",
    "container",
)
NODES = (
    "node",
    "nodename",
    "kubernetes_node",
    "kubernetes_io_hostname",
    "k8s_node_name",
    "host",
    "hostname",
    "instance",
)
# Where a target says itself what it tells about, Prometheus calls that exported, and these are the target's own.
EXPORTED = "exported_namespace"
OF_TARGET = frozenset({"namespace", "pod", "service", "container", "job", "endpoint", "instance"})

Form = Literal["gauge", "counter", "bucket", "sum", "count"]
Combine = Literal["sum", "max"]


class Signal(Struct, frozen=True, kw_only=True):
    """What a metric shows.

    ``combine`` says how the series of one component are put together, ``scale`` brings them to
    ``unit``; ``rare`` marks counts of events that are usually zero, of which the mean tells more
    than the median; ``inverse`` marks shares of success.
    """

    name: str
    unit: str = ""
    combine: Combine = "sum"
    scale: float = 1.0
    form: Form = "gauge"
    rare: bool = False
    inverse: bool = False


# (words of the name, signal, unit, how to combine). The first row that fits decides. The names are
# those of cAdvisor, node-exporter, kube-state-metrics, Istio, Linkerd, Envoy, NGINX, Traefik,
# OpenTelemetry, Micrometer, gRPC, and the exporters of databases and queues.
TABLE: tuple[tuple[str, str, str, Combine], ...] = (
    (r"^container_restarts", "restarts", "per second", "sum"),
    (r"retrans", "retransmissions", "per second", "sum"),
    (r"throttled", "throttling", "seconds per second", "sum"),
    (
        r"(?:receive|transmit|rx|tx|network|packets?)_.*(?:drop|errs?(?:_|$)|errors?)",
        "network-errors",
        "per second",
        "sum",
    ),
    (r"network.*(?:receive|_rx|inbound|_in_)|^node_network_receive", "network-receive", "per second", "sum"),
    (r"network.*(?:transmit|_tx|outbound|_out_)|^node_network_transmit", "network-transmit", "per second", "sum"),
    (r"success_(?:ratio|rate)|availability", "errors", "ratio", "max"),
    (r"(?:error|failure)_(?:ratio|rate|percent\w*)", "errors", "ratio", "max"),
    (
        r"(?:request|response|server|handling|upstream_rq|call|query|service|rpc)\w*_(?:duration|latency|time|seconds|milliseconds)"
        r"|latency|duration_(?:seconds|milliseconds|ms)|response_time",
        "latency",
        "seconds",
        "max",
    ),
    (r"(?:errors?|failures?|failed|exceptions?|5xx)(?:_total)?$", "errors", "per second", "sum"),
    (r"pressure_io|disk_(?:io|read|write)_time|io_time|iowait|io_util", "io", "ratio", "max"),
    (r"^node_load\d+$|load_average|system_load", "load", "", "max"),
    (r"pressure_cpu|pressure_memory|cpu_saturation", "saturation", "ratio", "max"),
    (
        r"cpu_(?:usage|utili[sz]ation|percent|seconds|used|cores)|(?:process|system)_cpu|cpu_usage",
        "cpu",
        "cores",
        "sum",
    ),
    (
        r"memory_(?:working_set|usage|used|rss|utili[sz]ation|percent)|resident_memory|memory_bytes|_memory_used",
        "memory",
        "bytes",
        "sum",
    ),
    (r"filesystem_(?:usage|used)|disk_(?:usage|used)|volume_stats_used|fs_usage", "disk", "bytes", "sum"),
    (
        r"threads_connected|connected_clients|numbackends|activity_count|connections?(?:_active|_open|_current|_used)?$"
        r"|pool_(?:active|pending|usage)|conntrack_entries",
        "connections",
        "",
        "sum",
    ),
    (r"queue_(?:messages|depth|length|size)|consumer\w*_lag|backlog|_pending(?:_\w+)?$", "saturation", "", "sum"),
    (
        r"requests?(?:_total|_rate|_per_second|_count)?$|_rps$|_qps$|throughput|(?:server|client)_handled_total|calls_total"
        r"|upstream_rq(?:_total|_xx)?$|queries(?:_total)?$|response_total",
        "traffic",
        "per second",
        "sum",
    ),
)
_ROWS: tuple[tuple[re.Pattern[str], str, str, Combine], ...] = tuple(
    (re.compile(words, re.IGNORECASE), name, unit, combine) for words, name, unit, combine in TABLE
)
RARE = frozenset({"restarts", "retransmissions", "network-errors", "errors"})
SIGNALS = frozenset(name for _, name, _, _ in TABLE)
# Of these the kind cannot be read off the suffix.
COUNTERS = re.compile(
    r"(?:_total|^node_netstat_\w+|^node_vmstat_\w+|^mysql_global_status_(?:queries|questions|\w*errors\w*))$",
    re.IGNORECASE,
)
SUFFIX = re.compile(r"_(bucket|sum|count)$")
# Limits, targets, configuration and the monitoring's own work are no signal.
IGNORED = re.compile(
    r"(?:^kube_|^prometheus_|^scrape_|^go_|^alertmanager_|^ALERTS|_(?:limit|limits|max|requests_quota|created|info|quota|capacity)$"
    r"|spec_|_periods|^up$|_max_)",
    re.IGNORECASE,
)
SCALES = (
    (re.compile(r"milliseconds|_ms(?:_|$)|_millis|upstream_rq_time", re.IGNORECASE), 1e-3),
    (re.compile(r"microseconds|_us(?:_|$)", re.IGNORECASE), 1e-6),
    (re.compile(r"nanoseconds|_ns(?:_|$)", re.IGNORECASE), 1e-9),
)
PERCENT = re.compile(r"percent|pct", re.IGNORECASE)


@lru_cache(maxsize=8192)
def signal_of(metric: str, unit: str = "") -> Signal | None:
    """Return what ``metric`` shows, or ``None`` when the table does not know it.

    >>> signal_of("istio_request_duration_milliseconds_bucket").name, signal_of("go_goroutines")
    ('latency', None)
    """
    suffix = SUFFIX.search(metric)
    base = metric[: suffix.start()] if suffix else metric
    if IGNORED.search(base):
        return None
    # a gauge may be called a count: pg_stat_activity_count
    row = next((row for text in (base, metric) for row in _ROWS if row[0].search(text)), None)
    if row is None:
        return None
    _, name, normal_unit, combine = row
    form: Form = "counter" if COUNTERS.search(metric) else "gauge"
    if suffix and name == "latency":
        form = "bucket" if suffix[1] == "bucket" else "sum" if suffix[1] == "sum" else "count"
    elif suffix and suffix[1] != "count":
        return None
    share = bool(PERCENT.search(f"{base} {unit}")) or unit == "ratio" or base.endswith("ratio")
    return Signal(
        name=name,
        unit="ratio" if share else normal_unit,
        combine="max" if share else combine,
        scale=0.01 if PERCENT.search(f"{base} {unit}") else _scale(name, f"{base} {unit}"),
        form=form,
        rare=name in RARE and not share,
        inverse="success" in base or "availability" in base,
    )


def _scale(name: str, text: str) -> float:
    return next((scale for pattern, scale in SCALES if name == "latency" and pattern.search(text)), 1.0)
