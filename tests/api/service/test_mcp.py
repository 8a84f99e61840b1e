"""Tools for assistants: what they ask, what they answer, and to whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from anyio.from_thread import start_blocking_portal
from assistant import Assistant, connected
from jsonschema import Draft202012Validator
from mcp import MCPError
from structlog.testing import capture_logs

from sre_orchestrator.api.service.dispatch import InProcess, Silent, utc_now
from sre_orchestrator.api.service.investigators import Recorded
from sre_orchestrator.api.service.mcp.server import server_of
from sre_orchestrator.api.service.mcp.shaping import LONG, PASSAGE
from sre_orchestrator.api.service.ports import Caller, Runbooks
from sre_orchestrator.api.service.runbooks import runbook_of
from sre_orchestrator.api.service.security.callers import ANYBODY
from sre_orchestrator.api.service.security.scoped import ScopedStore
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.api.service.twins import RecordedTwin
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import Settings

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
READER = Caller(name="reader", scopes=frozenset({"read"}))
REPORTER = Caller(name="reporter", scopes=frozenset({"report"}))
SHOP = Caller(name="shop", scopes=frozenset({"read", "report"}), namespaces=("shop",))
BANK = Caller(name="bank", scopes=frozenset({"read", "report"}), namespaces=("bank",))
READING = {
    "get_incident", "list_incidents", "explain", "why_not", "component", "impact", "changes", "search_runbooks",
}  # fmt: skip
PRICING = "deployment/shop/pricing"


class As:
    """Who calls at the moment."""

    caller: Caller = ANYBODY


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with closing(open_database("", tmp_path_factory.mktemp("store"))) as store:
        yield store


@pytest.fixture
def shelf(store: Database) -> Runbooks:
    return store.runbooks


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory, store: Database) -> Iterator[Assistant]:
    installation = Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))
    dispatcher = InProcess(store, Recorded(installation, DEMO), Silent(), limits=installation.settings.service)
    with closing(RecordedTwin(installation, DEMO)) as twins, start_blocking_portal() as portal:
        service = Service(installation=installation, store=ScopedStore(store), dispatcher=dispatcher, twins=twins)
        with (
            portal.wrap_async_context_manager(dispatcher.running()),
            connected(server_of(service, lambda _: As.caller), portal) as assistant,
        ):
            yield assistant


@pytest.fixture
def assistant(speaking: Assistant) -> Iterator[Assistant]:
    yield speaking
    As.caller = ANYBODY


@pytest.fixture(scope="module")
def incident(speaking: Assistant) -> str:
    """Return an incident of the namespace shop that is done."""
    reported = speaking.told("report_incident", description="checkout answers 500", namespace="shop")
    done = speaking.told("get_incident", incident=reported["incident"], wait_seconds=30)
    assert done["status"] == "done"
    return str(reported["incident"])


def test_a_problem_in_words_becomes_ranked_hypotheses(assistant: Assistant) -> None:
    reported = assistant.told("report_incident", description="checkout answers 500")
    found = assistant.told("get_incident", incident=reported["incident"], wait_seconds=30)

    first = found["findings"]["hypotheses"][0]
    assert (found["verdict"], first["cause"], first["component"]) == ("diagnosed", "memory-limit-too-low", PRICING)
    assert first["remedy"]
    assert found["findings"]["gaps"][0]["remedy"]
    assert "explain" in found["next"]


def test_an_answer_is_the_same_as_text_and_as_data(assistant: Assistant, incident: str) -> None:
    answer = assistant.call("get_incident", incident=incident)

    (text,) = answer.content
    assert json.loads(getattr(text, "text", "")) == answer.structured_content


def test_a_proof_leads_to_facts_and_commands(assistant: Assistant, incident: str) -> None:
    proof = assistant.told("explain", incident=incident)

    cited = proof["proof"][0]["facts"]
    assert proof["cause"] == "memory-limit-too-low"
    assert set(cited) <= proof["facts"].keys()
    assert any(one["command"].startswith("kubectl") for one in proof["facts"].values())


def test_another_cause_is_answered_with_what_it_lacks(assistant: Assistant, incident: str) -> None:
    asked = {"cause": "image-reference-wrong", "component": "deployment/shop/checkout"}

    tried = assistant.told("why_not", incident=incident, **asked)["trials"]

    assert tried
    assert all(one["unmet"] for one in tried)


def test_incidents_are_found_by_what_was_concluded(assistant: Assistant, incident: str) -> None:
    found = assistant.told(
        "list_incidents", component=PRICING, cause="memory-limit-too-low", since="2020-01-01T00:00:00"
    )
    none = assistant.told("list_incidents", until="0001-01-01T00:00:00+14:00")

    assert incident in [one["id"] for one in found["items"]]
    assert none == {"items": [], "next_cursor": ""}


def test_pages_of_incidents_follow_each_other(assistant: Assistant, incident: str) -> None:
    del incident
    assistant.told("report_incident", description="another")

    first = assistant.told("list_incidents", limit=1)
    second = assistant.told("list_incidents", limit=1, cursor=first["next_cursor"])

    assert first["items"][0]["id"] != second["items"][0]["id"]


def test_the_cluster_can_be_looked_at(assistant: Assistant) -> None:
    about = assistant.told("component", component=PRICING)
    up = assistant.told("impact", component=PRICING)
    down = assistant.told("impact", component=PRICING, direction="down", hops=1)
    changes = assistant.told("changes", component=PRICING, since="2000-01-01T00:00:00Z", until="9999-12-31T00:00:00Z")

    assert about["attributes"]["replicas"] == 2
    assert {"source": PRICING, "kind": "owns"}.items() <= about["edges"][1].items()
    assert "deployment/shop/orders" in up["components"]
    assert len(down["components"]) < len(up["components"])
    assert {one["component"] for one in changes["changes"]} == {PRICING}


def test_a_model_is_told_what_reads_and_what_acts(assistant: Assistant) -> None:
    tools = assistant.tools()

    reads = {name for name, tool in tools.items() if tool.annotations and tool.annotations.read_only_hint}
    assert reads == tools.keys() - {"report_incident"} == READING
    assert not any(tool.annotations.destructive_hint for tool in tools.values() if tool.annotations)
    assert all(len(tool.description or "") > 80 for tool in tools.values())


def test_schemas_describe_every_field(assistant: Assistant) -> None:
    for tool in assistant.tools().values():
        Draft202012Validator.check_schema(tool.input_schema)
        Draft202012Validator.check_schema(tool.output_schema or {})

        assert (tool.input_schema["type"], (tool.output_schema or {})["type"]) == ("object", "object")
        assert tool.input_schema["additionalProperties"] is False
        assert [name for name, field in tool.input_schema["properties"].items() if "description" not in field] == []


def test_nothing_of_the_cluster_is_in_what_a_model_is_told_of_tools(assistant: Assistant, incident: str) -> None:
    told = msgspec.json.encode([one.model_dump(mode="json") for one in assistant.tools().values()])

    assert incident.encode() not in told
    assert b"pricing" not in told


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("get_incident", {"incident": "i0"}, "there is no incident 'i0'"),
        ("get_incident", {}, "missing required field `incident`"),
        ("get_incident", {"incident": 3}, "Expected `str`, got `int` - at `$.incident`"),
        ("get_incident", {"incident": "i" * 9_000_000}, "length <= 40"),
        ("get_incident", {"incident": "i0\x00"}, "matching regex"),
        ("get_incident", {"incident": "i0", "wait_seconds": 10**9}, "<= 30"),
        ("get_incident", {"incident": "i0", "report": True}, "unknown field `report`"),
        ("get_incident", {"incident": {"$ne": 1}}, "Expected `str`, got `object`"),
        ("explain", {"incident": "../../etc/passwd"}, "there is no incident"),
        ("explain", {"incident": "i0", "hypothesis": 0}, ">= 1"),
        ("list_incidents", {"cursor": "x"}, "is none of ours"),
        ("list_incidents", {"status": "gone"}, "Invalid enum value 'gone'"),
        ("list_incidents", {"since": "yesterday"}, "RFC3339"),
        ("list_incidents", {"limit": 51}, "<= 50"),
        ("report_incident", {"description": " "}, "matching regex"),
        ("report_incident", {"description": "x" * 4001}, "length <= 4000"),
        ("report_incident", {"description": "x", "at": "2030-05-01T12:00:00"}, "timezone"),
        ("report_incident", {"description": "x", "at": "1999-05-01T12:00:00Z"}, "is no time of an incident"),
        ("component", {"component": "deployment/shop/pricin"}, f"did you mean '{PRICING}'"),
        ("impact", {"component": "' OR 1=1 --"}, "there is no component"),
        ("impact", {"component": PRICING, "hops": 13}, "<= 12"),
        ("changes", {"component": "pod/shop/none"}, "there is no component"),
        ("why_not", {"incident": "i0", "cause": "x", "component": "y"}, "there is no incident 'i0'"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_an_error_that_says_why(
    assistant: Assistant, tool: str, arguments: dict[str, Any], why: str
) -> None:
    refused = assistant.refused(tool, **arguments)

    assert why in refused
    assert len(refused) < LONG


def test_an_unknown_cause_or_hypothesis_is_answered_with_known_ones(assistant: Assistant, incident: str) -> None:
    asked = {"incident": incident, "component": PRICING, "cause": "memory-limit-low"}

    assert "did you mean 'memory-limit-too-low'" in assistant.refused("why_not", **asked)
    assert "1 is the most probable" in assistant.refused("explain", incident=incident, hypothesis=99)


def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(assistant: Assistant) -> None:
    with pytest.raises(MCPError, match="there is no tool 'delete_everything'; known: report_incident"):
        assistant.call("delete_everything")


def test_only_tools_that_the_caller_may_use_are_told(assistant: Assistant) -> None:
    As.caller = READER
    reader = set(assistant.tools())
    As.caller = REPORTER

    assert (reader, set(assistant.tools())) == (READING, {"report_incident"})


def test_a_scope_is_needed_for_each_call(assistant: Assistant, incident: str) -> None:
    As.caller = READER
    report = assistant.refused("report_incident", description="x")
    As.caller = REPORTER
    read = assistant.refused("get_incident", incident=incident)

    assert "needs the scope report; your key or token has read" in report
    assert "needs the scope read; your key or token has report" in read


def test_what_is_outside_of_the_callers_namespaces_is_not_there(assistant: Assistant, incident: str) -> None:
    As.caller = BANK
    hidden = [
        assistant.refused("get_incident", incident=incident, wait_seconds=30),
        assistant.refused("explain", incident=incident),
        assistant.refused("why_not", incident=incident, cause="memory-limit-too-low", component=PRICING),
        assistant.refused("component", component=PRICING),
        assistant.refused("impact", component=PRICING),
        assistant.refused("changes", component=PRICING),
    ]

    assert all(one.startswith("there is no ") and "did you mean" not in one for one in hidden)
    assert assistant.told("list_incidents")["items"] == []
    assert "namespace 'shop'" in assistant.refused("report_incident", description="x", namespace="shop")


def test_what_is_inside_of_the_callers_namespaces_is_there(assistant: Assistant, incident: str) -> None:
    As.caller = SHOP

    up = assistant.told("impact", component=PRICING)["components"]

    assert assistant.told("get_incident", incident=incident)["id"] == incident
    assert {one.split("/")[1] for one in up} == {"shop"}
    assert {one["target"].split("/")[1] for one in assistant.told("component", component=PRICING)["edges"]} == {"shop"}


def test_the_log_says_who_called_which_tool(assistant: Assistant, incident: str) -> None:
    with capture_logs() as logs:
        As.caller = SHOP
        assistant.told("get_incident", incident=incident)
        assistant.refused("get_incident", incident="sre_0_pasted")

    audit = [(one["who"], one["what"], one["incident"], one["refused"]) for one in logs if one["event"] == "audit"]
    assert audit == [("shop", "mcp get_incident", incident, False), ("shop", "mcp get_incident", "", True)]
    assert "pasted" not in str(logs)


def test_a_failed_investigation_says_why_and_an_open_one_what_to_do(assistant: Assistant) -> None:
    failed = assistant.told("report_incident", description="down", at="2001-01-01T00:00:00Z", namespace="nowhere")
    ended = assistant.told("get_incident", incident=failed["incident"], wait_seconds=30)

    assert ended["status"] in {"done", "failed"}
    assert ended["next"]


def test_runbooks_are_found_by_their_words(assistant: Assistant, shelf: Runbooks) -> None:
    for name, namespace in (("shop", "shop"), ("bank", "bank"), ("all", "")):
        text = f"# Roll back {name}\n\n{'Look at the release. ' * 300}\n\nThen run helm rollback."
        shelf.keep(runbook_of(text, "text/markdown", name=name, namespace=namespace, author="", now=utc_now()), most=9)

    As.caller = SHOP
    found = assistant.told("search_runbooks", words="rollback release")
    first = assistant.told("search_runbooks", words="ROLLBACK", limit=1)
    none = assistant.told("search_runbooks", words="zeppelin")

    assert [one["title"] for one in found["items"]] == ["Roll back all", "Roll back shop"]
    assert "helm rollback" in first["items"][0]["excerpt"]
    assert len(first["items"][0]["text"]) == PASSAGE < first["items"][0]["bytes"]
    assert (first["more"], none) == (True, {"items": [], "more": False})
