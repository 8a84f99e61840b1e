"""Tells what issuers and addresses that settings name answered: how far they got, and with which certificates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Coverage, Fact, Gap
from sre_orchestrator.plugins.agents.auth.view import View
from sre_orchestrator.plugins.agents.connectivity.served import look_at_certificates
from sre_orchestrator.plugins.objects.addresses import service_of
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.sources.ports import Listing, TlsProbe
from sre_orchestrator.plugins.sources.trust import IssuerCheck, ServedCheck, Trust

ISSUER, SERVED = "issuer.checked", "certificate.served"
SHOWN = 200


def trusted(view: View, trust: Trust, services: Listing[Service]) -> Iterator[Fact | Coverage | Gap]:
    """Yield how each issuer answered and each certificate that was served; a gap where none was."""
    places = _places(trust, services)
    for check in trust.issuers:
        yield _issuer(view, check, places[check.host])
    for one in trust.served:
        place = places[one.host]
        if one.handshake.certificates:
            yield from look_at_certificates(view.observe, [_probe(one, place)])
        else:
            yield _unserved(one)
        yield Coverage(kind=SERVED, scope=place)
    yield from trust.gaps


def _places(trust: Trust, services: Listing[Service]) -> Mapping[str, str]:
    """Return the component of each host: a service that has its name, else the issuer or host that is outside."""
    known = {(one.metadata.namespace, one.metadata.name) for one in services.items}
    places = {one.host: component_id("host", None, one.host) for one in trust.served}
    places |= {one.host: component_id("issuer", None, one.host) for one in trust.issuers}
    for host in places:
        if (named := service_of(host, "")) and named in known:
            places[host] = component_id("service", *named)
    return places


def _issuer(view: View, check: IssuerCheck, place: str) -> Fact:
    return view.observe(
        ISSUER,
        place,
        query=f"curl -sS {check.url.rstrip('/')}/.well-known/openid-configuration",
        at=check.at,
        url=check.url,
        host=check.host,
        step=check.step,
        outcome=check.outcome,
        status=check.status or None,
        keys=check.keys or None,
        users=_users(view, check.host),
        detail=(check.detail or check.outcome)[:SHOWN],
    )


def _users(view: View, host: str) -> int:
    """Return how many workloads have the host in a variable of theirs."""
    return sum(
        any(host in variable.value for one in pods[0].spec.containers for variable in one.env)
        for pods in view.pods.values()
    )


def _probe(check: ServedCheck, place: str) -> TlsProbe:
    first, chain = check.handshake.certificates[0], check.handshake.chain
    return TlsProbe(
        component=place,
        host=check.host,
        port=check.port,
        at=check.at,
        starts_at=first.starts_at,
        expires_at=first.expires_at,
        names=first.names,
        issuer=first.issuer,
        trusted=chain == "trusted",
        chain=chain,
    )


def _unserved(check: ServedCheck) -> Gap:
    return Gap(
        agent="auth",
        what=f"the certificate of {check.host}:{check.port}",
        why=f"the handshake ends with {check.handshake.outcome}: {check.handshake.detail or 'no certificate that can be read'}",
        remedy="see whether it runs and speaks TLS there, or correct auth.endpoints",
    )
