"""Sends requests to the service at a given rate, or as fast as it answers, and says how long the answers took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

OK = frozenset({200, 202})


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request."""

    target: str
    body: bytes = b""

    def packed(self) -> bytes:
        """Return its bytes."""
        method = "POST" if self.body else "GET"
        head = f"{method} {self.target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(self.body)}\r\n"
        kind = "Content-Type: application/json\r\n" if self.body else ""
        return f"{head}{kind}\r\n".encode() + self.body


@dataclass(frozen=True, kw_only=True)
class Took:
    """How long answers took, in milliseconds; what came at a rate is counted from when it should have been sent."""

    seconds: float
    milliseconds: tuple[float, ...]
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        """Return answers a second."""
        return len(self.milliseconds) / self.seconds

    def at(self, part: float) -> float:
        """Return the time within which that part of the answers came."""
        return self.milliseconds[min(len(self.milliseconds) - 1, int(part * len(self.milliseconds)))]

    def said(self) -> str:
        """Return it for people."""
        refused = {status: count for status, count in self.statuses.items() if status not in OK}
        return (
            f"{self.rate:.0f} a second, p50 {self.at(0.5):.1f} ms, p99 {self.at(0.99):.1f} ms, "
            f"most {self.milliseconds[-1]:.0f} ms{f', refused {refused}' if refused else ''}"
        )


def at_rate(port: int, ask: Callable[[int], Ask], *, a_second: float, seconds: float, connections: int = 16) -> Took:
    """Return what requests took that were sent at a rate, whether the ones before were answered or not."""
    return asyncio.run(_all(port, ask, int(a_second * seconds), connections, 1 / a_second))


def as_fast_as_answered(port: int, ask: Callable[[int], Ask], *, count: int, connections: int = 4) -> Took:
    """Return what requests took of which each connection sends the next when the one before is answered."""
    return asyncio.run(_all(port, ask, count, connections, 0.0))


async def _all(port: int, ask: Callable[[int], Ask], count: int, connections: int, gap: float) -> Took:
    numbers = iter(range(count))
    took: list[float] = []
    statuses: dict[int, int] = {}
    begun = time.perf_counter()

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            due = begun + number * gap
            if gap and (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            sent = due if gap else time.perf_counter()
            writer.write(ask(number).packed())
            status = await _answer(reader)
            took.append(1000 * (time.perf_counter() - sent))
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(work() for _ in range(connections)))
    return Took(seconds=time.perf_counter() - begun, milliseconds=tuple(sorted(took)), statuses=statuses)


async def _answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])
