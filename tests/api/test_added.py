"""What each plugin adds, and which of its files were refused."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest
from investigation import Scripted

from sre_orchestrator.api.added import PluginView, plugin_views
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core import plugins as module
from sre_orchestrator.core.hookspecs import hookimpl
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.objects.workloads import Deployment


class Vendor:
    """A source that looks into the cluster at once, as it should not but may."""

    name = "vendor"

    def __init__(self, cluster: Any) -> None:
        self.seen = anyio.run(cluster.list, Deployment).items
        self.version = anyio.run(cluster.server_version)
        self.known = anyio.run(_all, cluster)

    def sync(self) -> Any:
        """Be there."""


async def _all(cluster: Any) -> list[object]:
    return [one async for one in cluster.sync()]


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, PluginView]:
    """Return what an installation with three third-party plugins has."""
    kinds, rules = tmp_path / "kinds", tmp_path / "rules"
    for folder in (kinds, rules):
        folder.mkdir()
    (kinds / "vendor.yaml").write_text("vendor.status: {about: It is down., component: service}\n")
    (rules / "vendor-down.yaml").write_text("id: vendor-down\n")
    hooks: dict[str, dict[str, Any]] = {
        "vendor": {
            "register_agents": lambda: [Scripted("vendor")],
            "register_sources": lambda cluster: [Vendor(cluster)],
            "register_vocabulary": lambda: [kinds],
            "register_rules": lambda: [rules],
        },
        "late": {"register_sources": lambda cluster: [cluster.nothing]},
        "zoo": {"register_agents": lambda: [Scripted("vendor")]},
    }
    points = []
    for name, implementations in hooks.items():
        fresh = ModuleType(name)
        for hook, implementation in implementations.items():
            setattr(fresh, hook, hookimpl(implementation))
        monkeypatch.setitem(sys.modules, f"plugin_{name}", fresh)
        points.append(EntryPoint(name, f"plugin_{name}", ""))
    monkeypatch.setattr(module, "entry_points", lambda group: points)  # noqa: ARG005 - as the original
    return {one.name: one for one in plugin_views(Installation(Settings(state_dir=str(tmp_path / "state"))))}


def test_a_plugin_is_shown_with_all_that_it_adds(views: dict[str, PluginView]) -> None:
    vendor, ours = views["vendor"], views["kubernetes"]

    assert (vendor.adds.agents, vendor.adds.sources, vendor.adds.kinds) == (
        ("vendor",),
        ("vendor",),
        ("vendor.status",),
    )
    assert vendor.hooks == ("register_agents", "register_rules", "register_sources", "register_vocabulary")
    assert ours.adds.agents == ("kubernetes",)


def test_files_that_were_refused_are_named(views: dict[str, PluginView]) -> None:
    (why,) = views["vendor"].refused

    assert views["vendor"].problem == ""
    assert "vendor-down.yaml:1: missing key" in why


def test_a_plugin_that_is_out_of_use_adds_nothing(views: dict[str, PluginView]) -> None:
    assert "has no attribute 'nothing'" in views["late"].problem
    assert views["zoo"].problem == "agent 'vendor' is one of the plugin 'vendor' already; rename it"
    assert views["zoo"].adds.agents == ()
