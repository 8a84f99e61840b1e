"""Adds requests up by route, and tells which routes fail or slow down."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.agents.user_flow.requests import Request

_HEALTH = re.compile(
    r"^/?(?:health\w*|live\w*|ready\w*|readiness|ping|metrics|actuator(?:/.*)?|_ah/health|status|favicon\.ico|robots\.txt)/?$"
    r"|grpc\.health\.v1|/_?healthz?$",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"^(?:\d+|[0-9a-f]{8,}|[0-9a-f-]{32,36}|(?=[^/]*\d)[A-Z0-9]{6,}|.{25,})$", re.IGNORECASE)
FEWEST = 3
FEWEST_SLOW = 20
SERVER_SHARE, CLIENT_SHARE = 0.05, 0.5
SLOWER, SLOWER_BY_SECONDS = 3.0, 0.05
TARGET = 0.95
MOST_ROUTES = 8
REDIRECTS = 400
NOT_SIGNED_IN = 401


class Failing(Struct, frozen=True, kw_only=True):
    """A route that answers with errors of one class."""

    route: str
    status_class: str
    status_code: int
    count: int
    total: int
    first: datetime | None
    last: datetime | None


class Slow(Struct, frozen=True, kw_only=True):
    """A route that takes longer at the end than at the beginning, or than it may; ``quantile`` says what the times are."""

    route: str
    before: float
    after: float
    count: int
    last: datetime | None
    quantile: float


@dataclass(kw_only=True)
class Flow:
    """The requests of one route in the order of the log, with the time of each where known."""

    route: str
    requests: list[tuple[Request, datetime | None]] = field(default_factory=list)

    def errors(self, allowed: float | None = None) -> Iterator[Failing]:
        """Yield each class of errors that stands out; ``allowed`` is the share of 5xx that an objective allows.

        5xx: at least ``FEWEST`` and ``SERVER_SHARE`` of all, or of what is allowed when that is less, in the newer
        half more than in the older unless every other one fails. 4xx: most of all, and not only for want of
        signing in; nothing else can be told from a client's mistakes.
        """
        server = SERVER_SHARE if allowed is None else min(SERVER_SHARE, allowed)
        for name, low, share in (("5xx", 500, server), ("4xx", 400, CLIENT_SHARE)):
            bad = [one for one in self.requests if low <= one[0].status < low + 100]
            codes = Counter(request.status for request, _ in bad)
            if len(bad) < FEWEST or len(bad) < share * len(self.requests) or not self._rising(low):
                continue
            code = codes.most_common(1)[0][0]
            if code == NOT_SIGNED_IN:
                continue
            times = [at for _, at in bad if at]
            yield Failing(
                route=self.route,
                status_class=name,
                status_code=code,
                count=len(bad),
                total=len(self.requests),
                first=min(times, default=None),
                last=max(times, default=None),
            )

    def slow(self, most: float | None = None) -> Slow | None:
        """Return how much slower the last third is than the first, when that is much.

        ``most`` is how many seconds an objective allows to ``TARGET`` of the requests: where the last third takes
        longer, it is slow whatever was before.
        """
        timed = [(request.seconds, at) for request, at in self.requests if request.seconds is not None]
        if len(timed) < FEWEST_SLOW:
            return None
        third = len(timed) // 3
        parts = [[seconds for seconds, _ in part] for part in (timed[:third], timed[-third:])]
        before, after = (statistics.median(part) for part in parts)
        told = 0.5
        if most is not None and _quantile(parts[1]) > most:
            before, after = (_quantile(part) for part in parts)
            told = TARGET
        elif after < SLOWER * before or after - before < SLOWER_BY_SECONDS:
            return None
        return Slow(
            route=self.route,
            before=round(before, 4),
            after=round(after, 4),
            count=len(timed),
            last=timed[-1][1],
            quantile=told,
        )

    def _rising(self, low: int) -> bool:
        """Say whether errors of a class are at least as frequent in the newer half, or the rule."""
        half = len(self.requests) // 2
        older, newer = (self._share(part, low) for part in (self.requests[:half], self.requests[half:]))
        return newer >= older or newer >= CLIENT_SHARE

    def _share(self, part: Sequence[tuple[Request, datetime | None]], low: int) -> float:
        return sum(low <= request.status < low + 100 for request, _ in part) / len(part) if part else 0.0


def flows_of(requests: Iterable[tuple[Request, datetime | None]]) -> list[Flow]:
    """Return the flows of some requests by route, those with most errors first; health checks are left out."""
    flows: dict[str, Flow] = {}
    for request, at in requests:
        path = re.sub(r"^\w+://[^/]*", "", request.path).partition("?")[0] or "/"
        if not asked_by_machines(path):
            route = route_of(request.method, path)
            flows.setdefault(route, Flow(route=route)).requests.append((request, at))
    every = sorted(flows.values(), key=lambda one: (-_bad(one), -len(one.requests), one.route))
    return every[:MOST_ROUTES]


def route_of(method: str, path: str) -> str:
    """Return method and path with what varies replaced.

    >>> route_of("GET", "/orders/123/items/9f86d081884c7d65")
    'GET /orders/*/items/*'
    """
    parts = ["*" if _VARIABLE.match(part) else part for part in path.split("/")]
    return f"{method} {'/'.join(parts)}".strip()


def asked_by_machines(path: str) -> bool:
    """Say whether a path is asked by machines only: health checks and the like."""
    return bool(_HEALTH.search(path))


def _quantile(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * TARGET), len(ordered) - 1)]


def _bad(flow: Flow) -> int:
    return sum(request.status >= REDIRECTS for request, _ in flow.requests)
