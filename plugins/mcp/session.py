"""The door to the MCP library as a client: one server, spoken to in a thread of its own, asked from any thread."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from typing import Any, TypeVar

import anyio
import msgspec
from mcp import Client, types

from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.mcp_servers import McpServer
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.mcp.answers import Answer, McpProblem, shown
from sre_orchestrator.plugins.mcp.stdio import Pipe, spoken

T = TypeVar("T")
MOST_PAGES, MOST_TOOLS = 50, 2000
MOST_DESCRIPTION = 2000
SPARE_SECONDS = 10.0
# After these errors a server can be asked something else.
ALIVE = frozenset({"TimeoutError", "MCPError", "RuntimeError", "ValidationError", "McpProblem"})
CLOSED = "Connection closed"
Transport = Callable[[McpServer, Pipe], object]
"""Makes what the library's client speaks through; an ``MCPServer`` of this process is one, too."""


class Tool(Struct, frozen=True, kw_only=True):
    """A tool as its server describes it; ``read_only`` is its hint, ``None`` where it gives none."""

    name: str
    description: str = ""
    read_only: bool | None = None
    arguments: dict[str, str] = {}
    required: tuple[str, ...] = ()


class Greeting(Struct, frozen=True, kw_only=True):
    """What a server calls itself, and the version of the protocol that is spoken."""

    name: str = ""
    version: str = ""
    protocol: str = ""


class Session:
    """One connection to one server, from ``open`` to ``close``.

    ``changed`` is set when the server says that its tools are others now.
    """

    def __init__(self, server: McpServer, transport: Transport | None = None) -> None:
        self.changed = threading.Event()
        self.greeting = Greeting()
        self.pipe = Pipe(server.answer_bytes)
        self._server = server
        self._transport = transport or _transport
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"mcp-{server.name}", daemon=True)
        self._over: asyncio.Event | None = None
        self._client: Client | None = None
        self._task: Future[None] | None = None

    def open(self) -> None:
        """Connect and agree on a version of the protocol.

        Raises:
            McpProblem: the server cannot be reached, or speaks something else.

        """
        self._thread.start()
        ready: Future[None] = Future()
        self._task = asyncio.run_coroutine_threadsafe(_alone(self._stay(ready)), self._loop)
        self._task.add_done_callback(partial(_failed, ready))
        seconds = self._server.connect_seconds
        outcome = guarded(lambda: ready.result(seconds))
        if isinstance(outcome, Failure):
            raise self._problem(outcome.why, f"it did not start to speak within {seconds:g} s")

    def tools(self) -> tuple[Tool, ...]:
        """Return all tools, page by page.

        Raises:
            McpProblem: they cannot be had.

        """
        self.changed.clear()
        return self._ask(self._listed(), self._server.connect_seconds)

    def call(self, tool: str, arguments: dict[str, Any], seconds: float) -> Answer:
        """Return what a tool answers.

        Raises:
            McpProblem: it does not answer in time, or with something that is no result of it.

        """
        return self._ask(self._called(tool, arguments, seconds), seconds)

    def close(self) -> None:
        """End the connection, and the server where we started it."""
        if self._thread.is_alive():
            if self._client and self._over:
                self._loop.call_soon_threadsafe(self._over.set)
            elif self._task:
                self._task.cancel()
            guarded(self._ended)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(SPARE_SECONDS)
        if not self._loop.is_running():
            self._loop.close()

    def _ended(self) -> None:
        """Wait until everything was let go of."""
        asyncio.run_coroutine_threadsafe(_others_done(), self._loop).result(SPARE_SECONDS)

    @property
    def is_open(self) -> bool:
        """Say whether the server is still there."""
        return self._client is not None and self._task is not None and not self._task.done() and not self.pipe.ended

    async def _stay(self, ready: Future[None]) -> None:
        """Connect, say so, and stay until ``close``: what was entered in a task has to be left in it."""
        self._over = asyncio.Event()
        async with AsyncExitStack() as stack:
            client = Client(
                self._transport(self._server, self.pipe),  # type: ignore[arg-type]  # whatever the library takes
                message_handler=self._heard,
                read_timeout_seconds=max(self._server.call_seconds, self._server.connect_seconds),
                cache=None,
            )
            await stack.enter_async_context(client)
            about = client.server_info
            self.greeting = Greeting(
                name=about.name if about else "",
                version=about.version if about else "",
                protocol=client.protocol_version,
            )
            self._client = client
            ready.set_result(None)
            await self._over.wait()
            self._client = None

    async def _heard(self, message: object) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            self.changed.set()

    async def _listed(self) -> tuple[Tool, ...]:
        assert self._client
        tools: list[Tool] = []
        cursor: str | None = None
        with anyio.fail_after(self._server.connect_seconds):
            for _ in range(MOST_PAGES):
                page = await self._client.list_tools(cursor=cursor)
                tools += map(_described, page.tools)
                cursor = page.next_cursor
                if not cursor or len(tools) > MOST_TOOLS:
                    return tuple(tools[:MOST_TOOLS])
        return tuple(tools)

    async def _called(self, tool: str, arguments: dict[str, Any], seconds: float) -> Answer:
        assert self._client
        with anyio.fail_after(seconds):
            result = await self._client.call_tool(tool, arguments, read_timeout_seconds=seconds)
        text = "\n".join(part.text for part in result.content if isinstance(part, types.TextContent))
        content = result.structured_content
        return Answer(
            text=text,
            structured=b"" if content is None else msgspec.json.encode(content),
            failed=bool(result.is_error),
        )

    def _ask(self, question: Coroutine[Any, Any, T], seconds: float) -> T:
        if not self.is_open:
            question.close()
            raise self._problem("", "it has ended")
        future = asyncio.run_coroutine_threadsafe(_alone(question), self._loop)
        outcome = guarded(lambda: future.result(seconds + SPARE_SECONDS))
        if isinstance(outcome, Failure):
            future.cancel()
            raise self._problem(outcome.why, f"no answer within {seconds:g} s")
        return outcome.value

    def _problem(self, why: str, slow: str) -> McpProblem:
        """Return what went wrong, with what the server itself said of it."""
        kind, _, text = why.partition(": ")
        told = "it has ended" if CLOSED in text else slow if kind in ("", "TimeoutError") else shown(text) or kind
        details = [self.pipe.problem or told]
        if self.pipe.noise:
            details.append(f"{self.pipe.noise} lines on its standard output are no messages: {self.pipe.noisy_line!r}")
        if self.pipe.said:
            details.append(f"it wrote: {self.pipe.said}")
        dead = not self.is_open or (kind not in ALIVE) or CLOSED in text
        return McpProblem("; ".join(details), "see sre-orchestrator mcp check", passing=dead)


def _failed(ready: Future[None], task: Future[None]) -> None:
    """Tell whoever waits for a connection that there will be none."""
    if not ready.done():
        ready.set_exception(task.exception() or ConnectionError("it ended at once"))


def _transport(server: McpServer, pipe: Pipe) -> AbstractAsyncContextManager[object]:
    if server.url:
        from sre_orchestrator.plugins.mcp.http import posted  # noqa: PLC0415 - only where it is needed

        return posted(server, pipe)
    passed = {name: os.environ[name] for name in server.env_from if name in os.environ}
    return spoken([server.command, *server.args], pipe, env=passed | server.env, cwd=server.cwd or None)


async def _others_done() -> None:
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


async def _alone(question: Awaitable[T]) -> T:
    """Return what a question gives; of several errors at once, raise the first that says something."""
    try:
        return await question
    except BaseExceptionGroup as group:
        raise _first(group) from group


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _described(tool: types.Tool) -> Tool:
    schema = tool.input_schema or {}
    properties = schema.get("properties")
    required = schema.get("required")
    hints = tool.annotations
    return Tool(
        name=tool.name,
        description=" ".join((tool.description or "").split())[:MOST_DESCRIPTION],
        read_only=hints.read_only_hint if hints else None,
        arguments={name: _type(one) for name, one in properties.items()} if isinstance(properties, dict) else {},
        required=tuple(map(str, required)) if isinstance(required, list) else (),
    )


def _type(schema: object) -> str:
    if not isinstance(schema, dict):
        return ""
    if isinstance(schema.get("anyOf"), list):
        return "|".join(filter(None, map(_type, schema["anyOf"])))
    return str(schema.get("type", ""))
