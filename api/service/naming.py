"""Gives an investigation the id of the incident that it answers."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sre_orchestrator.core.pipeline import Bundle


def named(bundle: Bundle, incident_id: str, labels: Mapping[str, str]) -> Bundle:
    """Return the investigation under the id that the service gave the incident, with what its reporter labelled it."""
    incident = msgspec.structs.replace(bundle.report.incident, id=incident_id, labels=dict(labels))
    return msgspec.structs.replace(
        bundle,
        scope=msgspec.structs.replace(bundle.scope, incident=incident),
        report=msgspec.structs.replace(bundle.report, incident=incident),
    )
