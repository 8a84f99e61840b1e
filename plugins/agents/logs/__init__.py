"""The logs agent: what containers say about themselves and about those they call."""

from __future__ import annotations

from collections.abc import Sequence

from sre_orchestrator.core.hookspecs import Agent, hookimpl
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.logs.agent import LogsAgent


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the logs agent."""
    del settings
    return [LogsAgent()]
