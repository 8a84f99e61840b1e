"""The incidents of the media platform, written before anyone looked at a rule: registry, and words that cases share."""

from __future__ import annotations

from collections.abc import Callable

from blind_media import BILLING, VOD, Case, Site
from blind_media_words import each, ecs, pino, slog, traefik, zap

INCIDENTS: dict[str, Case] = {}
HEALTHY: dict[str, Callable[[Site], None]] = {}
DECOYS: dict[str, Case] = {}
MISSED: dict[str, str] = {
    "volume_held_by_the_old_node": "named at the StatefulSet, not at its claim: the label could be disputed",
    "evicted_for_scratch_space": "told as a full disk; right at rank 2",
    "edge_with_a_tiny_limit": "nothing: the edge is in a namespace that the question does not ask about",
    "node_heap_grows_until_killed": "told as a limit that is too low",
    "dotnet_heap_leak": "nothing",
    "options_of_dotnet_do_not_validate": "told as a crash",
    "go_panics_under_a_request": "told as an error at start",
    "go_service_throttled": "told as CPU overload",
    "transcoder_dies_of_a_broken_file": "told as an error at start",
    "mariadb_scans_without_an_index": "told as the network delay of the client",
    "postgres_logs_sequential_scans": "told as the network delay of the client",
    "mongo_scans_a_collection": "nothing",
    "rewrite_strips_the_prefix_that_the_service_serves": "nothing",
    "middleware_strips_the_prefix": "nothing",
    "serving_certificate_expired": "named at the Service, not at its workload: the label could be disputed",
    "key_of_the_payment_provider_revoked": "nothing",
    "tokens_for_another_audience": "named at who refuses the token, not at who sends it",
    "host_routed_to_the_wrong_service": "named at the service that gets the requests; right at rank 2",
}


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
