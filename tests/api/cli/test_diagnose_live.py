"""Diagnosing running clusters from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from command_line import Run

from sre_orchestrator.api.wire import serving
from sre_orchestrator.core.models import Report

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
AT = ("--at", "2026-03-12T14:18:21Z")
GONE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(DEMO) as url:
        yield url


@pytest.fixture
def kubeconfig(url: str, tmp_path: Path) -> Path:
    """Return a kubeconfig with two contexts of one cluster, and one whose cluster is gone."""
    clusters = {"eu": url, "us": url, "gone": GONE}
    document = {
        "clusters": [{"name": name, "cluster": {"server": server}} for name, server in clusters.items()],
        "contexts": [{"name": name, "context": {"cluster": name, "namespace": "shop"}} for name in clusters],
        "current-context": "eu",
    }
    path = tmp_path / "kubeconfig"
    path.write_bytes(msgspec.json.encode(document))
    return path


def test_the_running_cluster_is_diagnosed(run: Run, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    result = run("diagnose", "checkout answers 500", *AT, "--format", "json")
    report = msgspec.json.decode(result.out, type=Report)

    assert (result.code, result.err) == (0, "")
    assert report.hypotheses[0].cause == "memory-limit-too-low"
    assert report.incident.namespace == "shop"
    assert report.incident.cluster == ""


def test_each_context_gets_a_report(run: Run, kubeconfig: Path) -> None:
    contexts = ("--context", "eu", "--context", "us", "--kubeconfig", kubeconfig)
    result = run("diagnose", "checkout answers 500", *AT, *contexts, "--format", "json")
    reports = msgspec.json.decode(result.out, type=list[Report])

    assert result.code == 0
    assert [one.incident.cluster for one in reports] == ["eu", "us"]
    assert {fact.cluster for fact in reports[1].facts.values()} == {"us"}


def test_a_cluster_that_is_gone_does_not_keep_the_others_back(run: Run, kubeconfig: Path) -> None:
    contexts = ("--context", "gone", "--context", "eu", "--kubeconfig", kubeconfig)
    result = run("diagnose", "checkout answers 500", *AT, *contexts)

    assert result.code == 2
    assert result.err.startswith("error: gone: context 'gone' of ")
    assert "cluster eu, namespace shop" in result.out


def test_a_bundle_holds_one_investigation(run: Run, tmp_path: Path) -> None:
    result = run("diagnose", "x", "--context", "a", "--context", "b", "--save-bundle", tmp_path / "one")

    assert result.code == 2
    assert "give one --context" in result.err


def test_a_snapshot_has_no_contexts(run: Run) -> None:
    result = run("diagnose", "--snapshot", DEMO, "--context", "eu")

    assert result.code == 2
    assert "a recorded incident has no contexts" in result.err


def test_the_snapshot_of_the_settings_is_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRE_ORCHESTRATOR_SNAPSHOT", str(DEMO))
    result = run("diagnose")

    assert result.code == 0
    assert "memory-limit-too-low" in result.out


def test_a_kubeconfig_goes_before_the_snapshot_of_the_settings(
    run: Run, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRE_ORCHESTRATOR_SNAPSHOT", str(DEMO))
    result = run("explain", "1", "--question", "checkout answers 500", *AT, "--kubeconfig", kubeconfig)

    assert result.code == 0
    assert "memory limit" in result.out
