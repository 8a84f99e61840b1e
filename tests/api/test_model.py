"""The language model of an installation: who opens it, when, and what it may do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import anyio
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_plugin import scripted
from models import Scripted

from sre_orchestrator.api.model import ChosenModel
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.bundle import bundle_bytes, bundle_from, replay
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.language.assistant import Nobody
from sre_orchestrator.core.language.examined import EDITION
from sre_orchestrator.core.language.ports import LanguageModel
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import ModelSettings, Settings
from sre_orchestrator.twin.store import TwinStore

DEMO = Path(__file__).parents[2] / "api" / "demo" / "shop"
SAID = "The container of pricing was OOM-killed at its memory limit of 128 MiB."
ANSWER = msgspec.json.encode({"summary": {"text": SAID, "facts": ["F1"]}, "explanation": []}).decode()


PASSED = msgspec.json.encode({"edition": EDITION, "digest": "scripted", "passed": ["read", "ask", "narrate"]})


class Odd:
    """A kind of models whose plugin is broken."""

    name = "odd"

    def open(self, reference: str, settings: ModelSettings) -> LanguageModel:
        """Fail, or give nothing."""
        del settings
        if reference == "nothing":
            return None  # type: ignore[return-value] # a plugin may break its contract
        raise KeyError(reference)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One state directory, so that the rule book is compiled once."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def without(state: Path) -> Bundle:
    """The investigation of the demo incident without a model."""
    return investigated(Installation(Settings(state_dir=str(state))))


@pytest.fixture(scope="module")
def alone(without: Bundle) -> str:
    """Return what was concluded without a model."""
    return fingerprint(without)


def installed(state: Path, use: str = "scripted:test", **model: object) -> Installation:
    return Installation(Settings(state_dir=str(state), model=ModelSettings(use=use, **model)))  # type: ignore[arg-type]


def investigated(installation: Installation) -> Bundle:
    return anyio.run(lambda: diagnose_snapshot(installation, DEMO))


def fingerprint(bundle: Bundle) -> str:
    scope = (bundle.scope.namespaces, bundle.scope.since, bundle.scope.until, sorted(bundle.scope.agents))
    return hashlib.sha256(msgspec.json.encode([scope, bundle.seen.facts]) + concluded(bundle.report)).hexdigest()


def concluded(report: Report) -> bytes:
    return msgspec.json.encode([report.verdict, report.hypotheses, report.ruled_out, report.symptoms, report.timeline])


def test_a_model_is_opened_once_when_it_is_first_needed_and_closed_with_the_installation(state: Path) -> None:
    with scripted(ANSWER, ANSWER) as (kind, model):
        installation = installed(state)
        before = kind.opened

        bundles = [investigated(installation) for _ in range(2)]

    assert (before, kind.opened) == (0, 1)
    assert bundles[0].report.narrative.splitlines()[0].startswith(SAID)
    assert bundles[0].report.versions.model == "scripted:test (unexamined)"
    assert bundles[0].report.cost.llm_calls == 1
    assert model.heard
    installation.close()
    assert model.closed


def test_what_a_model_said_is_replayed_without_it(state: Path) -> None:
    with scripted(ANSWER):
        bundle = investigated(installed(state))
    alone = Installation(Settings(state_dir=str(state)))

    again = replay(bundle_from(bundle_bytes(bundle), "here"), alone.reasoning())

    assert bundle_bytes(again) == bundle_bytes(bundle)
    assert SAID in again.report.narrative


ANYTHING = st.one_of(
    st.text(),
    st.binary().map(lambda some: some.decode("utf-8", "surrogateescape")),
    st.builds(
        lambda text, facts: msgspec.json.encode(
            {"summary": {"text": text, "facts": facts}, "explanation": [{"text": text, "facts": facts}]}
        ).decode(),
        st.text(max_size=300),
        st.lists(st.sampled_from(["F1", "F2", "F99", ""]), min_size=1, max_size=4),
    ),
    st.builds(
        lambda cause, place: f'{{"suggestions": [{{"cause": "{cause}", "component": "{place}"}}], "first": ["Q1"]}}',
        st.sampled_from(["memory-limit-too-low", "dns-failure", "x"]),
        st.sampled_from(["C1", "C2", "node/node-a"]),
    ),
)


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[list[str]], str]]:
    """Investigate with a model that takes part in all steps and answers what is said; return what was concluded, hashed."""
    state = tmp_path_factory.mktemp("examined")
    (state / "models").mkdir()
    (state / "models" / "scripted.json").write_bytes(PASSED)
    answers: list[str] = []

    with scripted(*[lambda: answers.pop(0)] * 1000), closing(installed(state, suggest=True)) as installation:

        def investigate(said: list[str]) -> str:
            answers[:] = said
            bundle = investigated(installation)
            assert bundle.report.versions.model == "scripted:test"
            return fingerprint(bundle)

        yield investigate


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=st.lists(ANYTHING, min_size=6, max_size=6))
def test_whatever_a_model_answers_nothing_is_concluded_from_it(
    talking: Callable[[list[str]], str], alone: str, answers: list[str]
) -> None:
    assert talking(answers) == alone


@pytest.mark.parametrize(
    ("use", "why"),
    [
        ("odd", "write KIND:NAME, with one of the kinds odd"),
        ("odd:", "write KIND:NAME"),
        ("od:x", "did you mean 'odd'"),
        ("odd:x", "'odd:x': cannot be opened: KeyError: 'x'"),
        ("odd:nothing", "its plugin gave nothing"),
    ],
)
def test_a_model_that_cannot_be_opened_is_said_at_once_if_it_is_required(use: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        ChosenModel(ModelSettings(use=use, required=True), lambda: [Odd()], lambda _: None)


def test_else_it_is_a_gap_and_the_investigation_goes_on(state: Path, without: Bundle) -> None:
    with scripted():
        installation = installed(state, "scripted:broken")

        bundles = [investigated(installation) for _ in range(2)]

    (gap,) = [gap for gap in bundles[1].report.gaps if gap.agent == "model"]
    assert "broken: holds no model" in gap.why
    assert concluded(bundles[0].report) == concluded(bundles[1].report) == concluded(without.report)
    assert bundles[0].report.narrative == without.report.narrative


@pytest.mark.parametrize(
    ("passed", "suggest", "steps"),
    [
        (None, True, {"narrate"}),
        (frozenset(), True, {"suggest"}),
        (frozenset({"ask", "narrate"}), False, {"ask"}),
        (frozenset({"read", "ask"}), True, {"read", "ask", "suggest"}),
    ],
)
def test_a_model_does_what_it_passed_as_far_as_the_settings_let_it(
    passed: frozenset[str] | None, suggest: bool, steps: set[str]
) -> None:
    limits = ModelSettings(use="odd:x", suggest=suggest, steps=("read", "ask") if passed else ("read", "narrate"))
    kind = type("Some", (), {"name": "odd", "open": lambda *_: Scripted()})()

    enabled = ChosenModel(limits, lambda: [kind], lambda _: passed).enabled()

    assert enabled is not None
    assert enabled.steps == steps


@pytest.mark.parametrize(
    ("local", "redact", "hidden"), [(True, None, 0), (False, None, 1), (False, False, 0), (True, True, 1)]
)
def test_names_are_hidden_from_a_model_that_is_elsewhere(
    state: Path, local: bool, redact: bool | None, hidden: bool
) -> None:
    with scripted("", local=local) as (_, model):
        report = investigated(installed(state, redact=redact)).report

    assert ("pricing" in model.heard[0][1].content) is not bool(hidden)
    assert bool(report.cost.model["narrate"].masked.get("names")) is bool(hidden)


def test_without_a_model_nobody_helps(state: Path, without: Bundle) -> None:
    installation = Installation(Settings(state_dir=str(state)))

    assert type(installation.assistant(without.report.incident, TwinStore())) is Nobody
    installation.close()
