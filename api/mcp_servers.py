"""The MCP servers of the settings: what presets say of them, their mappings checked against the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from sre_orchestrator.core.hookspecs import Agent
from sre_orchestrator.core.mcp_servers import McpServer
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import Vocabulary


@runtime_checkable
class Learning(Protocol):
    """An agent of which settings say what its facts are."""

    def learn(self, vocabulary: Vocabulary) -> None:
        """Check that against the vocabulary; ``SettingsError`` names what it has not."""
        ...


@runtime_checkable
class Closable(Protocol):
    """An agent that keeps connections."""

    def close(self) -> None:
        """Let go of them."""
        ...


def with_presets(settings: Settings) -> Settings:
    """Return settings in which the servers have what their presets say.

    Raises:
        SettingsError: a server cannot be used as it is described.

    """
    if not settings.mcp_servers:
        return settings
    from sre_orchestrator.plugins.mcp.known import resolved_all  # noqa: PLC0415 - nobody else pays for it

    return msgspec.structs.replace(settings, mcp_servers=resolved_all(settings.mcp_servers))


def stand_in(settings: Settings) -> McpServer | None:
    """Return the server that stands in for the Kubernetes API, with what its preset says."""
    return next((one for one in with_presets(settings).mcp_servers if one.replaces == "kubernetes"), None)


def learn(agents: Iterable[Agent], vocabulary: Callable[[], Vocabulary]) -> None:
    """Let agents check what settings say of their facts.

    Raises:
        SettingsError: it names what the vocabulary has not.

    """
    learning = [one for one in agents if isinstance(one, Learning)]
    known = vocabulary() if learning else None
    for one in learning:
        if known:
            one.learn(known)


def end(agents: Iterable[Agent], servers: Sequence[McpServer]) -> None:
    """Let agents close what they keep open, and end the servers that stand in for clients."""
    for one in agents:
        if isinstance(one, Closable):
            one.close()
    if servers:
        from sre_orchestrator.plugins.mcp.server import end_shared  # noqa: PLC0415 - nobody else pays for it

        end_shared(servers)
