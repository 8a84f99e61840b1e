"""Diagnosing recorded incidents."""

from __future__ import annotations

import gzip
import json
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from command_line import Run
from jsonschema import Draft202012Validator
from shop import deployment, node, pod, write_snapshot

from sre_orchestrator.api.cli.diagnose import chosen
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Report

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "api" / "demo" / "shop"
SCHEMA = json.loads((ROOT / "docs" / "reference" / "report.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    cart = pod("cart-1", labels={"app": "cart"})
    return write_snapshot(tmp_path / "healthy", deployment("cart"), cart, node(), question="is anything wrong?")


def tarred(suffix: str) -> Callable[[Path], Path]:
    def pack(target: Path) -> Path:
        path = target / f"incident.tar.{suffix}"
        with tarfile.open(path, f"w:{suffix}") as archive:  # type: ignore[call-overload] # the mode is a variable
            archive.add(DEMO, "incident")
        return path

    return pack


def zipped(target: Path) -> Path:
    path = target / "incident.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(DEMO.rglob("*")):
            archive.write(file, file.relative_to(DEMO))
    return path


@pytest.mark.parametrize(
    "pack", [lambda _: DEMO, tarred("gz"), tarred("xz"), zipped], ids=["folder", "gz", "xz", "zip"]
)
def test_every_form_of_snapshot_gives_the_same_answer(run: Run, tmp_path: Path, pack: Callable[[Path], Path]) -> None:
    result = run("diagnose", "--snapshot", pack(tmp_path), "--format", "json")
    report = msgspec.json.decode(result.out, type=Report)

    assert (result.code, result.err) == (0, "")
    assert report.hypotheses[0].cause == "memory-limit-too-low"


def test_json_fits_the_published_schema(run: Run) -> None:
    report = json.loads(run("diagnose", "--snapshot", DEMO, "--format", "json").out)

    Draft202012Validator(SCHEMA).validate(report)


def test_markdown_begins_with_the_verdict(run: Run) -> None:
    out = run("diagnose", "--snapshot", DEMO, "--format", "markdown").out

    assert out.startswith("# Diagnosed: checkout answers 500\n")


def test_nothing_wrong_is_unresolved_and_ends_with_three(run: Run, healthy: Path) -> None:
    result = run("diagnose", "--snapshot", healthy)

    assert result.code == 3
    assert "Nothing that was observed points to a cause." in result.out


def test_question_namespace_and_time_can_be_given(run: Run) -> None:
    result = run(
        "diagnose", "orders answers 502", "--snapshot", DEMO, "--namespace", "shop",
        "--at", "2026-03-12T14:19:00Z", "--format", "json",
    )  # fmt: skip
    incident = msgspec.json.decode(result.out, type=Report).incident

    assert (incident.description, incident.namespace) == ("orders answers 502", "shop")
    assert incident.at.isoformat() == "2026-03-12T14:19:00+00:00"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--snapshot", "nowhere"), "error: nowhere: does not exist"),
        (("--snapshot", DEMO, "--namespace", "shopp"), "error: namespace 'shopp' does not exist; did you mean 'shop'?"),
        (("--snapshot", DEMO, "--at", "yesterday"), "error: --at 'yesterday'"),
        (("--snapshot", ROOT / "README.md"), "is no snapshot"),
        (("--snapshot", ROOT / "docs"), "is no snapshot"),
    ],
)
def test_bad_input_is_one_line_and_ends_with_two(run: Run, arguments: tuple[object, ...], complaint: str) -> None:
    result = run("diagnose", *arguments)

    assert result.code == 2
    assert result.out == ""
    assert complaint in result.err
    assert result.err.count("\n") == 1


def test_an_archive_that_is_damaged_is_bad_input(run: Run, tmp_path: Path) -> None:
    path = tarred("gz")(tmp_path)
    path.write_bytes(path.read_bytes()[:2000])

    assert run("diagnose", "--snapshot", path).code == 2


def test_a_snapshot_without_a_question_asks_for_one(run: Run, healthy: Path) -> None:
    (healthy / "snapshot.yaml").unlink()
    result = run("diagnose", "--snapshot", healthy)

    assert result.code == 2
    assert "say what is wrong: sre-orchestrator diagnose" in result.err


def test_without_snapshot_and_cluster_it_says_what_to_give(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    result = run("diagnose", "the shop is down")

    assert result.code == 2
    assert "--kubeconfig FILE" in result.err
    assert "--snapshot PATH" in result.err


def test_an_investigation_can_be_saved(run: Run, tmp_path: Path) -> None:
    bundle = tmp_path / "incident.bundle"
    run("diagnose", "--snapshot", DEMO, "--save-bundle", bundle)

    assert bundle.stat().st_size > 0


def test_an_investigation_is_saved_without_names_and_replayed(run: Run, tmp_path: Path) -> None:
    bundle = tmp_path / "incident.bundle"
    saved = run("diagnose", "--snapshot", DEMO, "--save-bundle", bundle, "--pseudonymise")
    again = run("replay", bundle)

    assert "deployment/shop/pricing" in saved.out
    assert re.search(r"masked in the bundle: .*\d+ names", saved.err)
    assert b"pricing" not in gzip.decompress(bundle.read_bytes())
    assert "memory-limit-too-low" in again.out
    assert "pricing" not in again.out


def test_pseudonyms_are_for_a_bundle(run: Run) -> None:
    result = run("diagnose", "--snapshot", DEMO, "--pseudonymise")

    assert result.code == 2
    assert "--save-bundle" in result.err


def test_explain_prints_the_proof_down_to_commands(run: Run) -> None:
    out = run("explain", "1", "--snapshot", DEMO).out

    assert "deployment/shop/pricing (confidence 0." in out.splitlines()[0]
    assert "— rule " in out
    assert "see: kubectl" in out


def test_explain_reaches_what_is_ruled_out(run: Run) -> None:
    report = msgspec.json.decode(run("demo", "--format", "json").out, type=Report)
    out = run("explain", len(report.hypotheses) + 1, "--snapshot", DEMO).out

    assert "against: " in out


def test_a_hypothesis_that_does_not_exist_is_bad_input(run: Run) -> None:
    report = msgspec.json.decode(run("demo", "--format", "json").out, type=Report)
    with pytest.raises(InputError, match="hypothesis 0 does not exist"):
        chosen(report, 0)

    assert run("explain", "99", "--snapshot", DEMO).code == 2
