"""MCP over streamable HTTP: one request, one answer, no sessions, so that any replica may answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup, TaskStatus
from litestar import asgi
from litestar.connection import ASGIConnection
from litestar.exceptions import MethodNotAllowedException, PermissionDeniedException, ServiceUnavailableException
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Send
from litestar.types import Scope as Request

from sre_orchestrator.api.service.ports import Caller
from sre_orchestrator.api.service.security.door import NEEDS
from sre_orchestrator.api.service.service import Service

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

PATH = "/mcp"


class Endpoint:
    """``/mcp``; the library that speaks the protocol is loaded at the first request, it is slow to import."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._tasks: TaskGroup | None = None
        self._manager: StreamableHTTPSessionManager | None = None
        self._lock = anyio.Lock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer while the context lasts."""
        async with anyio.create_task_group() as tasks:
            self._tasks, self._manager = tasks, None
            yield
            tasks.cancel_scope.cancel()
        self._tasks = None

    def route(self) -> ASGIRouteHandler:
        """Return the route; each tool says what it needs, and whoever may do anything at all may ask."""

        @asgi(PATH, opt={NEEDS: ("read", "report")}, copy_scope=True)
        async def answer(scope: Request, receive: Receive, send: Send) -> None:
            _refuse(scope)
            manager = await self._ready()
            await manager.handle_request(scope, receive, send)  # type: ignore[arg-type]

        return answer

    async def _ready(self) -> StreamableHTTPSessionManager:
        if self._tasks is None:
            raise ServiceUnavailableException("the service is about to end; try again")
        async with self._lock:
            if self._manager is None:
                self._manager = await self._tasks.start(self._manage)
            return self._manager

    async def _manage(self, *, task_status: TaskStatus[StreamableHTTPSessionManager]) -> None:
        manager = await anyio.to_thread.run_sync(partial(_manager, self._service))
        async with manager.run():
            task_status.started(manager)
            await anyio.sleep_forever()


def _manager(service: Service) -> StreamableHTTPSessionManager:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager  # noqa: PLC0415 - slow to import

    from sre_orchestrator.api.service.mcp.server import server_of  # noqa: PLC0415

    return StreamableHTTPSessionManager(
        server_of(service, _caller),
        json_response=True,
        stateless=True,
        max_request_body_size=service.installation.settings.service.body_bytes,
    )


def _caller(context: Any) -> Caller:  # noqa: ANN401 - the library leaves it without a type
    """Return whom the door let in."""
    caller: Caller = context.request.scope["user"]
    return caller


def _refuse(scope: Request) -> None:
    """Refuse what is no question to a tool, and what the page of another site sends."""
    if scope.get("method") != "POST":  # a web socket has none
        raise MethodNotAllowedException(
            f"{PATH} answers POST; it keeps no sessions and sends nothing by itself", headers={"Allow": "POST"}
        )
    headers = ASGIConnection(scope).headers
    origin = headers.get("origin")
    if origin and urlsplit(origin).netloc != headers.get("host"):
        raise PermissionDeniedException("a page from elsewhere sent this; assistants send no header Origin")
