"""Databases, caches and brokers that settings name: PostgreSQL, MySQL and MariaDB, Redis and Valkey, RabbitMQ."""

from __future__ import annotations

from collections.abc import Sequence

from sre_orchestrator.core.hookspecs import Source, hookimpl
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.databases.source import Database


@hookimpl
def register_sources(settings: Settings, cluster: Source) -> Sequence[Source]:
    """Return a source for each database of the settings; nothing is connected to yet."""
    del cluster
    return [Database(access) for access in settings.databases]
