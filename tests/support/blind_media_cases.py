"""The incidents of the media platform, written before anyone looked at a rule: registry, and words that cases share."""

from __future__ import annotations

from collections.abc import Callable

from blind_media import BILLING, VOD, Case, Site
from blind_media_words import each, ecs, pino, slog, traefik, zap

INCIDENTS: dict[str, Case] = {}
HEALTHY: dict[str, Callable[[Site], None]] = {}
DECOYS: dict[str, Case] = {}
MISSED: dict[str, str] = {}


def incident(make: Case) -> Case:
    """Register an incident under its name."""
    INCIDENTS[make.__name__] = make
    return make


def decoy(make: Case) -> Case:
    """Register an incident beside something odd that did not cause it."""
    DECOYS[make.__name__] = make
    return make


def healthy(make: Callable[[Site], None]) -> Callable[[Site], None]:
    """Register a noisy day on which nothing is wrong."""
    HEALTHY[make.__name__] = make
    return make


def edge_errors(site: Site, path: str, backend: str, status: int = 502, namespace: str = VOD) -> None:
    """Let Traefik's access log tell that requests fail."""
    router = "vod-web-www-tessera-tv@kubernetes" if namespace == VOD else "billing-pay-pay-tessera-tv@kubernetes"
    site.say("traefik/traefik", each(lambda at: traefik(at, path, status, router, backend)))


def bff_errors(site: Site, callee: str, why: str, code: str = "ECONNREFUSED") -> None:
    """Let web-bff tell that calls of ``callee`` fail."""
    error = {
        "type": "Error",
        "message": f"request to http://{callee} failed, reason: {why}",
        "code": code,
        "stack": f"FetchError: request to http://{callee} failed, reason: {why}\n    at ClientRequest.<anonymous> (/app/node_modules/node-fetch/lib/index.js:1505:11)",
    }
    site.say(
        f"{VOD}/web-bff",
        each(lambda at: pino(at, "upstream call failed", 50, err=error, upstream=callee.partition(":")[0])),
    )
    edge_errors(site, "/home", "10.0.1.14:3000", 502)


def playback_errors(site: Site, callee: str, why: str) -> None:
    """Let playback tell that calls of ``callee`` fail."""
    site.say(
        f"{VOD}/playback",
        each(
            lambda at: slog(at, "upstream request failed", url=f"http://{callee}", err=f'Get "http://{callee}": {why}')
        ),
    )
    edge_errors(site, "/v1/sessions", "10.0.1.22:8080", 502)


def payments_errors(site: Site, what: str, why: str) -> None:
    """Let payments tell that something it needs fails."""
    site.say(
        f"{BILLING}/payments",
        each(
            lambda at: zap(
                at,
                what,
                error=why,
                stacktrace="github.com/tessera-tv/payments/internal/charge.(*Service).Capture\n\t/src/internal/charge/service.go:141",
            )
        ),
    )
    edge_errors(site, "/v1/charges", "10.0.2.31:8080", 502, BILLING)


def catalog_errors(site: Site, logger: str, message: str, kind: str, trace: str) -> None:
    """Let catalog tell of an exception."""
    site.say(
        f"{VOD}/catalog",
        each(
            lambda at: ecs(
                at, logger, message, **{"error.type": kind, "error.message": message, "error.stack_trace": trace}
            )
        ),
    )
