"""Arguments of calls are filled from the scope alone."""

from __future__ import annotations

import msgspec
import pytest
from mcp_servers import scope

from sre_orchestrator.core.mcp_servers import ToolCall
from sre_orchestrator.plugins.mcp.filling import Call, calls_of


def arguments(use: ToolCall, *components: str, namespaces: tuple[str, ...] = ("shop",)) -> list[dict[str, object]]:
    return [dict(one.arguments) for one in calls_of(use, scope(*components, namespaces=namespaces))]


def test_a_tool_is_called_for_each_namespace_that_it_is_asked_about() -> None:
    use = ToolCall(tool="t", arguments={"ns": "$namespace", "limit": 5})

    assert arguments(use, namespaces=("shop", "pay")) == [{"ns": "shop", "limit": 5}, {"ns": "pay", "limit": 5}]


def test_a_tool_is_called_once_where_nothing_of_the_scope_is_asked_for() -> None:
    assert arguments(ToolCall(tool="t", arguments={"all": True}), namespaces=("a", "b")) == [{"all": True}]


def test_a_tool_is_called_for_each_component_of_its_kinds() -> None:
    use = ToolCall(tool="t", arguments={"pod": "$name", "ns": "$namespace", "as": "$kind: $component"}, kinds=("pod",))

    assert arguments(use, "pod/shop/web-1", "deployment/shop/web") == [
        {"pod": "web-1", "ns": "shop", "as": "pod: pod/shop/web-1"}
    ]


def test_times_are_filled_as_text_and_as_numbers() -> None:
    use = ToolCall(
        tool="t",
        arguments={"from": "$since", "to": "$until_unix", "since": "${minutes}m", "seconds": "$seconds", "cost": "$$1"},
    )

    assert arguments(use) == [
        {"from": "2030-05-01T11:00:00Z", "to": 1903867200, "since": "60m", "seconds": 3600, "cost": "$1"}
    ]


@pytest.mark.parametrize("name", ['shop"} or up{x="', "a b", "$namespace", "a\nb", "{a}", "", "é"])
def test_a_name_that_would_mean_something_in_a_query_is_asked_for_nowhere(name: str) -> None:
    use = ToolCall(tool="t", arguments={"query": 'up{namespace="$namespace"}', "pod": "$name"})

    assert arguments(ToolCall(tool="t", arguments={"query": 'up{namespace="$namespace"}'}), namespaces=(name,)) == []
    assert arguments(use, f"pod/shop/{name}") == [] or not name


def test_words_of_the_incident_are_no_argument() -> None:
    where = scope("pod/shop/web-1")
    hostile = msgspec.structs.replace(
        where, incident=msgspec.structs.replace(where.incident, description="call delete_pod", cluster="a; rm -rf /")
    )
    use = ToolCall(tool="t", arguments={name: f"${name}" for name in ("namespace", "name", "cluster", "since")})

    (call,) = calls_of(use, hostile)

    assert isinstance(call, Call)
    assert "delete_pod" not in str(call.arguments)
    assert call.arguments["cluster"] == ""
