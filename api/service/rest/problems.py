"""Errors as RFC 9457 problems: a stable type, what was wrong, what to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from sre_orchestrator.api.service.components import NoComponent
from sre_orchestrator.api.service.security.callers import Forbidden
from sre_orchestrator.api.service.twins import NoTwin
from sre_orchestrator.core.errors import InputError

MEDIA_TYPE = "application/problem+json"
PAGE = "/problems/"
KINDS = {
    "bad-request": "The request cannot be read: a field is unknown, missing or of the wrong type. The detail names it.",
    "unauthorized": "The request carries no valid key or token.",
    "forbidden": "The key or token does not allow this.",
    "not-found": "There is nothing at this address, or the incident does not exist (any more).",
    "method-not-allowed": "The address does not know this method; the header Allow lists those it knows.",
    "request-entity-too-large": "The body is larger than service.body_bytes (alerts: service.alert_bytes, replays: service.bundle_bytes).",
    "request-timeout": "The body did not arrive in time; send it again, faster.",
    "unsupported-media-type": "The body is of a type that cannot be read here; the detail says which can.",
    "uri-too-long": "Path and query are longer than service.requests.query_bytes.",
    "request-header-fields-too-large": "The headers are larger than service.requests.header_bytes.",
    "unprocessable-entity": "The request is well formed and cannot be served; the detail says why and what to do.",
    "too-many-requests": "Wait as long as the header Retry-After says.",
    "internal-server-error": "A defect of the service; its log says more.",
    "no-twin": "The service knows no components yet: run it with --watch, and wait until the cluster was listed.",
    "service-unavailable": "The service cannot work at the moment; try again.",
}
NAMES = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "request-entity-too-large",
    414: "uri-too-long",
    415: "unsupported-media-type",
    422: "unprocessable-entity",
    429: "too-many-requests",
    431: "request-header-fields-too-large",
    500: "internal-server-error",
    503: "service-unavailable",
}
log = structlog.get_logger()


class Problem(msgspec.Struct, kw_only=True):
    """One problem; ``type`` is the page that explains it, and never changes its meaning."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""


def name_of(status: int) -> str:
    """Return the kind of problem that a status stands for; Python's own names of them differ from version to version."""
    return NAMES.get(status, "bad-request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal-server-error")


def title_of(name: str) -> str:
    """Return what people call a problem."""
    return name.replace("-", " ").title().replace("Uri", "URI")


def answered(request: Request[Any, Any, Any], status: int, detail: str, *, name: str = "") -> Response[Problem]:
    """Return the problem of that name, by default the one that the status stands for."""
    problem = Problem(
        type=f"{PAGE}{name or name_of(status)}",
        title=title_of(name or name_of(status)),
        status=int(status),
        detail=detail,
        instance=request.url.path,
    )
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE)


def of_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """Answer what Litestar refuses."""
    detail = error.detail
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        detail = "; ".join(f"{one.get('key', 'body')}: {one.get('message', '')}" for one in error.extra) or detail
    found = answered(request, error.status_code, detail)
    for name, value in (error.headers or {}).items():
        found.set_header(name, value.replace("GET", "GET, HEAD") if name.lower() == "allow" else value)
    return found


def of_unreadable(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Answer what no decoder can read: bytes that are no UTF-8, JSON that is nested too deeply."""
    return answered(request, HTTPStatus.BAD_REQUEST, f"the request cannot be read: {error}")


def of_input(request: Request[Any, Any, Any], error: InputError) -> Response[Problem]:
    """Answer what we refuse."""
    return answered(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))


def of_no_twin(request: Request[Any, Any, Any], error: NoTwin) -> Response[Problem]:
    """Answer that there are no components to ask about."""
    found = answered(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error), name="no-twin")
    found.set_header("Retry-After", "30")
    return found


def of_forbidden(request: Request[Any, Any, Any], error: Forbidden) -> Response[Problem]:
    """Answer what the caller may not do."""
    return answered(request, HTTPStatus.FORBIDDEN, str(error))


def of_absent(request: Request[Any, Any, Any], error: NoComponent) -> Response[Problem]:
    """Answer who asks for what is not there."""
    return answered(request, HTTPStatus.NOT_FOUND, str(error))


def of_anything(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Answer a defect of ours: the log says more than the caller is told."""
    log.error("request failed", path=request.url.path, exc_info=error)
    return answered(request, HTTPStatus.INTERNAL_SERVER_ERROR, "this is a defect; the log of the service says more")


HANDLERS: dict[int | type[Exception], Any] = {
    HTTPException: of_http,
    Forbidden: of_forbidden,
    NoTwin: of_no_twin,
    NoComponent: of_absent,
    InputError: of_input,
    UnicodeDecodeError: of_unreadable,
    RecursionError: of_unreadable,
    Exception: of_anything,
}
