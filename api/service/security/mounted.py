"""Puts the parts together: settings → gate, door and shield."""

from __future__ import annotations

import structlog
from litestar.types import ASGIApp

from sre_orchestrator.api.service.dispatch import utc_now
from sre_orchestrator.api.service.ports import Keys
from sre_orchestrator.api.service.security.accounts import AccountWay
from sre_orchestrator.api.service.security.door import Door
from sre_orchestrator.api.service.security.filekeys import FileWay
from sre_orchestrator.api.service.security.gate import Gate, KeyWay, Way, loopback
from sre_orchestrator.api.service.security.rates import Rates
from sre_orchestrator.api.service.security.shield import Shield
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import RequestLimits, Settings

BURST_SECONDS = 2
log = structlog.get_logger()


def gate_for(settings: Settings, keys: Keys, host: str) -> Gate:
    """Return the gate of a service that listens at ``host``.

    It is open to this machine as long as nothing was said about who may come in: a key that has ended opens nothing.
    A closed gate opens to a key as soon as somebody makes one.

    Raises:
        InputError: others reach it and would come in without a key.

    """
    known = keys.list()
    ways = ways_of(settings)
    if not ways and not known and loopback(host):
        return Gate(only_this_machine=True)
    if not ways and not any(one.valid(utc_now()) for one in known) and not loopback(host):
        if not settings.service.auth.start_closed:
            raise InputError(
                f"--host {host}: there is no valid key, and others would reach the service; make one "
                "(sre-orchestrator keys create NAME), set service.auth, or listen on 127.0.0.1"
            )
        log.warning("nobody can come in yet", remedy="make a key: sre-orchestrator keys create NAME")
    return Gate([KeyWay(keys), *ways])


def ways_of(settings: Settings) -> list[Way]:
    """Return the ways to tell who calls that settings name."""
    auth, ways = settings.service.auth, list[Way]()
    if auth.keys:
        ways.append(FileWay(auth.keys))
    if auth.oidc.issuer:
        from sre_orchestrator.api.service.security.oidc import OidcWay  # noqa: PLC0415 - cryptography is slow to import

        ways.append(OidcWay(auth.oidc))
    if auth.service_accounts.enabled:
        from sre_orchestrator.plugins.sources.k8s import ClusterTokens  # noqa: PLC0415 - so is the Kubernetes package

        ways.append(AccountWay(ClusterTokens(settings.cluster), auth.service_accounts))
    return ways


def door_before(gate: Gate, limits: RequestLimits) -> Door:
    """Return what stands before every handler."""
    return Door(gate, Rates(limits.per_caller, BURST_SECONDS * limits.per_caller))


def shield_before(app: ASGIApp, gate: Gate, limits: RequestLimits) -> Shield:
    """Return what stands before everything."""
    rates = None if gate.open else Rates(limits.per_address, BURST_SECONDS * limits.per_address)
    return Shield(app, limits, rates)
