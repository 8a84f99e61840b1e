"""What its owner confirmed: which runbook an alert is for, and which causes that may have; a YAML file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Struct


class Linked(Struct, frozen=True, kw_only=True):
    """The runbook of an alert (its address in the library, or its name), and the causes that it is about."""

    runbook: str = ""
    causes: tuple[str, ...] = ()


class Links(Struct, frozen=True, kw_only=True):
    """The confirmed links, by the name of the alert."""

    alerts: dict[str, Linked] = {}

    def for_cause(self, cause: str) -> tuple[str, ...]:
        """Return the runbooks of a cause."""
        return tuple(dict.fromkeys(one.runbook for one in self.alerts.values() if cause in one.causes and one.runbook))

    def for_alerts(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the runbooks of alerts."""
        found = (self.alerts[name].runbook for name in names if name in self.alerts)
        return tuple(dict.fromkeys(one for one in found if one))


def read_links(path: Path) -> Links:
    """Return what a file of links says.

    Raises:
        InputError: it cannot be read.

    """
    try:
        return Links(alerts=read_yaml(path.read_bytes(), dict[str, Linked] | None) or {})  # type: ignore[arg-type]
    except (OSError, DocumentError) as error:
        what = f"{path}: {error}; write ALERT: {{runbook: ADDRESS, causes: [CAUSE]}}, or see runbooks link"
        raise InputError(what) from error
