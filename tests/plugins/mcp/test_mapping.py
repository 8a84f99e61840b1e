"""Results become facts of the vocabulary, and nothing of a result gets anywhere else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from mcp_servers import scope

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.mcp_servers import FactMapping, ToolCall
from sre_orchestrator.core.models import Fact
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.plugins.mcp.answers import Answer, McpProblem
from sre_orchestrator.plugins.mcp.filling import calls_of
from sre_orchestrator.plugins.mcp.mapping import Left, converted, facts_in, moment

TYPES = {
    kind: {name: attribute.type for name, attribute in about.attributes.items()}
    for kind, about in load_vocabulary().kinds.items()
}
NAMELESS = Left(kind="event", why="'pod/$namespace/$name' cannot be filled with names from it")
LINE = r"^(?P<space>\S+) +(?P<pod>\S+) +(?P<phase>Failed|Pending) +(?P<age>\d+)s?$"


def mapped(answer: Answer, mapping: FactMapping, form: Any = "json") -> list[Fact | Left]:
    use = ToolCall(tool="t", arguments={"namespace": "$namespace"}, format=form, facts=(mapping,))
    call = next(calls_of(use, scope()))
    return list(facts_in(answer, call, scope(), Observer("mcp-x"), TYPES))


def event(**more: Any) -> FactMapping:
    given: dict[str, Any] = {
        "kind": "event",
        "items": "$.items[*]",
        "values": {"name": "about.name", "message": "message", "count": "count", "first": "first", "type": "type"},
        "component": "pod/$namespace/$name",
        "attributes": {"message": "$message", "count": "$count", "type": "$type", "reason": "Told"},
        **more,
    }
    return FactMapping(**given)


def answer(*items: Any) -> Answer:
    return Answer(structured=json.dumps({"items": items}).encode())


def test_items_become_facts_with_the_types_of_the_vocabulary() -> None:
    item = {
        "about": {"name": "web-1"},
        "message": "cannot pull",
        "count": "7",
        "first": "2030-05-01T11:00:00Z",
        "type": "Warning",
    }

    (fact,) = mapped(answer(item), event(at="$first"))

    assert isinstance(fact, Fact)
    assert (fact.kind, fact.component, fact.agent) == ("event", "pod/shop/web-1", "mcp-x")
    assert fact.attributes == {"message": "cannot pull", "count": 7, "type": "Warning", "reason": "Told"}
    assert fact.observed_at == datetime(2030, 5, 1, 11, tzinfo=UTC)
    assert fact.query == "call t namespace=shop"


def test_what_an_item_does_not_have_is_left_out() -> None:
    (fact,) = mapped(answer({"about": {"name": "web-1"}, "count": None}), event(at="$first"))

    assert isinstance(fact, Fact)
    assert fact.attributes == {"reason": "Told"}
    assert fact.observed_at is None


def test_where_chooses_items() -> None:
    items = [{"about": {"name": f"web-{one}"}, "type": one} for one in ("Warning", "Normal", None)]

    found = mapped(answer(*items), event(where={"type": "Warn.*"}))

    assert [one.component for one in found if isinstance(one, Fact)] == ["pod/shop/web-Warning"]
    assert len(found) == 1


def test_lines_of_a_text_become_facts() -> None:
    text = "NAMESPACE POD PHASE AGE\nshop web-1 Failed 90s\nshop web-2 Running 5s\nother web-3 Failed 1s\n"
    mapping = FactMapping(
        kind="pod.phase",
        lines=LINE,
        component="pod/$space/$pod",
        attributes={"phase": "$phase", "age_seconds": "$age"},
    )

    found = mapped(Answer(text=text), mapping, "text")

    assert isinstance(found[0], Fact)
    assert found[0].attributes == {"phase": "Failed", "age_seconds": 90.0}
    assert found[1:] == [Left(kind="pod.phase", why="it is about a namespace outside the scope")]


def test_yaml_is_read_as_json_is() -> None:
    found = mapped(Answer(text="items:\n- about: {name: web-1}\n  type: Warning\n"), event(), "yaml")

    assert [one.component for one in found if isinstance(one, Fact)] == ["pod/shop/web-1"]


@pytest.mark.parametrize(
    "name", ["web 1", "web\n1", "../node/a", "w'eb", 'web"', "$name", "", None, 7, ["a"], "x" * 300, "{web}", "-rf"]
)
def test_a_name_that_is_none_names_no_component(name: Any) -> None:
    assert mapped(answer({"about": {"name": name}}), event()) == [NAMELESS]


@pytest.mark.parametrize("count", ["many", "1.5", "nan", "inf", "1e999", True, ""])
def test_a_value_of_another_type_is_no_attribute(count: Any) -> None:
    (left,) = mapped(answer({"about": {"name": "web-1"}, "count": count}), event())

    assert isinstance(left, Left)
    assert "count is no integer" in left.why


def test_secrets_are_masked_and_texts_bounded() -> None:
    item = {"about": {"name": "web-1"}, "message": "password=hunter22 " + "x" * 10_000}

    (fact,) = mapped(answer(item), event())

    assert isinstance(fact, Fact)
    message = str(fact.attributes["message"])
    assert message.startswith("password=*** x")
    assert len(message) <= 4096


@pytest.mark.parametrize(
    ("told", "form"),
    [
        (Answer(text="no pods"), "json"),
        (Answer(text="a: [1"), "yaml"),
        (Answer(text="a: &a [*a]"), "yaml"),
        (Answer(text="[" * 100_000), "json"),
        (Answer(text="\ud800"), "json"),
        (Answer(), "json"),
    ],
)
def test_a_text_that_is_something_else_is_a_problem(told: Answer, form: str) -> None:
    with pytest.raises(McpProblem, match=f"the answer is no {form.upper()}"):
        mapped(told, event(), form)


@pytest.mark.parametrize("told", [7, "x", None, [], {"items": 3}, {"items": {"a": 1}}, {"other": []}])
def test_an_answer_of_another_shape_has_no_facts(told: Any) -> None:
    found = mapped(Answer(structured=json.dumps(told).encode()), event())

    assert not [one for one in found if isinstance(one, Fact)]


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        ("2030-05-01T13:00:00+02:00", "time", "2030-05-01T11:00:00Z"),
        ("soon", "time", None),
        ("FALSE", "boolean", False),
        (True, "string", "true"),
        ("0.5", "number", 0.5),
        ("9" * 400, "number", None),
        ("9" * 5000, "integer", None),
    ],
)
def test_values_are_converted_as_the_vocabulary_declares(value: Any, kind: Any, found: Any) -> None:
    assert converted(value, kind) == found


@pytest.mark.parametrize("value", ["yesterday", "2030-05-01T11:00:00", 1e30, True, None, "12"])
def test_what_is_no_time_is_none(value: Any) -> None:
    assert moment(value) is None
