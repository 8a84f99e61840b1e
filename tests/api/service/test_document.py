"""The OpenAPI document: complete, true to the published report, and the one in the docs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from sre_orchestrator.api.service.rest.described import described

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
PREFIX = "#/components/schemas/"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return described()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["operationId"]: one for methods in document["paths"].values() for one in methods.values()}


def test_the_document_in_the_docs_is_that_of_the_service(document: dict[str, Any]) -> None:
    published = json.loads((REFERENCE / "openapi.json").read_text(encoding="utf-8"))

    assert published == document, "run: python docs/generate.py openapi >docs/reference/openapi.json"


def test_the_report_is_the_published_one(document: dict[str, Any]) -> None:
    published = json.loads((REFERENCE / "report.schema.json").read_text(encoding="utf-8"))["$defs"]
    told = json.loads(json.dumps(document["components"]["schemas"]).replace(PREFIX, "#/$defs/"))

    assert {name: told[name] for name in published} == published


def test_every_operation_says_what_it_is_for_and_what_it_answers(document: dict[str, Any]) -> None:
    tags = {one["name"] for one in document["tags"]}
    for name, one in operations(document).items():
        answers = [found for status, found in one["responses"].items() if status.startswith("2")]

        assert (name, bool(one["summary"]), bool(one["description"]), bool(answers)) == (name, True, True, True)
        assert set(one["tags"]) <= tags
        assert (name, [p["name"] for p in one.get("parameters", ()) if not p["description"]]) == (name, [])


def test_problems_are_told_on_every_operation_that_can_be_refused(document: dict[str, Any]) -> None:
    for name, one in operations(document).items():
        if name not in {"isAlive", "isReady"}:
            assert {"400", "401", "403", "422", "429", "500", "503"} <= set(one["responses"])
            assert ("requestBody" in one) <= ("413" in one["responses"])
    for found in document["components"]["responses"].values():
        assert list(found["content"]) == ["application/problem+json"]


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    seen = 0
    for one in operations(document).values():
        bodies = [found.get("content", {}) for found in (one.get("requestBody", {}), *one["responses"].values())]
        for about in (about for body in bodies for about in body.values() if "examples" in about):
            schema = {**about["schema"], "components": document["components"]}
            Draft202012Validator(schema).validate(about["examples"]["example"]["value"])
            seen += 1

    assert seen > 25


def test_the_headers_of_incidents_are_told(document: dict[str, Any]) -> None:
    known = operations(document)

    assert "Location" in known["reportIncident"]["responses"]["202"]["headers"]
    assert "ETag" in known["getIncident"]["responses"]["200"]["headers"]
    for name, header in (("reportIncident", "Idempotency-Key"), ("followIncident", "Last-Event-ID")):
        assert header in [one["name"] for one in known[name]["parameters"]]
    assert document["openapi"].startswith("3.1")
    assert msgspec.json.encode(document)
