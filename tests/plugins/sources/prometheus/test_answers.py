"""Answers of Prometheus' HTTP API as servers write them, served on loopback: errors, warnings, odd values."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import numpy as np
import pytest
import stamina
from http_services import Asked, Reply, Service, answering, said

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.settings import Endpoint
from sre_orchestrator.plugins.sources import http
from sre_orchestrator.plugins.sources.http import HttpService, ServiceProblem
from sre_orchestrator.plugins.sources.ports import Series
from sre_orchestrator.plugins.sources.prometheus.api import PrometheusApi
from sre_orchestrator.plugins.sources.prometheus.source import Prometheus
from sre_orchestrator.plugins.sources.prometheus.table import load_table

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
AT = NOW.timestamp()
CPU = {"__name__": "container_cpu_usage_seconds_total", "namespace": "shop", "pod": "cart-1"}
Script = Mapping[str, Any]


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    """Let attempts follow each other without waiting."""
    with stamina.set_testing(True, attempts=2):
        yield


def success(data: Any, **more: Any) -> Reply:
    return said({"status": "success", "data": data, **more})


def matrix(*rows: Any, **more: Any) -> Reply:
    return success({"resultType": "matrix", "result": list(rows)}, **more)


def row(labels: Mapping[str, str], *values: tuple[float, str]) -> dict[str, Any]:
    return {"metric": dict(labels), "values": [list(one) for one in values]}


def server(**replies: Any) -> dict[str, Any]:
    """Return a Prometheus that has one series; keywords are the last parts of paths."""
    samples = matrix(row(CPU, (AT - 60, "1"), (AT - 30, "NaN"), (AT, "+Inf")))
    answers = {
        "query": samples,
        "query_range": matrix(row(CPU, (AT, "1"))),
        "labels": success(["__name__", "namespace"]),
    }
    answers |= {"values": success([CPU["__name__"]]), "buildinfo": success({"version": "2.53.0"})} | replies
    paths = {"values": "label/__name__/values", "buildinfo": "status/buildinfo"}
    return {f"/api/v1/{paths.get(name, name)}": reply for name, reply in answers.items()}


def source_of(one: Service, **more: Any) -> Prometheus:
    return Prometheus(Endpoint(url=one.address, **more), None, load_table())


def read(source: Prometheus) -> list[Series]:
    return list(anyio.run(source.series, NOW - HOUR, NOW, ["shop"]))


def only_stored(reply: Reply) -> Any:
    """Return what answers a probe well and a question for samples with ``reply``."""

    def answer(asked: Asked) -> Reply:
        return matrix() if asked.fields["query"] == ["vector(1)"] else reply

    return answer


def test_values_that_are_no_numbers_are_kept() -> None:
    with answering(server()) as one:
        (found,) = {series.name: series for series in read(source_of(one))}.values()

    assert found.labels == {"namespace": "shop", "pod": "cart-1"}
    assert found.times.tolist() == [AT - 60, AT - 30, AT]
    assert np.array_equal(found.values, [1.0, np.nan, np.inf], equal_nan=True)


def test_samples_outside_the_window_are_left_out() -> None:
    early, late = AT - 3600.001, AT + 0.001
    stored = matrix(
        row(CPU, (early, "1"), (AT - 3600, "2"), (AT, "3"), (late, "4")), row({"__name__": "x"}, (late, "1"))
    )
    with answering(server(query=only_stored(stored))) as one:
        found = read(source_of(one))

    assert {tuple(series.values.tolist()) for series in found} == {(2.0, 3.0)}


def test_questions_are_forms_with_a_time_limit() -> None:
    with answering(server()) as one:
        read(source_of(one, timeout_seconds=7))

    asked = [request for request in one.requests if request.path == "/api/v1/query"][-1]
    assert asked.method == "POST"
    assert asked.fields["timeout"] == ["7s"]
    assert asked.fields["time"] == [f"{AT:.3f}"]
    assert asked.fields["query"][0].endswith('namespace=~"shop",container!=""}[3600001ms]')


def test_the_same_window_is_read_once() -> None:
    with answering(server()) as one:
        source = source_of(one)
        first = read(source)
        asked = len(one.requests)

        assert read(source) == first
        assert len(one.requests) == asked
        for hours in (1, 2, 3):
            anyio.run(source.series, NOW - HOUR * hours, NOW, ["shop"])
        assert len(one.requests) > asked


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"warnings": ["PromQL warning: store thanos-store-0 did not answer, password=hunter2x"]}, "thanos-store-0"),
        ({"isPartial": True}, "some storage nodes did not take part"),
    ],
)
def test_a_partial_answer_is_used_and_told(more: dict[str, Any], why: str) -> None:
    with answering(server(query=matrix(row(CPU, (AT, "1")), **more))) as one:
        source = source_of(one)
        found = read(source)

    assert found
    assert {gap.what for gap in source.gaps()} == {"some series"}
    assert why in source.gaps()[0].why
    assert "hunter2" not in repr(source.gaps())


def test_notes_of_prometheus_are_no_gap() -> None:
    infos = ["PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket"]
    with answering(server(query=matrix(row(CPU, (AT, "1")), infos=infos))) as one:
        source = source_of(one)
        read(source)

    assert source.gaps() == []


def refused(kind: str, why: str, status: int) -> Reply:
    return said({"status": "error", "errorType": kind, "error": why}, status)


@pytest.mark.parametrize(
    ("reply", "why", "remedy"),
    [
        (refused("execution", "query processing would load too many samples into memory", 422), "too many samples", "query.max-samples"),
        (refused("bad_data", "invalid parameter", 400), "invalid parameter", "fewer namespaces"),
        (refused("timeout", "query timed out in expression evaluation", 503), "timed out", "log of prometheus"),
        (Reply(429, b"too many outstanding requests"), "outstanding", "try again later"),
        (Reply(500, b"oops"), "500", "log of prometheus"),
    ],
)  # fmt: skip
def test_a_refused_question_leaves_a_gap_and_the_rest(reply: Reply, why: str, remedy: str) -> None:
    computed = [{"__name__": "kube_pod_container_status_restarts_total", **CPU}]
    names = success([CPU["__name__"], "kube_pod_container_status_restarts_total"])
    script = server(query=only_stored(reply), values=names, query_range=matrix(row(computed[0], (AT, "3"))))
    with answering(script) as one:
        source = source_of(one)
        found = read(source)

    assert {series.name for series in found} == {"container_restarts_total"}
    gap = source.gaps()[0]
    assert gap.what == "series such as container_cpu_usage_seconds_total"
    assert why in gap.why
    assert remedy in gap.remedy


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>Sign in</html>", "a web page"),
        (b'{"status":"success","data":{"resultType":"matrix","resu', "cannot be read"),
        (b'{"status":"success","data":{"result":[{"metric":{},"values":[[1,"x"]]}]}}', "no number"),
        (b'{"status":"success","data":{"result":7}}', "cannot be read"),
        (b'{"status":"error","errorType":"internal","error":"nope"}', "says internal: nope"),
        (b"{}", "says nothing"),
    ],
)
def test_an_answer_that_cannot_be_used_is_told(body: bytes, why: str) -> None:
    with answering({"/api/v1/query": Reply(200, body)}) as one, pytest.raises(ServiceProblem, match=why):
        PrometheusApi(HttpService(Endpoint(url=one.address), "prometheus")).samples("x", NOW - HOUR, NOW)


def test_an_answer_that_is_too_large_is_left_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 1000)
    large = matrix(row(CPU, *((AT - place, "1") for place in range(1000))))
    with answering(server(query=only_stored(large))) as one:
        source = source_of(one)

        assert read(source) == []
    assert {gap.why for gap in source.gaps()} == {"an answer is larger than 0 MiB and was left unread"}


def test_after_a_question_without_an_answer_no_other_is_asked() -> None:
    over = threading.Event()

    def wait(asked: Asked) -> Reply:
        if asked.fields["query"] != ["vector(1)"]:
            over.wait(10)
        return matrix()

    names = success([CPU["__name__"], "kube_pod_container_status_restarts_total"])
    with answering(server(query=wait, values=names)) as one:
        source = source_of(one, timeout_seconds=0.2)
        assert read(source) == []
        over.set()

    assert [(gap.what, gap.why) for gap in source.gaps()] == [
        ("series such as container_cpu_usage_seconds_total", "no answer within 0.2 s"),
        (
            "3 kinds of series, such as container_cpu_usage_seconds_total",
            "the server did not answer the question before",
        ),
    ]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_lets_nobody_in_says_what_to_set(status: int) -> None:
    with answering({"/api/v1/query": Reply(status)}) as one:
        source = source_of(one)
        with pytest.raises(SourceMissing, match=r"prometheus\."):
            read(source)
        found = anyio.run(source.describe)

    assert str(status) in found.problem
    assert "prometheus." in found.remedy


@pytest.mark.parametrize(
    ("reply", "version"),
    [
        (success({"version": "2.53.0", "revision": "x"}), "2.53.0"),
        (success({"application": "Grafana Mimir", "version": "2.13.0", "features": {}}), "Grafana Mimir 2.13.0"),
        (Reply(404), ""),
    ],
)
def test_servers_tell_who_they_are(reply: Reply, version: str) -> None:
    with answering(server(buildinfo=reply)) as one:
        found = anyio.run(source_of(one).describe)

    assert (found.version, found.problem) == (version, "")
