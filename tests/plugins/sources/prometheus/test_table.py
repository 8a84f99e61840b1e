"""The table of signals: what agents understand is taken, everything else is refused where it stands."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.settings import Endpoint, Settings
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.plugins.sources.metric_names import SIGNALS, signal_of
from sre_orchestrator.plugins.sources.ports import Discoverable, Incomplete, Metrics
from sre_orchestrator.plugins.sources.prometheus import register_sources
from sre_orchestrator.plugins.sources.prometheus.source import Prometheus
from sre_orchestrator.plugins.sources.prometheus.table import is_understood, load_table, placed, read_rows

OURS = """
saturation:
  about: How long jobs of ours wait
  read: {acme_queue_depth: 'queue!=""'}
  tried:
    - {needs: [acme_lag_seconds], query: 'max by (namespace, service) (acme_lag_seconds{$in})', name: acme_queue_length}
"""


def test_the_built_in_table_tells_of_every_signal() -> None:
    table = load_table()

    assert table.rows.keys() == SIGNALS
    assert table.problems == ()
    assert all(row.about for rows in table.rows.values() for row in rows)


def test_every_signal_is_in_the_vocabulary() -> None:
    declared = load_vocabulary().kinds["metric.changed"].attributes["signal"]

    assert set(declared.values) == SIGNALS


def test_a_folder_adds_rows(tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(OURS)
    (tmp_path / "notes.txt").write_text("no table")

    table = load_table([tmp_path])

    assert table.problems == ()
    assert table.read["acme_queue_depth"] == 'queue!=""'
    assert [tried.name for row in table.tried for tried in row][-1] == "acme_queue_length"
    assert len(table.rows["saturation"]) == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cpuu: {read: {container_cpu_usage_seconds_total: ''}}", "cpuu: signal: no agent knows this signal; did you mean 'cpu'?"),
        ("cpu: {about: nothing}", "cpu: read: neither read nor tried"),
        ("cpu: {read: {container_memory_rss: ''}}", "cpu: read.container_memory_rss: agents take 'container_memory_rss' for memory"),
        ("cpu: {read: {acme_things: ''}}", "cpu: read.acme_things: no agent understands 'acme_things'"),
        ("cpu: {read: {'a b': ''}}", "cpu: read.a b: 'a b' is no name of a metric"),
        ("cpu: {tried: [{needs: [], query: vector(1), name: acme_cpu_usage}]}", "tried[0].needs: name the metrics"),
        ("cpu: {tried: [{needs: ['1x'], query: 1x, name: acme_cpu_usage}]}", "tried[0].needs: '1x' is no name"),
        ("cpu: {tried: [{needs: [a], query: vector(1), name: acme_cpu_usage}]}", "tried[0].query: does not ask for a"),
        ("cpu: {tried: [{needs: [a], query: 'a{$inn}', name: acme_cpu_usage}]}", "unknown placeholder $inn; did you mean '$in'?"),
        ("cpu: {tried: [{needs: [a], query: a, name: acme}]}", "tried[0].name: no agent understands 'acme'"),
        ("cpu: {tried: [{needs: [a], query: a}]}", "missing required field `name`"),
        ("cpu: {reed: {}}", "unknown field `reed`"),
        ("cpu: [", "not YAML"),
    ],
)  # fmt: skip
def test_what_nobody_would_understand_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)

    with pytest.raises(RuleError) as raised:
        read_rows(path)

    assert str(raised.value).startswith(f"{path}: ")
    assert complaint in str(raised.value)
    assert str(raised.value).endswith(("see docs/reference/signals.md", "docs/reference/signals.md for the keys"))


def test_a_wrong_file_leaves_the_others_in_use(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("cpuu: {read: {a: ''}}")
    (tmp_path / "b.yaml").write_text(OURS)

    table = load_table([tmp_path, tmp_path / "none"])

    assert "acme_queue_depth" in table.read
    assert len(table.problems) == 2
    assert "none: cannot be read" in table.problems[1]


def test_a_refused_file_is_a_gap_when_the_source_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("cpuu: {read: {a: ''}}")

    async def synced() -> list[object]:
        return [one async for one in source.sync()]

    class Outside:
        name = "outside"

    (source,) = register_sources(Settings(signal_folders=(str(tmp_path),)), Outside())  # type: ignore[arg-type]  # no cluster
    (gap,) = anyio.run(synced)

    assert isinstance(gap, Gap)
    assert "cpuu" in gap.why
    assert isinstance(source, Metrics)
    assert isinstance(source, Discoverable)
    assert isinstance(source, Incomplete)
    assert "set prometheus.url" in anyio.run(Prometheus(Endpoint(), None, load_table()).describe).remedy


@pytest.mark.parametrize(
    ("query", "inside", "expected"),
    [
        ("a{$in}", 'namespace=~"shop"', 'a{namespace=~"shop"}'),
        ("a{$in}", "", "a{}"),
        ('a{$in,b="c"} + a{b="c",$in} + a{b="c",$in,d="e"}', "", 'a{b="c"} + a{b="c"} + a{b="c",d="e"}'),
        ("rate(a{$in}[$rate])", 'x="y"', 'rate(a{x="y"}[2m])'),
    ],
)
def test_placeholders_are_replaced(query: str, inside: str, expected: str) -> None:
    assert placed(query, inside, "2m") == expected


@pytest.mark.parametrize(
    ("metric", "understood"),
    [
        ("container_cpu_usage_seconds_total", True),
        ("traefik_service_requests_total", True),
        ("namespace:container_cpu_usage_seconds_total:sum_rate", False),
        ("go_goroutines", False),
        ("acme_memory_usage_bucket", False),
        ("kube_pod_info", False),
    ],
)
def test_metrics_are_understood_by_name(metric: str, understood: bool) -> None:
    assert is_understood(metric) is understood


@pytest.mark.parametrize(
    ("metric", "signal"),
    [
        ("pg_stat_activity_count", "connections"),
        ("node_network_receive_errs_total", "network-errors"),
        ("node_network_receive_bytes_total", "network-receive"),
        ("container_restarts_total", "restarts"),
        ("node_pressure_memory_waiting_seconds_total", "saturation"),
        ("hikaricp_connections_active", "connections"),
    ],
)
def test_names_of_exporters_show_signals(metric: str, signal: str) -> None:
    found = signal_of(metric)

    assert found is not None
    assert found.name == signal
