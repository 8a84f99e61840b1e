"""The command ``doctor``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run
from shop import pod, write_snapshot

from sre_orchestrator.api.wire import serving, write_kubeconfig


def test_a_recording_is_told_as_text_with_what_to_do(run: Run, tmp_path: Path) -> None:
    result = run("doctor", "--snapshot", write_snapshot(tmp_path, pod("[red]cart[/red]")))

    assert result.code == 3
    assert "\nrecords\n" in result.out
    assert any(
        line.startswith("!  metrics ") and line.rstrip().endswith("none recorded") for line in result.out.splitlines()
    )
    assert "→ record it with the next incident: sre-orchestrator snapshot take" in result.out
    assert "missing (!): diagnoses work, and say what they could not see" in result.out


def test_a_cluster_is_told_as_json(run: Run, tmp_path: Path) -> None:
    with serving(write_snapshot(tmp_path / "snapshot", pod("cart-1"))) as url:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", url)
        result = run("doctor", "--kubeconfig", kubeconfig, "--context", "snapshot", "--format", "json")

    checkup = json.loads(result.out)
    assert (result.code, checkup["complete"]) == (3, False)
    assert {"cluster", "permissions", "services", "releases", "plugins", "rules", "models", "servers", "state"} == {
        one["area"] for one in checkup["checks"]
    }
    assert all(one["remedy"] for one in checkup["checks"] if one.get("state") == "missing")


def test_a_snapshot_of_the_settings_is_looked_at(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRE_ORCHESTRATOR_SNAPSHOT", str(write_snapshot(tmp_path)))

    assert "\nsnapshot\n" in run("doctor").out


def test_all_in_order_ends_with_0(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sre_orchestrator.api.doctor import Check, Checkup  # noqa: PLC0415

    async def examine(*_: object) -> Checkup:
        return Checkup(program="1", complete=True, checks=(Check(area="cluster", name="API", found="[bold]v1"),))

    monkeypatch.setattr("sre_orchestrator.api.doctor.examine", examine)
    result = run("doctor", "--snapshot", tmp_path)

    assert result.code == 0
    assert "[bold]v1" in result.out
    assert result.out.rstrip().endswith("nothing is missing")


def test_a_cluster_that_does_not_answer_is_bad_input(run: Run, tmp_path: Path) -> None:
    with serving(write_snapshot(tmp_path / "snapshot")) as url:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", url)
    result = run("doctor", "--kubeconfig", kubeconfig)

    assert (result.code, result.out) == (2, "")
    assert str(kubeconfig) in result.err


def test_a_recording_has_no_contexts(run: Run, tmp_path: Path) -> None:
    result = run("doctor", "--snapshot", write_snapshot(tmp_path), "--context", "eu")

    assert result.code == 2
    assert "--snapshot: a recorded incident has no contexts" in result.err


def test_several_clusters_are_told_one_after_the_other(run: Run, tmp_path: Path) -> None:
    with serving(write_snapshot(tmp_path / "snapshot", pod("cart-1"))) as url:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", url)
        result = run(
            "doctor", "--kubeconfig", kubeconfig, "--context", "snapshot", "--context", "gone", "--format", "json"
        )

    (checkup,) = json.loads(result.out)
    assert checkup["checks"][0]["name"] == "Kubernetes API"
    assert (result.code, result.err.count("error: gone: ")) == (2, 1)
