"""Parts for tests of the service."""

from __future__ import annotations

from reports import NOW, report

from sre_orchestrator.core.gather import Observations
from sre_orchestrator.core.models import Cost, Report, Scope
from sre_orchestrator.core.pipeline import Bundle


def bundle_of(answer: Report | None = None) -> Bundle:
    """Return an investigation that ended with ``answer``."""
    done = answer or report()
    scope = Scope(incident=done.incident, namespaces=("shop",), since=NOW, until=NOW)
    return Bundle(scope=scope, seen=Observations(), edges=(), cost=Cost(), report=done)
