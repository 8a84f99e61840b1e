"""The door to llama.cpp: what it refuses has a reason, and nothing of it is written anywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from confined import without_network
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from local_models import smollm2

from sre_orchestrator.core.errors import InputError, ModelError
from sre_orchestrator.core.language.ports import Allowance, LanguageModel, Message
from sre_orchestrator.plugins.models.llama_cpp.engine import Engine, Sizes, _library
from sre_orchestrator.plugins.models.llama_cpp.model import LocalModel
from sre_orchestrator.plugins.models.llama_cpp.worker import Worker

SECONDS = 100.0
SCRIPT = """
from pathlib import Path
import sys
from sre_orchestrator.core.language.ports import Allowance, Message
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.plugins.models.llama_cpp import LlamaCpp

model = LlamaCpp(Path(sys.argv[2])).open(sys.argv[1], ModelSettings(threads=1, context_tokens=256))
schema = {"enum": ["yes", "no"]}
answer = model.complete([Message(role="user", content="well?")], schema, Allowance(completion_tokens=9, seconds=200))
assert answer.text in {'"yes"', '"no"'}
"""


@pytest.fixture
def worker(chat: LanguageModel) -> Worker:
    assert isinstance(chat, LocalModel)
    return chat._worker


def test_it_works_without_a_network_writes_nothing_and_ends_by_itself(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(smollm2()), str(tmp_path)]

    done = subprocess.run(without_network(command), capture_output=True, text=True, timeout=250, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))  # it lacks bytes that are rare
def test_every_text_has_tokens_that_spell_it(worker: Worker, text: str) -> None:
    spelled = worker.do(lambda engine: engine.text(engine.tokens(text, markers=False)), SECONDS)

    assert spelled == text


def test_a_grammar_that_llama_cpp_refuses_is_an_error(worker: Worker) -> None:
    with pytest.raises(ModelError, match="refuses the grammar"):
        worker.do(lambda engine: engine.answer("root ::= (", 5), SECONDS)


def test_a_model_that_finds_nothing_that_fits_is_an_error(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "_permitted", lambda *_: np.array([-np.inf]))

    def answer(engine: Engine) -> list[int]:
        engine.read(engine.tokens("x", markers=False))
        return engine.answer('root ::= "a"', 5)

    with pytest.raises(ModelError, match="finds nothing that fits"):
        worker.do(answer, SECONDS)


def test_what_llama_cpp_cannot_compute_is_an_error(worker: Worker) -> None:
    with pytest.raises(ModelError, match="gave up"):
        worker.do(lambda engine: engine.read([10**9]), SECONDS)


def test_a_context_without_room_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    file = smollm2()
    monkeypatch.setattr(_library().calls, "llama_init_from_model", lambda *_: None)

    with pytest.raises(InputError, match="has no room for 64 tokens"):
        Engine(file, Sizes(context_tokens=64, batch_tokens=32, threads=1))


def test_what_a_prompt_begins_with_is_there_once(
    chat: LanguageModel, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, schema = [Message(role="user", content="x")], {"enum": ["a"]}
    before = chat.complete(said, schema, Allowance(completion_tokens=9, seconds=SECONDS))
    monkeypatch.setattr(worker._engine._llama, "llama_vocab_get_add_bos", lambda _: True)

    assert worker._engine.beginning == (1,)
    assert chat.complete(said, schema, Allowance(completion_tokens=9, seconds=SECONDS)) == before


def test_closing_twice_is_closing_once() -> None:
    engine = Engine(smollm2(), Sizes(context_tokens=64, batch_tokens=32, threads=1))

    engine.close()
    engine.close()
