"""One incident's calls of a model: within their caps, and never an error."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest
from tests.support.models import Scripted

from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.language.conversation import Conversation
from sre_orchestrator.core.language.ports import Message
from sre_orchestrator.core.models import Fact, ModelUse, Struct
from sre_orchestrator.core.settings import ModelSettings

HELLO = [Message(role="user", content="which?")]


class Pick(Struct, frozen=True, kw_only=True):
    """An answer."""

    number: int


class Upside:
    """Hides by turning letters around."""

    def __init__(self) -> None:
        self.learnt: list[Fact] = []

    def learn(self, facts: Iterable[Fact]) -> None:
        """Keep the facts."""
        self.learnt += facts

    def hide(self, text: str) -> str:
        """Hide."""
        return text.swapcase()

    def restore(self, text: str) -> str:
        """Restore."""
        return text.replace("one", "1")

    def masked(self) -> dict[str, int]:
        """Count nothing."""
        return {}


def talk(model: Scripted, **limits: object) -> Conversation:
    ticks = iter(range(100))
    return Conversation(model, limits=ModelSettings(**limits), clock=lambda: float(next(ticks)))  # type: ignore[arg-type]


def test_an_answer_that_fits_is_returned_and_its_cost_kept_by_step() -> None:
    conversation = talk(Scripted('{"number": 2}', '{"number": 3}', tokens=7))

    answers = [conversation.ask("read", HELLO, Pick, 20), conversation.ask("read", HELLO, Pick, 20)]

    assert answers == [Pick(number=2), Pick(number=3)]
    assert conversation.uses == {"read": ModelUse(calls=2, prompt_tokens=14, completion_tokens=14, elapsed_ms=2000)}


@pytest.mark.parametrize("text", ["", "no JSON", '{"number": "two"}', '{"number": 1, "more": 2}', "[" * 100_000])
def test_an_answer_that_does_not_fit_is_no_answer(text: str) -> None:
    conversation = talk(Scripted(text))

    assert conversation.ask("read", HELLO, Pick, 20) is None
    assert "does not fit" in conversation.uses["read"].failures[0]
    assert conversation.uses["read"].completion_tokens == 10


def test_a_model_that_fails_is_no_answer() -> None:
    def refuse() -> str:
        raise ModelError("401: the key is not accepted")

    conversation = talk(Scripted(refuse))

    assert conversation.ask("ask", HELLO, Pick, 20) is None
    assert "the key is not accepted" in conversation.uses["ask"].failures[0]


def test_a_model_that_never_returns_holds_nobody_up() -> None:
    end = threading.Event()

    def hang() -> str:
        end.wait(30)
        return '{"number": 1}'

    conversation = Conversation(Scripted(hang), limits=ModelSettings(call_seconds=0.05))

    assert conversation.ask("read", HELLO, Pick, 20) is None
    assert conversation.uses["read"].failures == ("no answer in time",)
    end.set()


def test_no_call_is_made_that_would_exceed_the_tokens_of_the_incident() -> None:
    model = Scripted('{"number": 2}', '{"number": 3}', tokens=40)
    conversation = talk(model, tokens=100)

    answers = [conversation.ask("read", HELLO, Pick, 50), conversation.ask("ask", HELLO, Pick, 50)]

    assert answers == [Pick(number=2), None]
    assert len(model.heard) == 1
    assert "more than is left" in conversation.uses["ask"].failures[0]


def test_no_call_is_made_that_the_context_cannot_hold() -> None:
    model = Scripted('{"number": 2}', context_tokens=30)

    assert talk(model).ask("read", HELLO, Pick, 50) is None
    assert not model.heard


def test_no_call_is_made_when_the_time_is_used_up() -> None:
    model = Scripted('{"number": 2}', '{"number": 3}')
    conversation = talk(model, seconds=1)

    answers = [conversation.ask("read", HELLO, Pick, 20), conversation.ask("read", HELLO, Pick, 20)]

    assert answers == [Pick(number=2), None]
    assert conversation.uses["read"].failures == ("not asked: no time is left",)


def test_what_leaves_is_hidden_and_what_comes_back_restored() -> None:
    model = Scripted('{"number": one}', local=False)
    conversation = Conversation(model, limits=ModelSettings(), disguise=Upside())

    assert conversation.ask("read", HELLO, Pick, 20) == Pick(number=1)
    assert model.heard[0][0].content == "WHICH?"


def test_a_closed_list_of_one_incident_is_what_the_model_is_held_to() -> None:
    model = Scripted('{"number": 2}', '{"number": 2}')
    conversation = talk(model)

    conversation.ask("read", HELLO, Pick, 20, schema={"type": "object", "enum": [2]})
    conversation.ask("read", HELLO, Pick, 20)

    assert model.schemas[0] == {"type": "object", "enum": [2]}
    assert "Pick" in str(model.schemas[1])


def test_an_answer_that_is_refused_later_is_a_failure_too() -> None:
    conversation = talk(Scripted())

    conversation.fail("narrate", "no sentence could be used")

    assert conversation.uses == {"narrate": ModelUse(failures=("no sentence could be used",))}


def test_what_facts_name_is_learnt() -> None:
    disguise = Upside()
    seen = Fact(id="f0", kind="claim.lacking", component="deployment/shop/cart", agent="storage")

    Conversation(Scripted(), limits=ModelSettings(), disguise=disguise).learn([seen])
    Conversation(Scripted(), limits=ModelSettings()).learn([seen])

    assert disguise.learnt == [seen]


def test_secrets_are_hidden_from_every_model_and_what_is_hidden_is_counted_by_step() -> None:
    model = Scripted('{"number": 2}', '{"number": 2}', '{"number": 2}')
    conversation = talk(model)
    leaking = [Message(role="user", content="token=hunter22 and password=hunter22")]

    conversation.ask("read", leaking, Pick, 20)
    conversation.ask("read", leaking, Pick, 20)
    conversation.ask("ask", HELLO, Pick, 20)

    assert "hunter22" not in str(model.heard)
    assert {step: use.masked for step, use in conversation.uses.items()} == {"read": {"secrets": 4}, "ask": {}}


def test_what_a_call_without_an_answer_cost_counts_as_estimated() -> None:
    def cut_off() -> str:
        raise ModelError("too long", prompt_tokens=30, completion_tokens=20)

    conversation = talk(Scripted(cut_off, '{"number": 2}'), tokens=70)
    conversation.ask("read", HELLO, Pick, 20)
    conversation.ask("ask", HELLO, Pick, 20)

    assert conversation.uses["read"] == ModelUse(
        calls=1,
        prompt_tokens=30,
        completion_tokens=20,
        estimated=True,
        elapsed_ms=1000,
        failures=("ModelError: too long",),
    )
    assert conversation.uses["ask"].calls == 0
