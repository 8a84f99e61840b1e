"""Speaks streamable HTTP to a server: credentials from files, bounded answers, no proxy and no redirect to elsewhere."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

from sre_orchestrator.core.mcp_servers import McpServer
from sre_orchestrator.plugins.mcp.answers import McpProblem
from sre_orchestrator.plugins.mcp.stdio import Pipe


class _Credentials(httpx2.Auth):
    """Reads the files at each request."""

    def __init__(self, server: McpServer) -> None:
        self._server = server

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        for name, file in self._server.header_files.items():
            request.headers[name] = _secret(file)
        if self._server.bearer_token_file:
            request.headers["Authorization"] = f"Bearer {_secret(self._server.bearer_token_file)}"
        yield request


class _Bounded(httpx2.AsyncByteStream):
    """A body of which only so many bytes are read; ``pipe`` remembers that there were more."""

    def __init__(self, stream: httpx2.AsyncByteStream, pipe: Pipe) -> None:
        self._stream = stream
        self._pipe = pipe

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > self._pipe.most_bytes:
                self._pipe.problem = f"an answer is larger than {self._pipe.most_bytes} bytes"
                raise httpx2.ReadError(self._pipe.problem)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    def __init__(self, pipe: Pipe, verify: ssl.SSLContext | bool) -> None:
        super().__init__(verify=verify)
        self._pipe = pipe

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        # a stream of events is as long as the connection; each of its events is bounded by the library
        if "event-stream" not in response.headers.get("content-type", "") and isinstance(
            response.stream, httpx2.AsyncByteStream
        ):
            response.stream = _Bounded(response.stream, self._pipe)
        return response


@asynccontextmanager
async def posted(server: McpServer, pipe: Pipe) -> AsyncIterator[Any]:
    """Yield the streams of messages of a server at an address."""
    verify = ssl.create_default_context(cafile=server.ca_file or None) if server.url.startswith("https") else False
    async with (
        httpx2.AsyncClient(
            transport=_Transport(pipe, verify),
            auth=_Credentials(server),
            headers=server.headers,
            timeout=httpx2.Timeout(server.connect_seconds, read=max(server.call_seconds, server.connect_seconds)),
            trust_env=False,
        ) as client,
        streamable_http_client(server.url, http_client=client, max_sse_event_size=server.answer_bytes) as streams,
    ):
        yield streams


def _secret(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise McpProblem(f"{path}: {error}", "name a readable file") from error
