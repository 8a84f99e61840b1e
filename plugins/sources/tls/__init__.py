"""Asks issuers of tokens and addresses that settings name for their configuration, keys and certificates."""

from __future__ import annotations

from collections.abc import Sequence

from sre_orchestrator.core.hookspecs import Source, hookimpl
from sre_orchestrator.core.settings import Settings


@hookimpl
def register_sources(settings: Settings, cluster: Source) -> Sequence[Source]:
    """Return the source of these checks, none where settings name nothing, or ``probes.enabled`` is false."""
    del cluster
    if settings.probes.enabled is False or not (settings.auth.issuers or settings.auth.endpoints):
        return []
    from sre_orchestrator.plugins.sources.probes.source import here  # noqa: PLC0415 - its doors open slowly
    from sre_orchestrator.plugins.sources.tls.source import Checks  # noqa: PLC0415 - likewise

    return [Checks(settings.auth, enabled=settings.probes.enabled or here() is not None)]
