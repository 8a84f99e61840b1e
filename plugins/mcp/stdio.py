"""Speaks to a server on its standard input and output: bounded lines, noise between messages is left out.

The transport of the library keeps a line of any length in memory, and copies it for each piece of it that arrives.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from signal import SIGKILL, SIGTERM
from subprocess import PIPE
from typing import TypeAlias

import anyio
from anyio.abc import Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp import types
from mcp.shared.message import SessionMessage

from sre_orchestrator.core.redact import without_secrets

INHERITED = ("HOME", "PATH", "SHELL", "TERM", "USER")
CHUNK = 64 * 1024
GRACE_SECONDS = 2.0
MOST_NOISE = 1000
SAID_LINES, SAID_BYTES = 5, 200
_GONE = (anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream, OSError)
Incoming: TypeAlias = SessionMessage | Exception
Streams: TypeAlias = tuple[MemoryObjectReceiveStream[Incoming], MemoryObjectSendStream[SessionMessage]]


class Pipe:
    """What is known of a server that was started: why it was given up, what it wrote to standard error, noise between messages."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.problem = ""
        self.ended = False
        self.noise = 0
        self.noisy_line = ""
        self._said: deque[str] = deque(maxlen=SAID_LINES)

    def hear(self, text: bytes) -> None:
        """Remember the end of what it writes to standard error."""
        for line in text[-CHUNK:].decode("utf-8", "replace").splitlines():
            if line.strip():
                self._said.append(line.strip()[:SAID_BYTES])

    @property
    def said(self) -> str:
        """Return the last lines that it wrote to standard error."""
        return without_secrets(" / ".join(self._said))

    def ignore(self, line: bytes) -> None:
        """Count a line that is no message."""
        self.noise += 1
        self.noisy_line = self.noisy_line or without_secrets(line[:SAID_BYTES].decode("utf-8", "replace").strip())


@asynccontextmanager
async def spoken(
    command: Sequence[str], pipe: Pipe, *, env: Mapping[str, str], cwd: str | None = None
) -> AsyncIterator[Streams]:
    """Start a server, yield its streams of messages, and end it and what it started.

    Raises:
        OSError: it cannot be started.

    """
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    try:
        process = await anyio.open_process(
            list(command),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={**inherited, **env},
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as error:
        place = error.filename or command[0]
        raise OSError(
            f"{place} cannot be used: {error.strerror}; install it, or say where it is (command, cwd)"
        ) from error
    told, incoming = anyio.create_memory_object_stream[Incoming](0)
    outgoing, asked = anyio.create_memory_object_stream[SessionMessage](0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, process, told, pipe)
        tasks.start_soon(_write, process, asked, told)
        tasks.start_soon(_hear, process, pipe)
        try:
            yield incoming, outgoing
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)
            for stream in (told, incoming, outgoing, asked):
                stream.close()
            tasks.cancel_scope.cancel()


async def _read(process: Process, told: MemoryObjectSendStream[Incoming], pipe: Pipe) -> None:
    async with told:
        with suppress(*_GONE):
            await _messages(process, told, pipe)
        pipe.ended = True


async def _messages(process: Process, told: MemoryObjectSendStream[Incoming], pipe: Pipe) -> None:
    assert process.stdout
    rest = bytearray()
    async for chunk in process.stdout:
        *lines, last = chunk.split(b"\n")
        for line in lines:
            rest += line
            await _tell(bytes(rest), told, pipe)
            rest.clear()
        rest += last
        if len(rest) > pipe.most_bytes:
            pipe.problem = f"an answer is larger than {pipe.most_bytes} bytes"
            return
        if pipe.noise > MOST_NOISE:
            pipe.problem = f"{MOST_NOISE} lines on its standard output were no messages"
            return


async def _tell(line: bytes, told: MemoryObjectSendStream[Incoming], pipe: Pipe) -> None:
    if not line.strip():
        return
    try:
        message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        pipe.ignore(line)
        return
    await told.send(SessionMessage(message))


async def _write(
    process: Process, asked: MemoryObjectReceiveStream[SessionMessage], told: MemoryObjectSendStream[Incoming]
) -> None:
    assert process.stdin
    try:
        async with asked:
            async for one in asked:
                await process.stdin.send(
                    one.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
                )
    except _GONE:
        told.close()  # nobody waits for an answer to what could not be sent


async def _hear(process: Process, pipe: Pipe) -> None:
    assert process.stderr
    with suppress(*_GONE):
        async for chunk in process.stderr:
            pipe.hear(chunk)


async def _end(process: Process) -> None:
    """Close its input and wait; then end it and what it started."""
    assert process.stdin
    with suppress(*_GONE):
        await process.stdin.aclose()
    for number in (None, SIGTERM, SIGKILL):
        if number:
            _signal(process, number)
        with anyio.move_on_after(GRACE_SECONDS):
            await process.wait()
            break
    _signal(process, SIGKILL)  # what it has left behind
    with suppress(*_GONE):
        await process.aclose()


def _signal(process: Process, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
