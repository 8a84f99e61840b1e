"""Stands before the whole application: every request gets an id, is counted, and its trace is remembered."""

from __future__ import annotations

import os
import re
import time

from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from sre_orchestrator.api.service.telemetry.together import Telemetry

ROUTE = "sre_orchestrator.route"  # a place in the scope, filled where the route is known
NO_ROUTE = "none"
_ID = re.compile(rb"[\w.-]{8,64}", re.ASCII)
_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_INCIDENT = re.compile(rb"/api/v1/incidents/(i[0-9a-f]{28})")


class Routed(ASGIMiddleware):
    """Tells those who stand before the application which route was found."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Note the route, and go on."""
        place = scope.get(ROUTE)
        if isinstance(place, list):
            place.append(scope["path_template"])
        await next_app(scope, receive, send)


class Counted:
    """An application whose requests are counted when their answers begin."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the request's id: the caller's, if it sends one."""
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given if _ID.fullmatch(given) else os.urandom(8).hex().encode()
        route: list[str] = []
        begun = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                took = time.perf_counter() - begun
                status, method = message["status"], str(scope.get("method", ""))
                self._telemetry.figures.answered(method, route[0] if route else NO_ROUTE, status, took)
                self._remember(headers.get(b"traceparent", b""), dict(message["headers"]).get(b"location", b""))
                message = {**message, "headers": [*message["headers"], (b"x-request-id", request_id)]}
            await send(message)

        scope[ROUTE] = route  # type: ignore[literal-required] # ours, beside those that ASGI knows
        with bound_contextvars(request=request_id.decode()):
            await self._app(scope, receive, counted)

    def _remember(self, traceparent: bytes, location: bytes) -> None:
        incident = _INCIDENT.search(location)
        if incident and _TRACEPARENT.fullmatch(traceparent):
            self._telemetry.parents.note(incident[1].decode(), traceparent.decode())
