"""What is known of servers that others publish: ``presets/NAME.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import msgspec

from sre_orchestrator.core.documents import read_yaml
from sre_orchestrator.core.errors import SettingsError
from sre_orchestrator.core.mcp_servers import McpServer, Preset
from sre_orchestrator.core.vocabulary import nearest

_FILLED = ("description", "examples", "command", "args", "cluster", "metrics")


def preset_names() -> Sequence[str]:
    """Return the names of the presets, sorted."""
    folder = files("sre_orchestrator.plugins.mcp") / "presets"
    return sorted(one.name.removesuffix(".yaml") for one in folder.iterdir() if one.name.endswith(".yaml"))


@cache
def preset(name: str) -> Preset:
    """Return a preset.

    Raises:
        SettingsError: there is none of that name.

    """
    if name not in preset_names():
        known = ", ".join(preset_names())
        raise SettingsError(f"there is no preset {name!r}{nearest(name, preset_names())}; known: {known}")
    return read_yaml((files("sre_orchestrator.plugins.mcp") / "presets" / f"{name}.yaml").read_bytes(), Preset)


def resolved_all(servers: Sequence[McpServer]) -> tuple[McpServer, ...]:
    """Return the settings of all servers with their presets.

    Raises:
        SettingsError: two have the same name or stand in for the same client, or one cannot be used.

    """
    found = tuple(map(resolved, servers))
    for key, what in (("name", "have the same name"), ("replaces", "stand in for the same client")):
        given = [value for one in found if (value := getattr(one, key))]
        if twice := [value for value in given if given.count(value) > 1]:
            raise SettingsError(f"mcp_servers: two {what}: {twice[0]}; change one of them")
    return found


def resolved(server: McpServer) -> McpServer:
    """Return the settings of a server with what its preset says where they say nothing.

    A server that stands in for a client has only the tools of its settings: what the preset's would tell, agents do.

    Raises:
        SettingsError: there is no such preset, or the server cannot stand in for that client.

    """
    if server.preset:
        server = _with(server, preset(server.preset))
    if (server.replaces == "kubernetes" and not server.cluster) or (
        server.replaces == "prometheus" and not server.metrics
    ):
        part = "cluster" if server.replaces == "kubernetes" else "metrics"
        raise SettingsError(
            f"mcp_servers {server.name}: cannot stand in for {server.replaces}; say by which tools under {part},"
            " or choose a preset that does"
        )
    return server


def _with(server: McpServer, known: Preset) -> McpServer:
    own = {name for name in _FILLED if getattr(server, name)}
    if server.command or server.url:
        own |= {"command"} | ({"args"} if server.url else set())
    changes = {name: getattr(known, name) for name in _FILLED if name not in own}
    if not server.url:
        changes["env"] = known.env | server.env
    tools = server.tools if server.replaces else (*known.tools, *server.tools)
    return msgspec.structs.replace(server, **changes, tools=tools, preset="")
