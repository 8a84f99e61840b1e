"""Questions to a finished investigation: replay, why-not, compare."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from command_line import Run

from sre_orchestrator.api.cli.replay import fact_from
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.vocabulary import load_vocabulary

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
PRICING = "deployment/shop/pricing"


@pytest.fixture
def bundle(run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "incident.bundle"
    run("diagnose", "--snapshot", DEMO, "--save-bundle", path)
    return path


def test_a_replay_gives_the_same_answer(run: Run, bundle: Path) -> None:
    first = msgspec.json.decode(run("diagnose", "--snapshot", DEMO, "--format", "json").out, type=Report)
    result = run("replay", bundle, "--format", "json")
    again = msgspec.json.decode(result.out, type=Report)

    assert (result.code, result.err) == (0, "")
    assert (again.hypotheses, again.ruled_out) == (first.hypotheses, first.ruled_out)


def test_a_replay_without_the_proof_says_what_differs(run: Run, bundle: Path) -> None:
    report = msgspec.json.decode(run("replay", bundle, "--format", "json").out, type=Report)
    killed = [fact.id for fact in report.facts.values() if fact.attributes.get("reason") == "OOMKilled"]
    result = run("replay", bundle, *(word for fact in killed for word in ("--without", fact)), "--format", "json")
    without = msgspec.json.decode(result.out, type=Report)

    assert killed
    assert without.hypotheses[:1] != report.hypotheses[:1]
    assert result.err.startswith("differs: ")


def test_a_replay_with_a_fact_takes_it_into_account(run: Run, bundle: Path) -> None:
    fact = "node.condition node/node-a type=MemoryPressure status=True"

    assert run("replay", bundle, "--with", fact).code in {0, 3}


def test_a_fact_is_typed_by_the_vocabulary() -> None:
    fact = fact_from(
        "container.terminated pod/shop/cart-1 reason=OOMKilled exit_code=137 current=true ran_seconds=3.5",
        load_vocabulary(),
    )

    assert fact.attributes == {"reason": "OOMKilled", "exit_code": 137, "current": True, "ran_seconds": 3.5}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("pod.phase", "write 'KIND COMPONENT attribute=value"),
        ("pod.fase pod/shop/cart-1", "unknown fact kind 'pod.fase'; did you mean 'pod.phase'?"),
        ("pod.phase pod/shop/cart-1 fase=Running", "'fase=Running' is no attribute=value; did you mean 'phase'?"),
        ("pod.phase pod/shop/cart-1 phase", "'phase' is no attribute=value"),
        ("container.terminated pod/shop/cart-1 exit_code=many", "'exit_code=many' must be a integer"),
        ("container.terminated pod/shop/cart-1 current=perhaps", "'current=perhaps' must be a boolean"),
    ],
)
def test_a_fact_that_is_not_in_the_vocabulary_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match="--with") as refusal:
        fact_from(text, load_vocabulary())

    assert complaint in str(refusal.value)


def test_why_not_names_what_holds_and_what_does_not(run: Run, bundle: Path) -> None:
    arguments = ("why-not", "--cause", "memory-limit-too-low", "--component", "deployment/shop/cart")
    saved, fresh = (
        run(*arguments, *source).out.splitlines() for source in (("--bundle", bundle), ("--snapshot", DEMO))
    )

    assert [line for line in saved if not line.startswith(" ")] == [line for line in fresh if not line.startswith(" ")]
    assert any(line.startswith("  ") for line in saved)


def test_why_not_of_what_was_concluded_says_so(run: Run) -> None:
    out = run("why-not", "--cause", "memory-limit-too-low", "--component", PRICING, "--snapshot", DEMO).out

    assert "this rule did conclude it" in out


@pytest.mark.parametrize(
    ("cause", "component", "complaint"),
    [
        (
            "memory-limit-too-lo",
            PRICING,
            "there is no cause 'memory-limit-too-lo'; did you mean 'memory-limit-too-low'?",
        ),
        (
            "memory-limit-too-low",
            "deployment/shop/pricin",
            "there is no component 'deployment/shop/pricin'; did you mean",
        ),
    ],
)
def test_why_not_of_what_is_not_there_is_bad_input(run: Run, cause: str, component: str, complaint: str) -> None:
    result = run("why-not", "--cause", cause, "--component", component, "--snapshot", DEMO)

    assert result.code == 2
    assert complaint in result.err


def test_compare_sets_two_hypotheses_side_by_side(run: Run, bundle: Path) -> None:
    lines = run("compare", "1", "2", "--bundle", bundle).out.splitlines()

    assert lines[0].startswith("1. A container needs more memory")
    assert lines[1].startswith("2. ")
    assert any(line.startswith("only 1 rests on [f") for line in lines)


def test_a_question_needs_one_investigation(run: Run, bundle: Path) -> None:
    for arguments in ((), ("--snapshot", DEMO, "--bundle", bundle)):
        result = run("compare", "1", "2", *arguments)

        assert (result.code, result.err) == (2, "error: give one of --snapshot and --bundle\n")


def test_a_post_mortem_is_drafted_from_a_saved_investigation(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "one.bundle"
    run("diagnose", "--snapshot", DEMO, "--save-bundle", path)

    result = run("postmortem", path)

    assert result.code == 0
    assert result.out.startswith("# Post-mortem: checkout answers 500\n")
