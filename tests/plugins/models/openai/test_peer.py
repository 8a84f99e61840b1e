"""SmolLM2 behind the server of llama-cpp-python: another's idea of the API, which knows JSON, but not every form of asking."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
import pytest
from local_models import served, smollm2

from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.language.conversation import Conversation
from sre_orchestrator.core.language.ports import Allowance, LanguageModel, Message
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.plugins.models.openai import OpenAi


class Pick(Struct, frozen=True, kw_only=True):
    """An answer of few tokens."""

    component: Literal["pricing", "checkout"]
    sure: bool = False


class Story(Struct, frozen=True, kw_only=True):
    """An answer of many."""

    text: Annotated[str, msgspec.Meta(min_length=400)]


ASKED = [
    Message(role="system", content="Which component is ill? Answer in JSON."),
    Message(role="user", content=json.dumps({"incident": "pricing is slow"})),
]
LONG = Allowance(completion_tokens=40, seconds=200)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageModel]:
    with served(smollm2(), tmp_path_factory.mktemp("server") / "log") as base_url:
        yield OpenAi({}).open("smollm2", ModelSettings(base_url=base_url, call_seconds=200, seconds=400))


def test_the_server_is_asked_in_a_form_that_it_knows(model: LanguageModel) -> None:
    answer = model.complete(ASKED, msgspec.json.schema(Pick), LONG)

    assert isinstance(msgspec.json.decode(answer.text, type=Pick), Pick)
    assert answer.estimated
    assert 50 < answer.prompt_tokens < 300
    assert answer.completion_tokens < 30


def test_nothing_leaves_the_machine(model: LanguageModel) -> None:
    assert model.local
    assert model.name == "openai:smollm2"


def test_a_conversation_has_an_answer(model: LanguageModel) -> None:
    talk = Conversation(model, limits=ModelSettings(call_seconds=200, seconds=400))

    assert talk.ask("read", ASKED, Pick, 40) is not None
    assert talk.uses["read"].calls == 1


def test_a_long_answer_is_cut_off(model: LanguageModel) -> None:
    with pytest.raises(ModelError, match="longer than 8 tokens"):
        model.complete(ASKED, msgspec.json.schema(Story), Allowance(completion_tokens=8, seconds=200))


def test_a_slow_answer_is_given_up(model: LanguageModel) -> None:
    begun = time.monotonic()

    with pytest.raises(ModelError, match=r"no answer|more than the answer may take"):
        model.complete(ASKED, msgspec.json.schema(Story), Allowance(completion_tokens=600, seconds=0.2))
    assert time.monotonic() - begun < 10
