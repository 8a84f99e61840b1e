"""Stands before everything: sizes, rates by address, how many at a time, slow bodies; and headers on every answer."""

from __future__ import annotations

import math
from http import HTTPStatus

import anyio
import msgspec
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Message, Receive, ReceiveMessage, Send
from litestar.types import Scope as Request

from sre_orchestrator.api.service.rest.problems import MEDIA_TYPE, PAGE, Problem
from sre_orchestrator.api.service.security.rates import Rates
from sre_orchestrator.core.settings import RequestLimits

UNHINDERED = frozenset({"/healthz", "/readyz"})  # a probe that is refused would restart a busy service
HEADERS = {
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
TITLES = {
    HTTPStatus.REQUEST_URI_TOO_LONG: "URI Too Long",  # the library of Python calls it differently from version to version
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "Request Header Fields Too Large",
    HTTPStatus.TOO_MANY_REQUESTS: "Too Many Requests",
    HTTPStatus.SERVICE_UNAVAILABLE: "Service Unavailable",
}


class _Refused(Exception):  # noqa: N818 - it is what happened
    def __init__(self, status: HTTPStatus, detail: str, retry_after: float = 0.0) -> None:
        self.status = status
        self.detail = detail
        self.retry_after = retry_after


class Shield:
    """An application before the application."""

    def __init__(self, app: ASGIApp, limits: RequestLimits, rates: Rates | None) -> None:
        self._app = app
        self._limits = limits
        self._rates = rates
        self._running = 0

    async def __call__(self, scope: Request, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""

        async def covered(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                more = [one for one in HEADERS.items() if one[0] not in there]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        if scope["path"] in UNHINDERED:
            await self._app(scope, receive, covered)
            return
        try:
            self._refuse(scope)
        except _Refused as error:
            await _answer(covered, scope["path"], error)
            return
        self._running += 1
        try:
            await self._app(scope, self._hurried(receive), covered)
        finally:
            self._running -= 1

    def _refuse(self, scope: Request) -> None:
        client = scope.get("client")
        if self._rates and (seconds := self._rates.wait(client[0] if client else "")):
            detail = "too many requests come from your address; see service.requests"
            raise _Refused(HTTPStatus.TOO_MANY_REQUESTS, detail, seconds)
        if self._running >= self._limits.concurrent:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many requests are being answered; try again", 1.0)
        if len(scope["query_string"]) + len(scope["path"]) > self._limits.query_bytes:
            detail = f"path and query are longer than {self._limits.query_bytes} bytes (service.requests.query_bytes)"
            raise _Refused(HTTPStatus.REQUEST_URI_TOO_LONG, detail)
        if sum(len(name) + len(value) for name, value in scope["headers"]) > self._limits.header_bytes:
            detail = f"the headers are longer than {self._limits.header_bytes} bytes (service.requests.header_bytes)"
            raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)

    def _hurried(self, receive: Receive) -> Receive:
        """Return ``receive`` with an end to its patience: a whole body within the time, then as long as it takes."""
        deadline = anyio.current_time() + self._limits.body_seconds
        whole = False

        async def hurried() -> ReceiveMessage:
            nonlocal whole
            if whole:
                return await receive()
            with anyio.move_on_at(deadline):
                message = await receive()
                whole = not message.get("more_body", False)
                return message
            raise HTTPException(
                status_code=HTTPStatus.REQUEST_TIMEOUT,
                detail=f"no whole body within {self._limits.body_seconds:g} s (service.requests.body_seconds)",
                headers={"Connection": "close"},
            )

        return hurried


async def _answer(send: Send, path: str, error: _Refused) -> None:
    title = TITLES[error.status]
    kind = f"{PAGE}{title.lower().replace(' ', '-')}"
    body = msgspec.json.encode(
        Problem(type=kind, title=title, status=error.status, detail=error.detail, instance=path[:200])
    )
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    if error.retry_after:
        headers.append((b"retry-after", str(math.ceil(error.retry_after)).encode()))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
