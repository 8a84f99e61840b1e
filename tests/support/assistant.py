"""An assistant for tests: calls tools over MCP with the library's own client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, Tool


class Assistant:
    """A client that is connected; to be used by one thread."""

    def __init__(self, portal: BlockingPortal, client: Client) -> None:
        self._portal = portal
        self._client = client

    def tools(self) -> dict[str, Tool]:
        """Return the tools that it may use."""
        return {one.name: one for one in self._portal.call(self._client.list_tools).tools}

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """Return what a tool answers, error or not."""
        return self._portal.call(self._client.call_tool, tool, arguments)

    def told(self, tool: str, **arguments: Any) -> Any:
        """Return what a tool answers; the library has held it to the schema of the tool."""
        result = self.call(tool, **arguments)
        assert not result.is_error, result.content
        return result.structured_content

    def refused(self, tool: str, **arguments: Any) -> str:
        """Return why a tool refuses."""
        result = self.call(tool, **arguments)
        assert result.is_error, result.structured_content
        return getattr(result.content[0], "text", "")


@contextmanager
def connected(server: Any, portal: BlockingPortal | None = None) -> Iterator[Assistant]:
    """Yield an assistant that is connected to ``server``: an address, a command, a transport or a server of this process."""
    if portal is None:
        with start_blocking_portal() as own, connected(server, own) as assistant:
            yield assistant
        return
    with portal.wrap_async_context_manager(Client(server)) as client:
        yield Assistant(portal, client)


@asynccontextmanager
async def keyed(address: str, key: str) -> AsyncIterator[Any]:
    """Yield the transport to a service that asks for a key."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http,
        streamable_http_client(f"{address}/mcp", http_client=http) as streams,
    ):
        yield streams
