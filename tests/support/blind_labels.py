"""Incidents as the public benchmark labels them, written before anyone looked at a rule: registry, and shared words.

Each case injects one label's fault into the shop or the railway as a chaos engineer would, lets every caller complain,
and returns cause and component. ``MISSED`` keeps what the rule book does not find, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable

from blind_services import each, speak
from clusters import Cluster
from railway import CALLS, GATEWAY, PORTS, Railway
from railway_words import resource, servlet, spring
from shop import patch

SHOP: dict[str, Callable[[Cluster], tuple[str, str]]] = {}
RAILWAY: dict[str, Callable[[Railway], tuple[str, str]]] = {}
MISSED: dict[str, str] = {}


def in_shop(make: Callable[[Cluster], tuple[str, str]]) -> Callable[[Cluster], tuple[str, str]]:
    """Register an incident of the shop under its name."""
    SHOP[make.__name__] = make
    return make


def in_railway(make: Callable[[Railway], tuple[str, str]]) -> Callable[[Railway], tuple[str, str]]:
    """Register an incident of the railway under its name."""
    RAILWAY[make.__name__] = make
    return make


def refused(cluster: Railway, callee: str, why: str = "Connection refused (Connection refused)") -> None:
    """Let callers and the gateway say that ``callee`` refuses connections."""
    cluster.complain(callee, resource(callee, PORTS[callee], why))
    speak(
        cluster,
        GATEWAY,
        each(
            f'2030-05-01 §.118 ERROR 1 --- [or-http-epoll-3] a.w.r.e.AbstractErrorWebExceptionHandler : [6f1c-11]  500 Server Error for HTTP GET "/api/v1/{callee.removeprefix("tk-").replace("-", "")}/items"\n'
            f"io.netty.channel.AbstractChannel$AnnotatedConnectException: finishConnect(..) failed: Connection refused: {callee}/10.96.0.31:{PORTS[callee]}\n"
            "Caused by: java.net.ConnectException: finishConnect(..) failed: Connection refused"
        ),
    )


def errors_of(cluster: Railway, callee: str, status: str = "500 null") -> None:
    """Let callers say that ``callee`` answers with an error."""
    text = f'org.springframework.web.client.HttpServerErrorException: {status}: "http://{callee}:{PORTS[callee]}/api/v1/{callee}/items"\n\tat org.springframework.web.client.RestTemplate.handleResponse(RestTemplate.java:782)\n'
    cluster.complain(callee, text)


def failing(cluster: Railway, app: str, why: str) -> None:
    """Let requests at ``app`` end in ``why``, and its callers get errors."""
    cluster.words(app, "".join(servlet(f"11:{minute}:21", why) for minute in ("46", "49", "50", "53", "55", "58")))
    errors_of(cluster, app)


def unresolved(cluster: Railway, app: str, why: str = "") -> None:
    """Let ``app`` say of everybody it calls that the name has no address."""
    for callee in CALLS[app]:
        text = f'org.springframework.web.client.ResourceAccessException: I/O error on GET request for "http://{callee}:{PORTS[callee]}/api/v1/items": {callee}{why}; nested exception is java.net.UnknownHostException: {callee}{why}\n\tat org.springframework.web.client.RestTemplate.doExecute(RestTemplate.java:785)\nCaused by: java.net.UnknownHostException: {callee}{why}\n\tat java.net.AbstractPlainSocketImpl.connect(AbstractPlainSocketImpl.java:184)\n'
        cluster.words(app, "".join(servlet(f"11:{minute}:07", text) for minute in ("47", "50", "54", "57")))


def grpc_dial(cluster: Cluster, app: str, method: str, why: str) -> None:
    """Let a Go client of ``app`` say that a call of ``method`` could not connect."""
    speak(
        cluster,
        app,
        each(
            f'{{"error":"failed to call {method}: rpc error: code = Unavailable desc = connection error: desc = \\"transport: Error while dialing: {why}\\"","http.req.path":"/checkout","message":"request error","severity":"error","timestamp":"2030-05-01T§.1Z"}}'
        ),
    )


def envs(cluster: Cluster, app: str, **values: str) -> list[dict[str, str]]:
    """Return the variables of ``app`` with other ``values`` for some."""
    known = {
        one["name"]: one
        for one in cluster.get("Deployment", app)["spec"]["template"]["spec"]["containers"][0].get("env", [])
    }
    return list((known | {name: {"name": name, "value": value} for name, value in values.items()}).values())


def routed(cluster: Railway, text: str) -> None:
    """Let the gateway read other routes since it started anew."""
    name = "tk-gateway-config"
    cluster.add(patch(cluster.get("ConfigMap", name), data={"application.yml": text}))


def not_found(cluster: Railway, path: str, app: str) -> None:
    """Let ``app`` say that it knows nothing of a path, which the gateway sent to it."""
    cluster.words(
        app,
        "".join(
            spring(
                f"11:{minute}:12",
                "WARN",
                "o.s.web.servlet.PageNotFound",
                f"No mapping for GET {path}",
                thread="nio-exec-5",
            )
            for minute in ("46", "48", "51", "52", "56", "58")
        ),
    )
