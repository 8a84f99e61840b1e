"""The incident that comes with the package."""

from __future__ import annotations

import filecmp
from importlib.resources import files
from pathlib import Path

import anyio
import demo
import pytest
from command_line import Run

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.settings import Settings

BUNDLED = Path(str(files("sre_orchestrator.api"))) / "demo" / "shop"
PRICING = "deployment/shop/pricing"


@pytest.fixture(scope="module")
def report(state_dir: Path) -> Report:
    installation = Installation(Settings(state_dir=str(state_dir)))
    return anyio.run(lambda: diagnose_snapshot(installation, BUNDLED)).report


def test_the_bundled_files_are_those_of_the_generator(tmp_path: Path) -> None:
    made = demo.write(tmp_path / "shop")
    names = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}

    assert {path.relative_to(BUNDLED).as_posix() for path in BUNDLED.rglob("*") if path.is_file()} == names
    assert filecmp.cmpfiles(made, BUNDLED, names, shallow=False)[1:] == ([], []), "run: python tests/support/demo.py"


def test_the_cause_two_hops_away_comes_first(report: Report) -> None:
    first = report.hypotheses[0]

    assert report.verdict == "diagnosed"
    assert (first.cause, first.component) == ("memory-limit-too-low", PRICING)
    assert first.confidence >= 0.9
    assert all(other.confidence < first.confidence for other in report.hypotheses[1:])


def test_the_change_that_caused_it_is_named(report: Report) -> None:
    changes = [report.facts[fact] for fact in report.hypotheses[0].changes]

    assert [(one.kind, one.attributes["after"]) for one in changes if one.kind == "container.changed"] == [
        ("container.changed", "128Mi")
    ]


def test_a_look_alike_is_ruled_out_with_a_reason(report: Report) -> None:
    assert report.ruled_out
    assert all(one.against and one.against[0].because for one in report.ruled_out)


def test_no_decoy_is_likely(report: Report) -> None:
    blamed = {one.component for one in report.hypotheses if one.confidence >= 0.5}

    assert not blamed & {
        "deployment/shop/cart", "deployment/shop/catalog", "deployment/shop/coupons", "service/shop/coupons",
        "node/node-c", "deployment/shop/web", "statefulset/shop/orders-db", "cronjob/shop/orders-db-backup",
    }  # fmt: skip


def test_what_was_not_seen_is_said(report: Report) -> None:
    assert "all secrets" in [gap.what for gap in report.gaps]


def test_the_timeline_has_changes_and_symptoms_and_the_narrative_cites(report: Report) -> None:
    assert {moment.what for moment in report.timeline} == {"change", "symptom"}
    assert report.narrative.startswith("The most likely cause is: ")


def test_no_model_is_used(report: Report) -> None:
    assert (report.cost.llm_calls, report.cost.tokens) == (0, 0)


def test_people_get_every_section(run: Run) -> None:
    result = run("demo")

    assert result.code == 0
    assert result.err == ""
    for title in ("Diagnosed: checkout answers 500", "Ruled out", "Timeline", "Not seen", "Next steps"):
        assert f"{title}\n" in result.out
