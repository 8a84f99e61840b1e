"""A model is examined in each step, as in an incident."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from copy import copy
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from examinees import SILENT_AFTER, Dead, Examinee
from local_models import smollm2

from sre_orchestrator.api.examination.examining import STEPS, examine
from sre_orchestrator.api.examination.papers import Papers
from sre_orchestrator.api.examination.stored import Examination
from sre_orchestrator.api.examination.telling import headline, table
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.language.ports import Allowance, Completion, LanguageModel, Message
from sre_orchestrator.core.settings import ModelSettings, Settings

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
Examine = Callable[..., Examination]


@pytest.fixture
def examined(installation: Installation, papers: Papers) -> Examine:
    """Return ``examined(model, call_seconds=0.1)``."""

    def call(model: LanguageModel, **settings: object) -> Examination:
        limited = copy(installation)
        limits = msgspec.convert(settings, ModelSettings)
        limited.settings = msgspec.structs.replace(installation.settings, model=limits)
        return examine(model, limited, papers, steps=STEPS, at=NOW)

    return call


@pytest.mark.parametrize(
    "knows", [("read", "ask", "narrate"), ("narrate",), ("ask",), ()], ids=["all", "narrate", "ask", "nothing"]
)
def test_a_model_passes_what_it_knows(
    examined: Examine, knowing: Callable[..., Examinee], knows: tuple[str, ...]
) -> None:
    found = examined(knowing(*knows))

    assert found.passed == knows
    assert [one.step for one in found.results] == ["read", "ask", "narrate"]
    assert (found.model, found.digest, found.at) == ("scripted:examinee", "0123456789abcdef", NOW)


def test_a_dead_model_is_asked_a_few_times_and_passes_nothing(examined: Examine, papers: Papers) -> None:
    dead = Dead(papers, ())

    found = examined(dead)

    assert (found.passed, len(dead.asked)) == ((), 3 * SILENT_AFTER)
    assert {one.right for one in found.results} == {0}


class Slow(Examinee):
    """Answers when nobody waits any more."""

    def __init__(self, papers: Papers) -> None:
        super().__init__(papers, STEPS)
        self.late = threading.Event()

    def complete(self, messages: Sequence[Message], schema: Mapping[str, object], allowance: Allowance) -> Completion:
        """Wait for the end."""
        self.late.wait(60)
        return super().complete(messages, schema, allowance)


@pytest.fixture
def slow(papers: Papers) -> Iterator[Slow]:
    """Return a model that is let go at the end of the test."""
    model = Slow(papers)
    yield model
    model.late.set()


def test_what_comes_too_late_is_no_answer(examined: Examine, slow: Slow) -> None:
    found = examined(slow, call_seconds=0.05)

    assert (found.passed, {one.asked for one in found.results}) == ((), {SILENT_AFTER})
    assert found.results[0].why == "3 papers in a row without an answer (no answer in time)"
    assert found.results[0].p95_ms >= 50


def test_a_model_that_is_elsewhere_is_examined_with_pseudonyms(
    examined: Examine, knowing: Callable[..., Examinee]
) -> None:
    model = knowing("narrate")
    model.local = False

    found = examined(model)

    assert found.passed == ("narrate",)
    assert len(model.heard) == 84
    assert not re.search("checkout|ledger|route-planner", "".join(model.heard))


def test_a_small_model_fails_to_read_and_is_told_so(tmp_path: Path, papers: Papers) -> None:
    file = smollm2()
    settings = ModelSettings(use=f"llama_cpp:{file}", threads=1, call_seconds=10)

    with closing(Installation(Settings(state_dir=str(tmp_path), model=settings))) as installation:
        found = examine(installation.model.need(), installation, papers.some(1), steps=("read",), at=NOW)

    lines = [headline(found), *table(found)]
    assert found.passed == ()
    assert "may: nothing" in lines[0]
    assert lines[-1].startswith("fails reading: ")
    assert "; not used for reading: " in lines[-1]
