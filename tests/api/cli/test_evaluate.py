"""Evaluating labelled recordings from end to end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from command_line import Run

from sre_orchestrator.api.case import Job
from sre_orchestrator.api.cli import evaluate
from sre_orchestrator.api.cli.evaluate import run_job
from sre_orchestrator.api.evaluation import LabelMapping
from sre_orchestrator.core.settings import Settings

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
MAPPING = """
format: 1
taxonomies:
  Runtime_Fault:
    oom_killed: {causes: [memory-limit-too-low], object: app}
"""


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Return a folder with the demo twice, as a folder and packed, once labelled right, and something else."""
    folder = tmp_path / "cases"
    folder.mkdir()
    (folder / "demo-1").symlink_to(DEMO)
    with tarfile.open(folder / "demo-2.tar.gz", "w:gz") as archive:
        archive.add(DEMO, "demo-2")
    (folder / "README.md").write_text("no case", encoding="utf-8")
    truth = {"root_cause": "oom_killed", "fault_object": "app/pricing", "fault_taxonomy": "Runtime_Fault"}
    labels = {"demo-1": truth, "demo-2": truth | {"fault_object": "app/orders"}, "demo-3": truth}
    (folder / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    return folder


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


def test_accuracy_misses_and_cost_are_printed_and_predictions_written(
    run: Run, cases: Path, mapping: Path, tmp_path: Path
) -> None:
    output = tmp_path / "predictions.json"
    result = run("evaluate", cases, "--mapping", mapping, "--output", output, "--jobs", 2)
    lines = result.out.splitlines()

    assert (result.code, result.err) == (0, "")
    assert [line.split() for line in lines if line.startswith("overall")] == [["overall", "2", "0.500", "0.500"]]
    assert [line.split()[:3] for line in lines if line.startswith("Runtime_Fault / ")] == [
        ["Runtime_Fault", "/", "oom_killed"]
    ]
    assert next(line for line in lines if line.startswith("missed")).startswith(
        "missed demo-2: oom_killed app/orders, got oom_killed app/pricing ("
    )
    assert re.fullmatch(
        r"CPU seconds a case, .*: median \d+\.\d{3}, p95 \d+\.\d{3}; largest process \d+ MiB", lines[-1]
    )
    first = json.loads(output.read_bytes())["demo-1"][0]
    assert (first["root_cause"], first["fault_object"], first["fault_taxonomy"]) == (
        "oom_killed", "app/pricing", "Runtime_Fault",
    )  # fmt: skip


def test_folders_with_labels_of_their_own_are_scored_together(
    run: Run, cases: Path, mapping: Path, tmp_path: Path
) -> None:
    ours = tmp_path / "ours"
    ours.mkdir()
    (ours / "demo-ours").symlink_to(DEMO)
    truth = {
        "root_cause": "memory-limit-too-low",
        "fault_object": "deployment/shop/pricing",
        "fault_taxonomy": "resources",
    }
    (ours / "labels.json").write_text(json.dumps({"demo-ours": truth}), encoding="utf-8")

    result = run("evaluate", cases, ours, "--mapping", mapping, "--only", "demo-[1o]*")

    lines = [line.split() for line in result.out.splitlines()]
    assert ["overall", "2", "1.000", "1.000"] in lines
    assert ["resources", "/", "memory-limit-too-low", "1", "1.000", "1.000"] in lines


def test_two_cases_of_the_same_name_are_refused(run: Run, cases: Path) -> None:
    result = run("evaluate", cases, cases)

    assert result.code == 2
    assert "a case 'demo-1' is in another folder too" in result.err


def test_an_archive_of_cases_brings_its_labels(run: Run, cases: Path, mapping: Path, tmp_path: Path) -> None:
    path = tmp_path / "cases.tar"
    with tarfile.open(path, "w", dereference=True) as archive:
        archive.add(cases, "cases")
    result = run("evaluate", path, "--mapping", mapping, "--only", "demo-1")

    assert ["overall", "1", "1.000", "1.000"] in [line.split() for line in result.out.splitlines()]


def test_a_case_that_cannot_be_diagnosed_is_a_miss_with_its_reason(run: Run, cases: Path, mapping: Path) -> None:
    (cases / "demo-3.zip").write_text("no archive", encoding="utf-8")
    result = run("evaluate", cases, "--mapping", mapping, "--only", "demo-3")

    assert result.code == 0
    assert "missed demo-3: oom_killed app/pricing, got error: " in result.out


def test_no_case_at_all_is_bad_input(run: Run, cases: Path, mapping: Path) -> None:
    result = run("evaluate", cases, "--mapping", mapping, "--only", "nothing-*")

    assert result.code == 2
    assert result.err == f"error: {cases}: holds no case that labels.json names and 'nothing-*' matches\n"


def test_reliability_can_be_drawn(run: Run, cases: Path, mapping: Path, tmp_path: Path) -> None:
    diagram = tmp_path / "reliability.svg"
    run("evaluate", cases, "--mapping", mapping, "--only", "demo-1", "--diagram", diagram)

    assert diagram.read_text(encoding="utf-8").startswith("<svg")


def test_a_place_that_cannot_be_written_is_bad_input(run: Run, cases: Path, mapping: Path) -> None:
    result = run("evaluate", cases, "--mapping", mapping, "--only", "demo-1", "--output", cases)

    assert result.code == 2
    assert result.err.startswith(f"error: {cases}: cannot be written: ")


def test_a_terminal_sees_how_far_it_is(run: Run, cases: Path, mapping: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    result = run("evaluate", cases, "--mapping", mapping, "--only", "demo-1")

    assert "diagnosing" in result.err


def job(snapshot: Path) -> Job:
    return Job(case="x", snapshot=str(snapshot), settings=Settings(), mapping=LabelMapping(format=1, taxonomies={}))


def test_a_case_that_takes_too_long_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "CASE_SECONDS", 0.01)

    assert run_job(job(DEMO)).error == "not diagnosed within 0.01 seconds"


def test_a_process_that_dies_silently_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    real = subprocess.run
    dead = [sys.executable, "-c", "import os; os._exit(9)"]
    monkeypatch.setattr(subprocess, "run", lambda _, **options: real(dead, **options))

    assert run_job(job(DEMO)).error == "the process ended with 9"
