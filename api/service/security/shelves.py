"""Runbooks as the caller of a request may see them: those for everybody, and those of their namespaces."""

from __future__ import annotations

import msgspec

from sre_orchestrator.api.service.models import RunbookPage, RunbookQuery, RunbookView
from sre_orchestrator.api.service.ports import Runbooks
from sre_orchestrator.api.service.security.callers import current, sees


class ScopedRunbooks:
    """Runbooks for requests (``api.service.ports.Runbooks``); who calls is looked up at each call.

    What a caller of some namespaces keeps is for these (``api.service.service.Service.keep_runbook``); what is for
    everybody they read and leave as it is.
    """

    def __init__(self, runbooks: Runbooks) -> None:
        self._runbooks = runbooks

    def keep(self, runbook: RunbookView, *, most: int) -> tuple[RunbookView, bool]:
        """Keep a runbook."""
        return self._runbooks.keep(runbook, most=most)

    def get(self, runbook_id: str) -> RunbookView | None:
        """Return a runbook that the caller may see."""
        found = self._runbooks.get(runbook_id)
        return found if found and (not found.namespace or sees(current(), found.namespace)) else None

    def list(self, query: RunbookQuery) -> RunbookPage:
        """Return a page of the runbooks that the caller may see."""
        return self._runbooks.list(msgspec.structs.replace(query, namespaces=current().namespaces))

    def remove(self, runbook_id: str) -> bool:
        """Remove a runbook that is the caller's."""
        found = self._runbooks.get(runbook_id)
        return found is not None and sees(current(), found.namespace) and self._runbooks.remove(runbook_id)
