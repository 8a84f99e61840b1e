"""Whether the API server answers, asked with one small request."""

from __future__ import annotations

import os
from collections.abc import Mapping

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.settings import ClusterAccess
from sre_orchestrator.plugins.sources.k8s.access import Access, find_access
from sre_orchestrator.plugins.sources.k8s.connection import FORBIDDEN, ApiError, Connection


class ClusterReach:
    """The API server of ``access``, which is found when it is first asked."""

    def __init__(self, access: ClusterAccess, environment: Mapping[str, str] = os.environ) -> None:
        self._access = access
        self._environment = environment
        self._connection: Connection | None = None

    def ask(self) -> None:
        """Ask for its version; one that forbids this is there, too.

        Raises:
            InputError: no cluster is configured.
            SourceMissing: it does not answer.

        """
        if self._connection is None:
            self._connection = Connection(self._found(), self._found, self._access.timeout_seconds)
        try:
            self._connection.get("/version")
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise SourceMissing(f"the API server does not answer: {error}") from error

    def _found(self) -> Access:
        return find_access(self._access, self._environment)
