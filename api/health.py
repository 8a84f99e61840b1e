"""Tells how a watch is: whether it lives, whether it can see, and its figures; a small HTTP server."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime

import anyio
import prometheus_client
import structlog
import uvicorn
from litestar import Litestar, Response, get
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from sre_orchestrator.api.watching import Round, Told
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Struct

LATE_ROUNDS, LATE_SECONDS = 3, 120.0
TWIN_SECONDS = 180.0
SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
UNAVAILABLE = 503
log = structlog.get_logger()


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether the watch sees its cluster: ``why`` says what is wrong."""

    ready: bool
    last_round: datetime | None = None
    age_seconds: float | None = None
    api_reachable: bool = False
    twin_fresh: bool = False
    why: str = ""


class Health:
    """What a watch knows about itself."""

    def __init__(self, interval_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._late = max(LATE_ROUNDS * interval_seconds, LATE_SECONDS)
        self._clock = clock
        self._last: Round | None = None
        self._succeeded = 0.0
        self._error = "no round has ended yet"
        self.registry = CollectorRegistry()
        self._rounds = self._counter("rounds", "Rounds by outcome.", "outcome")
        self._seconds = Histogram(
            "sre_orchestrator_watch_round_seconds", "How long rounds took.", buckets=SECONDS, registry=self.registry
        )
        self._agents = self._counter("agent_seconds", "Time that agents took in rounds.", "agent")
        self._agent_errors = self._counter(
            "agent_errors", "Rounds in which an agent failed or missed its source.", "agent"
        )
        self._requests = self._counter("requests", "Requests to the Kubernetes API.")
        self._changes = self._counter("changes", "Changes of objects that the Kubernetes API told.")
        self._news = self._counter("incidents", "Incidents by what happened to them.", "event")
        self._open = self._gauge("incidents_open", "Incidents that are open.")
        self._followed = self._gauge("symptoms", "Symptoms that are followed.")
        self._gaps = self._gauge("gaps", "What could not be seen in the last round.")
        self._age = self._gauge("twin_age_seconds", "How old the twin was in the last round.")

    @property
    def failing(self) -> tuple[str, ...]:
        """Return the agents that could not look in the last round."""
        return self._last.failed if self._last else ()

    def succeeded(self, done: Round, seconds: float) -> None:
        """Note a round."""
        self._last, self._succeeded, self._error = done, self._clock(), ""
        self._rounds.labels("succeeded").inc()
        self._seconds.observe(seconds)
        for agent, took in done.agents_ms.items():
            self._agents.labels(agent).inc(took / 1000)
        for agent in done.failed:
            self._agent_errors.labels(agent).inc()
        self._requests.inc(done.requests)
        self._changes.inc(done.changes)
        self._open.set(done.open)
        self._followed.set(done.followed)
        self._gaps.set(done.gaps)
        self._age.set(done.twin_age_seconds)

    def failed(self, why: str) -> None:
        """Note a round that could not see the cluster or keep what it saw."""
        self._error = why
        self._rounds.labels("failed").inc()

    def told(self, news: Told) -> None:
        """Count what happened to an incident."""
        self._news.labels(news.event).inc()

    def readiness(self) -> Readiness:
        """Return whether the last round saw the cluster, was not too long ago, and found a twin that is current."""
        age = self._clock() - self._succeeded if self._last else None
        fresh = self._last is not None and self._last.twin_age_seconds <= TWIN_SECONDS
        late = age is not None and age > self._late
        why = self._error or (
            f"the last round was {age:.0f} s ago" if late else "" if fresh else "the twin is not current"
        )
        return Readiness(
            ready=not why,
            last_round=self._last.at if self._last else None,
            age_seconds=None if age is None else round(age, 1),
            api_reachable=not self._error,
            twin_fresh=fresh,
            why=why,
        )

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"sre_orchestrator_watch_{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(f"sre_orchestrator_watch_{name}", about, registry=self.registry)


def application(health: Health) -> Litestar:
    """Return the application: ``/healthz`` (it lives), ``/readyz`` (it sees), ``/metrics`` (Prometheus)."""

    @get("/healthz", sync_to_thread=False)
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @get("/readyz", sync_to_thread=False)
    def readyz() -> Response[Readiness]:
        now = health.readiness()
        return Response(now, status_code=200 if now.ready else UNAVAILABLE)

    @get("/metrics", sync_to_thread=False)
    def metrics() -> Response[bytes]:
        text = prometheus_client.generate_latest(health.registry)
        return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)

    return Litestar([healthz, readyz, metrics], openapi_config=None, logging_config=None)


class Server(uvicorn.Server):
    """Serves until ``should_exit`` is set; signals are the watch's own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        InputError: the address cannot be used.

    """
    try:
        # asked anew for its protocol: asyncio sends at once (TCP_NODELAY) only where it is named
        ears = socket.socket(fileno=socket.create_server((host, port)).detach())
    except OSError as error:
        raise InputError(
            f"{host}:{port}: cannot be served at: {error.strerror or error}; choose another --port"
        ) from error
    log.info("serving", address=f"http://{host}:{ears.getsockname()[1]}")
    return ears


@asynccontextmanager
async def serving(health: Health, ears: socket.socket | None) -> AsyncIterator[None]:
    """Serve the health of a watch while the context lasts; nowhere without a socket."""
    if ears is None:
        yield
        return
    config = uvicorn.Config(application(health), log_config=None, access_log=False, lifespan="off")
    web = Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(web.serve, [ears])
        try:
            yield
        finally:
            web.should_exit = True
