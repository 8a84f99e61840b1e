"""The OpenAPI document: what Litestar reads from the handlers, with problems, examples and exact schemas added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.openapi.plugins import JsonRenderPlugin

from sre_orchestrator.api.service import components
from sre_orchestrator.api.service.intake.gate import Taken
from sre_orchestrator.api.service.models import (
    Feedback,
    Happened,
    IncidentView,
    Page,
    Reported,
    RunbookPage,
    RunbookView,
    Said,
)
from sre_orchestrator.api.service.rest import catalogue, examples, graph, problems, replays
from sre_orchestrator.api.service.telemetry.health import Readiness
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.plugins import PluginInfo
from sre_orchestrator.rules.whynot import Trial

Document = dict[str, Any]
SCHEMAS = "#/components/schemas/"
STRUCTS = (
    *(Report, IncidentView, Page, Reported, Feedback, Happened, Taken, PluginInfo, Trial, problems.Problem),
    *(catalogue.RuleList, catalogue.RuleView, catalogue.CauseInfo, catalogue.CauseView, catalogue.AgentInfo),
    *(RunbookView, RunbookPage, Said),
    *(components.ComponentPage, components.Impact, components.Changes, replays.Replayed, graph.IncidentGraph),
    Readiness,
)
ALWAYS = (400, 401, 403, 408, 414, 429, 431, 500, 503)
WITH_PATH, WITH_BODY = (404,), (413,)
UNPROCESSABLE = (422,)
TAGS = {
    "incidents": "Report what is wrong, follow its investigation, read and question the answer.",
    "alerts": "Alerting systems report here; what they say is folded into incidents.",
    "components": "The graph of the cluster: what there is, what a fault reaches, what changed.",
    "runbooks": "Documents that tell people what to do.",
    "catalogue": "What this installation knows: rules, causes, agents, plugins.",
    "health": "For probes.",
}
SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key or a token."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}


class Described(JsonRenderPlugin):
    """Serves the document."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: Document) -> bytes:
        """Return the document as JSON."""
        del request
        return msgspec.json.encode(_amended(openapi_schema))


def document(app: Litestar) -> Document:
    """Return the document of an application."""
    return _amended(app.openapi_schema.to_schema())


def _amended(made: Mapping[str, Any]) -> Document:
    found: Document = msgspec.json.decode(msgspec.json.encode(made))
    found["paths"] = dict(sorted(found["paths"].items()))
    found["servers"] = [{"url": "/", "description": "This service."}]
    found["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    found["security"] = [{"bearer": []}, {"key": []}, {}]
    parts = found["components"]
    parts["securitySchemes"] = SECURITY
    parts["schemas"] = _schemas()
    parts["responses"] = {str(status): _problem(status) for status in _statuses()}
    for path, method, operation in _operations(found):
        _complete(path, method, operation)
    return found


def _schemas() -> Document:
    """Return the schemas of all bodies: that of the report is the published one."""
    _, found = msgspec.json.schema_components(STRUCTS, ref_template=SCHEMAS + "{name}")
    schemas: Document = msgspec.json.decode(msgspec.json.encode(dict(sorted(found.items()))))
    return schemas


def _operations(found: Document) -> Iterator[tuple[str, str, Document]]:
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _complete(path: str, method: str, operation: Document) -> None:
    """Add what the handlers do not say: bodies, examples, headers and problems."""
    operation.pop("deprecated", None)
    operation["description"] = operation["description"].replace("``", "`")
    operation["operationId"] = examples.IDS.get(path, operation["operationId"])
    told = examples.TOLD.get(operation["operationId"], examples.Told())
    for parameter in operation.get("parameters", ()):
        _simplify(parameter)
    if told.accepts:
        body = operation.setdefault("requestBody", {"required": True})
        too = {media: {"schema": schema} for media, schema in told.accepts_too.items()}
        body["content"] = too | _content(told.accepts, told.body, told.sent)
    responses = operation["responses"]
    ended = next(status for status in responses if status.startswith("2"))
    answer = {"description": told.says or operation.get("summary", ""), "headers": _headers(told.headers)}
    if ended != str(HTTPStatus.NO_CONTENT.value):
        answer["content"] = _content(told.answers, told.answer or _schema_of(responses[ended]), told.shown)
    operation["responses"] = {ended: {name: value for name, value in answer.items() if value}}
    for status, text in told.also.items():
        content = {"content": answer["content"]} if status < HTTPStatus.MULTIPLE_CHOICES else {}
        operation["responses"][str(status)] = {"description": text, **content}
    if path in {"/healthz", "/readyz"}:
        operation["security"] = [{}]
    else:
        refused = (
            *ALWAYS,
            *(WITH_PATH if "{" in path else ()),
            *(WITH_BODY if method == "post" else ()),
            *UNPROCESSABLE,
        )
        for status in sorted({*refused, *told.refused}):
            operation["responses"][str(status)] = {"$ref": f"#/components/responses/{status}"}


def _schema_of(response: Document) -> Document:
    content: MutableMapping[str, Any] = response.get("content", {})
    return next((one["schema"] for one in content.values()), {})


def _content(media: str, schema: Document, example: object) -> Document:
    about: Document = {"schema": schema}
    if example is not None:
        about["examples"] = {"example": {"value": msgspec.json.decode(msgspec.json.encode(example))}}
    return {media: about}


def _headers(said: Mapping[str, str]) -> Document:
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in said.items()}


def _simplify(parameter: Document) -> None:
    """Leave out what says nothing: that a parameter is not deprecated, that the default is empty."""
    for name in ("deprecated", "allowEmptyValue", "allowReserved"):
        parameter.pop(name, None)
    schema = parameter["schema"]
    parameter.setdefault("description", examples.PARAMETERS.get(parameter["name"], ""))
    schema.pop("description", None)
    if not schema.get("default", True):
        del schema["default"]
    if schema.get("format") == "date-time":
        parameter["schema"] = {"anyOf": [schema, {"type": "string", "maxLength": 0}]}


def _statuses() -> list[int]:
    more = (status for told in examples.TOLD.values() for status in told.refused)
    return sorted({*ALWAYS, *WITH_PATH, *WITH_BODY, *UNPROCESSABLE, *more})


def _problem(status: int) -> Document:
    name = problems.name_of(status)
    example = problems.Problem(
        type=f"{problems.PAGE}{name}", title=problems.title_of(name), status=status, instance="/api/v1/incidents"
    )
    headers = {"Retry-After": "How many seconds to wait."} if status in {429, 503} else {}
    headers |= {"WWW-Authenticate": "How to say who calls."} if status == HTTPStatus.UNAUTHORIZED else {}
    found = {
        "description": problems.KINDS[name],
        "headers": _headers(headers),
        "content": _content(problems.MEDIA_TYPE, {"$ref": f"{SCHEMAS}Problem"}, example),
    }
    return {key: value for key, value in found.items() if value}
