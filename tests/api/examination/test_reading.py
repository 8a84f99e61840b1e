"""How well a model reads, beside the words that read anyway."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest
from examinees import Examinee
from models import Scripted

from sre_orchestrator.api.examination.papers import Papers
from sre_orchestrator.api.examination.reading import examine_reading, graded
from sre_orchestrator.api.examination.sitting import Room
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.language.ports import LanguageModel
from sre_orchestrator.core.models import Scope

In = Callable[[LanguageModel], Room]


def test_one_that_reads_rightly_passes(
    papers: Papers, installation: Installation, room: In, knowing: Callable[..., Examinee]
) -> None:
    found = examine_reading(papers.texts, installation, room(knowing("read")))

    assert found.passed
    assert found.right > found.default_right > 9
    assert found.measures["agents_right"] == 1
    assert found.measures["components_f1"] > found.measures["default_components_f1"]


@pytest.mark.parametrize("confidence", ["low", "high"])
def test_one_that_says_always_the_same_fails(
    papers: Papers, installation: Installation, room: In, confidence: str
) -> None:
    answer = {"components": ["C1"], "symptoms": ["errors"], "agents": ["logs"], "confidence": confidence}

    found = examine_reading(papers.texts, installation, room(Scripted(*[json.dumps(answer)] * 36)))

    assert not found.passed
    assert (found.right == found.default_right) == (confidence == "low")
    assert found.why == "no better than without it"


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({}, True),
        ({"symptoms": ("errors", "slow")}, True),
        ({"symptoms": ()}, False),
        ({"components": ()}, False),
        ({"components": ("deployment/shop/cart", "deployment/shop/checkout")}, False),
        ({"agents": ("helm", "logs")}, False),
        ({"agents": ()}, False),
    ],
)
def test_right_is_exactly_what_is_meant(papers: Papers, changes: dict[str, object], right: bool) -> None:
    paper = next(one for one in papers.texts.texts if one.id == "kasse-fehler")
    incident = paper.incident()
    scope = Scope(
        incident=incident, namespaces=("shop",), since=incident.at, until=incident.at,
        components=("deployment/shop/checkout",), symptoms=("errors",), agents=("logs", "helm"),
    )  # fmt: skip

    assert graded(msgspec.structs.replace(scope, **changes), paper).right is right
