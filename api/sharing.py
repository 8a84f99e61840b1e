"""The vectors of runbooks that replicas share, for commands with the settings of a service on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sre_orchestrator.core.settings import Settings

if TYPE_CHECKING:
    from sre_orchestrator.plugins.knowledge.vectors import VectorStore


def shared_vectors(settings: Settings, opened: ExitStack) -> Callable[[], VectorStore] | None:
    """Return what opens the database, once, until ``opened`` ends; ``None`` where none is shared.

    What is returned raises ``InputError`` where the database cannot be used.
    """
    url = settings.service.database_url
    if not url:
        return None
    from sre_orchestrator.api.service.store.engine import is_server  # noqa: PLC0415 - slow to import

    if not is_server(url):
        return None

    @cache
    def open_them() -> VectorStore:
        from sre_orchestrator.api.service.store import open_database  # noqa: PLC0415 - slow to import

        return opened.enter_context(closing(open_database(url, Path(settings.state_dir)))).vectors

    return open_them
