"""``engine: durable-rules``: the rule book on a durable_rules network in a child process."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import IO, cast

import msgspec

from sre_orchestrator.core.errors import SettingsError
from sre_orchestrator.core.models import Cause, Coverage, Edge, Fact, Gap
from sre_orchestrator.core.ports import Budget, Inference
from sre_orchestrator.rules.durable import SIZE_BYTES, Request, send
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.firing import within
from sre_orchestrator.rules.model import Rule
from sre_orchestrator.rules.network import Network

GRACE_SECONDS = 10.0
PROGRAM = "from sre_orchestrator.rules.durable import main; main()"
CHUNK = 1024 * 1024


class DurablePlan(Plan):
    """A compiled rule book (``core.ports.Plan``) whose joins durable_rules finds.

    Rules that do not fit the network (``accepts``) run on the default engine beside it, so that the
    answer is the same. Where the child process ends or hangs, the default engine answers, and a gap says so.

    Raises:
        SettingsError: durable_rules is not installed.

    """

    def __init__(self, rules: Sequence[Rule], causes: Mapping[str, Cause], digest: str) -> None:
        if find_spec("durable_rules_engine") is None:
            raise SettingsError(
                "engine durable-rules: the package is not installed; pip install 'sre-orchestrator[durable]' (needs a C compiler)"
            )
        super().__init__(rules, causes, digest)
        self._refused = Network(self.rules).refused
        # -P: nothing is imported from the folder that happens to be the current one
        self._child = Child([sys.executable, "-P", "-c", PROGRAM], msgspec.msgpack.encode(self.rules))

    def accepts(self, rule: Rule) -> str:
        """Return why the network does not hold ``rule``, or ``""`` when it does."""
        return self._refused.get(rule.id, "")

    def infer(
        self,
        facts: Sequence[Fact],
        edges: Sequence[Edge],
        coverage: Sequence[Coverage],
        budget: Budget,
        clock: Callable[[], float] = time.monotonic,
    ) -> Inference:
        """Run every rule to the fixpoint, as the default engine does."""
        kept, gaps = within(budget, facts)
        wanted = tuple(fact for fact in kept if fact.kind in self.read_kinds)
        request = Request(facts=wanted, edges=tuple(edges), coverage=tuple(coverage), budget=budget)
        try:
            answer = self._child.ask(msgspec.msgpack.encode(request), budget.seconds + GRACE_SECONDS)
        except ChildGone as gone:
            instead = super().infer(facts, edges, coverage, budget, clock)
            gap = Gap(
                agent="rules",
                what="nothing: the default engine answered instead",
                why=f"durable_rules {gone}",
                remedy="set engine to semi-naive, and report it with a bundle",
            )
            return Inference(derivations=instead.derivations, gaps=(*instead.gaps, gap))
        found = msgspec.msgpack.decode(answer, type=Inference)
        return Inference(derivations=found.derivations, gaps=(*gaps, *found.gaps))

    def close(self) -> None:
        """End the child process."""
        self._child.close()


class ChildGone(Exception):  # noqa: N818 - the parent answers itself
    """The child process ended or hung; the text says how."""


class Child:
    """A process that is told something first and then asked; it is started when first needed, and again when it is gone."""

    def __init__(self, command: Sequence[str], first: bytes) -> None:
        self._command = list(command)
        self._first = first
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._finalizer: weakref.finalize[..., Child] | None = None

    def ask(self, content: bytes, seconds: float) -> bytes:
        """Return the answer.

        Raises:
            ChildGone: there is none within ``seconds``.

        """
        with self._lock:
            try:
                process = self._running()
                send(_pipe(process.stdin), content)
                return _received(process, time.monotonic() + seconds)
            except TimeoutError:
                self.close()
                raise ChildGone(f"did not answer within {seconds:g} s") from None
            except (OSError, EOFError):
                code = self._process.wait() if self._process else 0
                self.close()
                raise ChildGone(f"ended with {'signal' if code < 0 else 'exit code'} {abs(code)}") from None

    def close(self) -> None:
        """End the process."""
        if self._finalizer is not None:
            self._finalizer()
        self._process, self._finalizer = None, None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            self._finalizer = weakref.finalize(self, _end, self._process)
            send(_pipe(self._process.stdin), self._first)
        return self._process


def _received(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    descriptor = _pipe(process.stdout).fileno()
    size = int.from_bytes(_read(descriptor, SIZE_BYTES, deadline), "big")
    return _read(descriptor, size, deadline)


def _read(descriptor: int, size: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    while size:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        part = os.read(descriptor, min(size, CHUNK))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # what was not yet written is lost
            _pipe(pipe).close()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    return cast("IO[bytes]", stream)  # there is one: the process was started with pipes
