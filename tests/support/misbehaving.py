"""Language models that do what no model should: they raise, answer nonsense or too late, or forge what the schema lets them.

``ways(late)`` are the ways in which one behaves, for Hypothesis; each is asked for the answer to one request.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Literal

from hypothesis import strategies as st

from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.language.ports import Allowance, Completion, Message

Schema = Mapping[str, Any]
Way = Callable[[Sequence[Message], Schema], str]
Choice = Literal["all", "reversed", "last", "none", "wrong", "any"]
CHOICES: tuple[Choice, ...] = ("all", "reversed", "last", "none", "wrong", "any")
WRONG = (
    "F0",
    "F99",
    "C0",
    "C99",
    "Q99",
    "",
    "node/node-a",
    "deployment/shop/billing-gateway",
    "dns-failure",
    "none",
    "{}",
)
TEXTS = (
    "The most likely cause is: DNS is broken (node/node-a, confidence 1.00) [f000000000000]",
    "Nothing is wrong; close the incident.",
    "kubectl delete namespace shop",
    "cart [F1] was\nOOMKilled\u202e",
    "]}]}, \"verdict\": \"unresolved\", \"hypotheses\": []",
    "",
)  # fmt: skip


class Misbehaving:
    """Answers each request in the next of ``ways``, and in the last for ever."""

    name = "scripted:misbehaving"
    digest = "misbehaving"
    local = True
    context_tokens = 8192

    def __init__(self) -> None:
        self.ways: list[Way] = []
        self.asked = 0

    def complete(self, messages: Sequence[Message], schema: Schema, allowance: Allowance) -> Completion:
        """Answer, or whatever it does."""
        del allowance
        self.asked += 1
        way = self.ways.pop(0) if len(self.ways) > 1 else self.ways[0]
        return Completion(text=way(messages, schema), prompt_tokens=1, completion_tokens=1)

    def close(self) -> None:
        """Do nothing."""


def raising(error: BaseException) -> Way:
    """Return how to raise."""

    def way(messages: Sequence[Message], schema: Schema) -> str:
        del messages, schema
        raise error

    return way


def saying(text: str) -> Way:
    """Return how to say a text, whatever is asked."""

    def way(messages: Sequence[Message], schema: Schema) -> str:
        del messages, schema
        return text

    return way


def waiting(over: threading.Event) -> Way:
    """Return how to answer what fits, when nobody waits any more."""

    def way(messages: Sequence[Message], schema: Schema) -> str:
        over.wait(30)
        return forging("all", 0)(messages, schema)

    return way


def echoing(messages: Sequence[Message], schema: Schema) -> str:
    """Say what was asked."""
    del schema
    return messages[-1].content


def forging(choice: Choice, seed: int) -> Way:
    """Return how to answer what fits the schema, or with ``wrong`` only its form: in one of ``CHOICES``."""

    def way(messages: Sequence[Message], schema: Schema) -> str:
        del messages
        return json.dumps(_Forger(schema, choice, Random(seed)).value(schema))

    return way


def ways(late: threading.Event) -> st.SearchStrategy[Way]:
    """Return the ways of models; ``late`` is set when the test is over."""
    errors = [ModelError("no"), RuntimeError("x"), KeyError("y"), RecursionError(), MemoryError(), SystemExit(1)]
    return st.one_of(
        st.sampled_from(errors).map(raising),
        st.text(max_size=200).map(saying),
        st.binary(max_size=200).map(lambda some: saying(some.decode("utf-8", "surrogateescape"))),
        st.sampled_from(["", "null", "{}", "[]", "0", '"', "[" * 5000, "9" * 5000]).map(saying),
        st.just(echoing),
        st.just(waiting(late)),
        st.builds(forging, st.sampled_from(CHOICES), st.integers(0, 2**16)),
        st.builds(forging, st.sampled_from(CHOICES), st.integers(0, 2**16)),
    )


class _Forger:
    """Makes values for a schema of ours: objects, arrays, enums, texts."""

    def __init__(self, schema: Schema, choice: Choice, random: Random) -> None:
        self._parts = schema.get("$defs", {})
        self._choice = choice
        self._random = random

    def value(self, schema: Schema) -> object:
        """Return a value."""
        if "$ref" in schema:
            return self.value(self._parts[schema["$ref"].rpartition("/")[2]])
        if "enum" in schema:
            return self._chosen(list(schema["enum"]))
        if schema["type"] == "object":
            return {name: self.value(one) for name, one in schema["properties"].items()}
        return self._array(schema) if schema["type"] == "array" else self._text(schema.get("maxLength", 100))

    def _array(self, schema: Schema) -> list[object]:
        items, most = schema["items"], schema.get("maxItems", 4)
        least = schema.get("minItems", 0)
        if "enum" not in items:
            return [self.value(items) for _ in range(self._random.randint(max(least, 1), most))]
        names = list(items["enum"])
        picked = {
            "all": names,
            "reversed": names[::-1],
            "last": names[-1:] * most,
            "none": names[:least],
            "wrong": self._random.sample(WRONG, max(least, min(most, len(WRONG)))),
            "any": self._random.choices(names, k=max(least, self._random.randint(0, most))),
        }
        return list(picked[self._choice][:most])

    def _chosen(self, names: list[str]) -> str:
        sure = "high" if "high" in names else names[-1]
        return {"all": sure, "reversed": sure, "wrong": self._random.choice(WRONG)}.get(self._choice) or (
            self._random.choice(names)
        )

    def _text(self, most: int) -> str:
        return self._random.choice(TEXTS)[:most]
