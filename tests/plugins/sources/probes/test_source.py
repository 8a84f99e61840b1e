"""The source of active checks: real connections to what a cluster of the shop declares, all of it on loopback."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from listeners import LOOPBACK, certificate, closed_port, listening, name_server, replying, unanswered
from shop import container, pod, service, thing, write_snapshot

from sre_orchestrator.core.hookspecs import Source
from sre_orchestrator.core.settings import ProbeLimits, Settings, SnapshotLimits
from sre_orchestrator.plugins.sources import probes as plugin
from sre_orchestrator.plugins.sources.ports import Connectivity, Probes
from sre_orchestrator.plugins.sources.probes import source as module
from sre_orchestrator.plugins.sources.probes import targets
from sre_orchestrator.plugins.sources.probes.behind import Place
from sre_orchestrator.plugins.sources.probes.names import Names
from sre_orchestrator.plugins.sources.probes.source import OFF, Pace, Prober, here
from sre_orchestrator.plugins.sources.snapshot import Snapshot, open_snapshot

ME = Place(namespace="sre", pod="me-0")
LIMITS = ProbeLimits(per_second=1000, timeout_seconds=10)
HASTY = ProbeLimits(per_second=1000, timeout_seconds=0.3)
CART = "cart.shop.svc.cluster.local."


def at(port: int, *, headless: bool = False, name: str = "cart", **more: Any) -> dict[str, Any]:
    """Return a service at a port of this machine; without a cluster IP the pods' port is dialled."""
    return service(name, spec={"ports": [{"port": port, **more}], "clusterIP": "None" if headless else LOOPBACK})


def snapshot(folder: Path, *objects: dict[str, Any]) -> Snapshot:
    return open_snapshot(write_snapshot(folder, *objects), SnapshotLimits())


def look(
    folder: Path,
    *objects: dict[str, Any],
    known: Sequence[str] = (CART,),
    mute: Sequence[str] = (),
    limits: ProbeLimits = LIMITS,
) -> Probes:
    with snapshot(folder, *objects) as cluster, name_server(dict.fromkeys(known, LOOPBACK), mute=mute) as resolver:
        names = Names(limits.timeout_seconds, resolver)
        prober = Prober(cluster, limits, ME, names=names, refuses=lambda _: False)
        return anyio.run(prober.probes, ["shop"])


def test_a_port_that_accepts_is_open(tmp_path: Path) -> None:
    with listening() as port:
        (met,) = look(tmp_path, at(port)).tcp

    assert (met.namespace, met.service, met.port, met.reachable) == ("shop", "cart", port, True)
    assert met.output == f"cart.shop.svc (127.0.0.1:{port}) open"


def test_a_port_at_which_nothing_listens_is_refused(tmp_path: Path) -> None:
    port = closed_port()
    (met,) = look(tmp_path, at(port)).tcp

    assert (met.reachable, met.output) == (False, f"cart.shop.svc (127.0.0.1) port {port}: Connection refused")


def test_a_port_that_never_answers_times_out(tmp_path: Path) -> None:
    with unanswered() as port:
        (met,) = look(tmp_path, at(port), limits=HASTY).tcp

    assert (met.reachable, met.output) == (False, f"cart.shop.svc (127.0.0.1) port {port}: timed out")


def test_silence_behind_a_policy_is_a_gap(tmp_path: Path) -> None:
    policy = thing("NetworkPolicy", "all", spec={"podSelector": {}})
    with unanswered() as port:
        seen = look(tmp_path, at(port), pod("cart-1", labels={"app": "cart"}), policy, limits=HASTY)

    assert seen.tcp == ()
    assert [one.what for one in seen.gaps] == ["whether 1 ports of services are reachable"]


def test_a_refusal_behind_a_policy_is_told(tmp_path: Path) -> None:
    policy = thing("NetworkPolicy", "all", spec={"podSelector": {}})
    (met,) = look(tmp_path, at(closed_port()), pod("cart-1", labels={"app": "cart"}), policy).tcp

    assert not met.reachable


def test_a_name_that_does_not_resolve_is_told(tmp_path: Path) -> None:
    (met,) = look(tmp_path, at(80), known=()).tcp

    assert (met.reachable, met.output) == (False, "could not resolve cart.shop.svc: no such host")


def test_name_servers_that_do_not_answer_are_told(tmp_path: Path) -> None:
    (met,) = look(tmp_path, at(80), mute=[CART], limits=HASTY).tcp

    assert met.output == "could not resolve cart.shop.svc: no name server answers in time"


def test_a_headless_service_without_ready_pods_is_no_fault_of_dns(tmp_path: Path) -> None:
    (met,) = look(tmp_path, at(80, headless=True), known=()).tcp

    assert met.output == "cart.shop.svc has no address: none of its endpoints is ready"


def test_addresses_that_no_service_has_are_left_alone(tmp_path: Path) -> None:
    with listening() as port, snapshot(tmp_path, at(port)) as cluster, name_server({CART: LOOPBACK}) as resolver:
        prober = Prober(cluster, LIMITS, ME, names=Names(10, resolver))

        assert anyio.run(prober.probes, ["shop"]) == Probes()


def test_the_certificate_of_a_service_is_told(tmp_path: Path) -> None:
    pem = certificate(tmp_path, ["cart.shop.svc"], begins=timedelta(days=-9), ends=timedelta(days=-1))
    with listening(pem=pem) as port:
        (met,) = look(tmp_path / "snapshot", at(port, name="cart", appProtocol="tls")).tls

    assert (met.component, met.host, met.port, met.names) == (
        "service/shop/cart",
        "cart.shop.svc",
        port,
        ("cart.shop.svc",),
    )
    assert met.starts_at < met.expires_at < datetime.now(UTC) - timedelta(hours=1)
    assert not met.trusted


def test_a_tls_port_that_speaks_none_has_no_certificate(tmp_path: Path) -> None:
    with listening(replying(b"hello")) as port:
        seen = look(tmp_path, at(port, appProtocol="tls"))

    assert (len(seen.tcp), seen.tls) == (1, ())


def test_the_answer_to_the_kubelets_path_is_told(tmp_path: Path) -> None:
    with listening(replying(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")) as port:
        ready = container(readinessProbe={"httpGet": {"path": "/ready", "port": port}})
        (met,) = look(tmp_path, at(port), pod("cart-1", labels={"app": "cart"}, containers=[ready])).http

    assert (met.component, met.method, met.path, met.status) == ("service/shop/cart", "GET", "/ready", 503)
    assert 0 <= met.seconds < 10


def test_an_ingress_that_cannot_be_reached_from_inside_says_nothing(tmp_path: Path) -> None:
    ingress = thing("Ingress", "web", spec={"rules": [{"host": "shop.example"}]})

    assert look(tmp_path, ingress, known=()) == Probes()
    assert look(tmp_path / "again", ingress, known=["shop.example."], limits=LIMITS).tcp == ()


def test_the_host_of_an_ingress_is_checked_where_it_leads_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules, tls = [{"host": "shop.example"}], [{"hosts": ["shop.example"], "secretName": "web"}]
    pem = certificate(tmp_path, ["ingress.local"])
    with listening(replying(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"), pem) as port:
        monkeypatch.setattr(targets, "HTTPS", port)
        ingress = thing("Ingress", "web", spec={"rules": rules, "tls": tls})
        seen = look(tmp_path / "snapshot", ingress, known=["shop.example."])

    assert seen.tcp == ()
    assert [(one.component, one.host, one.names) for one in seen.tls] == [
        ("ingress/shop/web", "shop.example", ("ingress.local",))
    ]
    assert [(one.component, one.method, one.status) for one in seen.http] == [("ingress/shop/web", "HEAD", 503)]


def test_not_more_than_the_limit_are_connected_to(tmp_path: Path) -> None:
    with listening() as port:
        services = [at(port, name=f"cart-{number}") for number in range(5)]
        known = [f"cart-{number}.shop.svc.cluster.local." for number in range(5)]
        seen = look(tmp_path, *services, known=known, limits=ProbeLimits(most=2, per_second=1000))

    assert [one.service for one in seen.tcp] == ["cart-0", "cart-1"]
    assert [one.what for one in seen.gaps] == ["3 of 5 ports of services and hosts of ingresses"]


def test_a_look_that_takes_too_long_is_ended_with_a_gap(tmp_path: Path) -> None:
    late = iter((0.0, 0.0, *(module.LOOK_SECONDS + 1 for _ in range(9))))
    with snapshot(tmp_path, at(80), at(80, name="web")) as cluster, name_server({}) as resolver:
        prober = Prober(cluster, LIMITS, ME, names=Names(10, resolver), clock=lambda: next(late))
        seen = anyio.run(prober.probes, ["shop"])

    assert seen.tcp == ()
    assert [one.what for one in seen.gaps] == ["2 of 2 ports of services and hosts of ingresses"]


def test_when_time_is_up_no_further_step_is_begun(tmp_path: Path) -> None:
    now = [0.0]
    with listening() as port:
        target = at(port, appProtocol="https")
        with snapshot(tmp_path, target) as cluster, name_server({CART: LOOPBACK}) as resolver:
            names = Names(10, resolver)
            prober = Prober(cluster, LIMITS, ME, names=names, refuses=lambda _: late(now), clock=lambda: now[0])
            seen = anyio.run(prober.probes, ["shop"])

    assert (len(seen.tcp), seen.tls, seen.http) == (1, (), ())


def late(now: list[float]) -> bool:
    """Let the time of a look pass, and refuse no address."""
    now[0] += module.LOOK_SECONDS + 1
    return False


def test_what_was_seen_is_told_again_for_a_minute(tmp_path: Path) -> None:
    now = [0.0]
    with snapshot(tmp_path, at(closed_port())) as cluster, name_server({CART: LOOPBACK}) as resolver:
        prober = Prober(cluster, LIMITS, ME, names=Names(10, resolver), refuses=lambda _: False, clock=lambda: now[0])
        first = anyio.run(prober.probes, ["shop"])
        now[0] = 59
        again = anyio.run(prober.probes, ["shop"])
        now[0] = 61
        later = anyio.run(prober.probes, ["shop"])

    assert again is first
    assert later is not first


def test_connections_keep_their_pace() -> None:
    now, waited = [0.0], list[float]()
    pace = Pace(10, clock=lambda: now[0], wait=waited.append)
    for _ in range(3):
        pace.turn()
    now[0] = 5.0
    pace.turn()

    assert waited == pytest.approx([0, 0.1, 0.2, 0])


@pytest.mark.parametrize(
    ("enabled", "place", "active"),
    [(None, ME, True), (None, None, False), (True, None, True), (False, ME, False)],
)
def test_it_connects_in_a_pod_or_where_it_is_told_to(
    tmp_path: Path, enabled: bool | None, place: Place | None, active: bool
) -> None:
    with snapshot(tmp_path) as cluster:
        prober = Prober(cluster, ProbeLimits(enabled=enabled), place)

        assert prober.active is active
        assert anyio.run(prober.probes, ["shop"]) == Probes(gaps=() if active else (OFF,))


@pytest.mark.parametrize(
    ("enabled", "place", "how", "problem"),
    [
        (None, ME, "pod sre/me-0", ""),
        (True, None, "this machine, by probes.enabled", ""),
        (None, None, "", OFF.why),
    ],
)
def test_it_says_from_where_it_connects(
    tmp_path: Path, enabled: bool | None, place: Place | None, how: str, problem: str
) -> None:
    with snapshot(tmp_path) as cluster:
        found = anyio.run(Prober(cluster, ProbeLimits(enabled=enabled), place).describe)

    assert (found.name, found.how, found.problem, bool(found.remedy)) == ("probes", how, problem, bool(problem))


def test_a_pod_knows_its_place(tmp_path: Path) -> None:
    (tmp_path / "namespace").write_text("sre\n")
    inside = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "HOSTNAME": "me-0"}

    assert here(inside, tmp_path) == ME
    assert here({}, tmp_path) is None
    assert here(inside, tmp_path / "absent") is None


def test_it_is_a_source_that_knows_no_components(tmp_path: Path) -> None:
    async def synced(source: Source) -> list[object]:
        return [one async for one in source.sync()]

    with snapshot(tmp_path) as cluster:
        (source,) = plugin.register_sources(Settings(), cluster)

        assert isinstance(source, Connectivity)
        assert anyio.run(synced, source) == []


def test_switched_off_there_is_no_source(tmp_path: Path) -> None:
    with snapshot(tmp_path) as cluster:
        assert plugin.register_sources(Settings(probes=ProbeLimits(enabled=False)), cluster) == []
