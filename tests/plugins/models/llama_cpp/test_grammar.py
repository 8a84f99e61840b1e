"""Whatever the grammar of a schema lets through is JSON that decodes as what the schema was made of."""

from __future__ import annotations

import itertools
import random
from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pytest
from derivations import derive
from hypothesis import given, settings
from hypothesis import strategies as st

from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.language.ports import LanguageModel
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.models.llama_cpp.engine import Engine
from sre_orchestrator.plugins.models.llama_cpp.grammar import grammar

Meta = msgspec.Meta
NUMBERS = itertools.count()


class Cause(Enum):
    """A closed list."""

    MEMORY = "memory-limit-too-low"
    QUOTE = 'a "quoted" \\ one\n with ünïcode 🙂'


class Sentence(Struct, frozen=True, kw_only=True):
    """A part of an answer."""

    text: Annotated[str, Meta(max_length=40)]
    facts: Annotated[tuple[Literal["f1", "f2", "f3"], ...], Meta(min_length=1, max_length=3)]


class Tree(Struct, frozen=True, kw_only=True):
    """Holds itself."""

    name: Literal["a", "b"]
    below: Annotated[tuple[Tree, ...], Meta(max_length=1)] = ()


class Answer(Struct, frozen=True, kw_only=True):
    """An answer with one of everything."""

    cause: Cause
    confidence: Annotated[float, Meta(ge=0, le=1)]
    sentences: Annotated[tuple[Sentence, ...], Meta(max_length=2)]
    restarts: int
    replicas: Annotated[int, Meta(ge=-2, lt=3)] | None = None
    words: Annotated[tuple[Annotated[str, Meta(max_length=10)], ...], Meta(max_length=3)] = ()
    sure: bool = False
    tree: Tree | None = None


BOUNDS = st.tuples(st.integers(-100, 100), st.integers(1, 60)).map(lambda pair: (pair[0], pair[0] + pair[1]))
LENGTHS = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda pair: (pair[0], pair[0] + pair[1]))
LEAVES = st.one_of(
    st.sampled_from([str, int, float, bool, Cause, Sentence, Annotated[int, Meta(ge=0)], Annotated[int, Meta(gt=0)]]),
    st.lists(st.text(), min_size=1, max_size=4, unique=True).map(lambda names: Literal[tuple(names)]),
    BOUNDS.map(lambda pair: Annotated[int, Meta(ge=pair[0], le=pair[1])]),
    BOUNDS.map(lambda pair: Annotated[float, Meta(gt=pair[0], lt=pair[1])]),
    LENGTHS.map(lambda pair: Annotated[str, Meta(min_length=pair[0], max_length=pair[1])]),
)
TYPES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda one: one | None),
        st.tuples(inner, LENGTHS).map(
            lambda pair: Annotated[list[pair[0]], Meta(min_length=pair[1][0], max_length=pair[1][1])]
        ),
        st.lists(inner, min_size=1, max_size=4).map(
            lambda all_: msgspec.defstruct(f"Made{next(NUMBERS)}", [(f"key{n}", one) for n, one in enumerate(all_)])
        ),
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60)
@given(TYPES, st.randoms(use_true_random=False))
def test_whatever_a_grammar_lets_through_decodes(wanted: Any, chance: random.Random) -> None:
    rules = grammar(msgspec.json.schema(wanted))

    for _ in range(5):
        msgspec.json.decode(derive(rules, chance.randrange), type=wanted)


def test_llama_cpp_lets_nothing_else_through(chat: LanguageModel) -> None:
    """Here the model's own words are chosen by chance, so that it writes what no model would."""
    rules = grammar(msgspec.json.schema(Answer))

    def babble(engine: Engine) -> str:
        chance = np.random.default_rng(7)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine, "_likeliest", lambda grammar: any_permitted(engine, grammar, chance))
            patch.setattr(engine, "_go_on_with", lambda tokens: None)  # noqa: ARG005 - nobody asks what follows
            return engine.text(engine.answer(rules, 900))

    text = chat._worker.do(babble, 200)  # type: ignore[attr-defined]

    assert isinstance(msgspec.json.decode(text, type=Answer), Answer)


def any_permitted(engine: Engine, rules: Any, chance: np.random.Generator) -> int:
    logits = chance.random(engine.words, np.float32)
    return int(engine._permitted(rules, np.arange(engine.words), logits).argmax())


def test_a_text_holds_no_control_characters_and_no_halves_of_characters() -> None:
    texts = {derive(grammar(msgspec.json.schema(str)), random.Random(seed).randrange) for seed in range(50)}

    assert not [one for text in texts for one in text if one < " " or one == "\x7f"]
    assert not [one for one in texts if "\\u" in one.replace("\\\\", "")]


@pytest.mark.parametrize(
    ("wanted", "longest"),
    [(str, 202), (Annotated[str, Meta(max_length=5000)], 1002), (Annotated[str, Meta(max_length=3)], 5)],
)
def test_every_text_has_a_longest(wanted: Any, longest: int) -> None:
    rules = grammar(msgspec.json.schema(wanted)).replace('| "\\\\" ["\\\\bfnrt]', "")

    assert len(derive(rules, lambda below: below - 1)) == longest


def test_a_list_without_bounds_has_at_most_eight() -> None:
    text = derive(grammar(msgspec.json.schema(list[bool])), lambda below: below - 1)

    assert len(msgspec.json.decode(text)) == 8


@pytest.mark.parametrize("wanted", [Annotated[list[int], Meta(max_length=0)], Literal["only"], None])
def test_where_there_is_no_choice_there_is_one_text(wanted: Any) -> None:
    rules = grammar(msgspec.json.schema(wanted))

    assert derive(rules, lambda _: 0) == derive(rules, lambda below: below - 1)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "string", "pattern": "^a"}, "'pattern'"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "names open"),
        ({"type": "integer", "minimum": 5}, "one side only"),
        ({"type": "integer", "minimum": 0, "maximum": 1000}, "one of 1001 numbers"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "nothing to choose from"),
        ({"type": "string", "minLength": 2000}, "wants 2000"),
        ({"enum": []}, "nothing to choose from"),
        ({}, "None"),
    ],
)
def test_a_schema_that_no_grammar_holds_is_refused(schema: dict[str, object], why: str) -> None:
    with pytest.raises(ModelError, match=why):
        grammar(schema)
