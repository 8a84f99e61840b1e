"""What plugins add is listed by name; one that takes a name that is taken is left out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from investigation import Scripted

from sre_orchestrator.core import plugins as module
from sre_orchestrator.core.additions import SORTS, Additions, additions, leave_out_clashing
from sre_orchestrator.core.hookspecs import hookimpl
from sre_orchestrator.core.plugins import Plugins, load_plugins
from sre_orchestrator.core.settings import Settings

Make = Callable[..., Plugins]
SETTINGS = Settings(state_dir="unused")
OURS = Additions(kinds=("pod.phase",), causes=("node-down",), rules=("oom",), alert_formats=("grafana",))


class Format:
    """A format of alerts."""

    def __init__(self, name: str) -> None:
        self.name = name

    def notices(self, body: bytes, headers: object) -> list[Any]:
        """Return nothing."""
        del body, headers
        return []


def registering(monkeypatch: pytest.MonkeyPatch, name: str, hooks: dict[str, list[Any]]) -> str:
    fresh = ModuleType(name)
    for hook, registered in hooks.items():
        setattr(fresh, hook, hookimpl(_returning(registered)))
    monkeypatch.setitem(sys.modules, name, fresh)
    return name


def _returning(registered: list[Any]) -> Any:
    return lambda: registered


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Load one plugin of ours, and those of third parties in the order of their names."""

    def load(ours: dict[str, list[Any]] | None = None, **theirs: dict[str, list[Any]]) -> Plugins:
        points = [EntryPoint(name, registering(monkeypatch, name, hooks), "") for name, hooks in theirs.items()]
        monkeypatch.setattr(module, "entry_points", lambda group: points)  # noqa: ARG005 - as the original
        return load_plugins([registering(monkeypatch, "our_own", ours or {})], SETTINGS)

    return load


def folder(path: Path, **files: str) -> Path:
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name.replace("_yaml", ".yaml").replace("_md", ".md")).write_text(text, encoding="utf-8")
    return path


def test_everything_that_a_plugin_adds_has_a_name(installed: Make, tmp_path: Path) -> None:
    books = folder(tmp_path / "books", queue_md="# Queue")
    folder(books / "more", stack_md="# Stack")
    hooks = {
        "register_agents": [Scripted("queues")],
        "register_vocabulary": [folder(tmp_path / "kinds", a_yaml="queue.depth: {}\nqueue.age: {}\n")],
        "register_causes": [folder(tmp_path / "causes", a_yaml="queue-full: {}\n")],
        "register_rules": [folder(tmp_path / "rules", full_yaml="id: full\n", notes_md="none")],
        "register_runbooks": [books],
        "register_signals": [folder(tmp_path / "signals", depth_yaml="a: b")],
        "register_alert_formats": [Format("queue-alerts")],
    }
    plugins = installed(theirs=hooks)

    found = additions(plugins, SORTS, settings=SETTINGS, cluster=None)

    assert found == {
        "our_own": Additions(),
        "theirs": Additions(
            agents=("queues",),
            kinds=("queue.depth", "queue.age"),
            causes=("queue-full",),
            rules=("full",),
            runbooks=("more/stack.md", "queue.md"),
            signals=("depth",),
            alert_formats=("queue-alerts",),
        ),
    }


def test_files_that_cannot_be_read_name_nothing(installed: Make, tmp_path: Path) -> None:
    hooks = {
        "register_vocabulary": [tmp_path / "nowhere", folder(tmp_path / "kinds", bad_yaml="a: [")],
        "register_agents": [Scripted("queues")],
    }
    plugins = installed(theirs=hooks)

    leave_out_clashing(plugins, OURS, settings=SETTINGS)

    assert plugins.gaps() == ()


@pytest.mark.parametrize(
    ("hook", "what", "why"),
    [
        ("register_vocabulary", "pod.phase: {}", "kind of facts 'pod.phase' is one of sre-orchestrator already; rename it"),
        ("register_causes", "node-down: {}", "cause 'node-down' is one of sre-orchestrator already; rename it"),
        ("register_rules", "", "rule 'oom' is one of sre-orchestrator already; rename it"),
        ("register_agents", Scripted("logs"), "agent 'logs' is one of sre-orchestrator already; rename it"),
        ("register_alert_formats", Format("grafana"), "format of alerts 'grafana' is one of sre-orchestrator already; rename it"),
    ],
)  # fmt: skip
def test_a_plugin_that_takes_a_name_of_ours_is_left_out(
    installed: Make, tmp_path: Path, hook: str, what: object, why: str
) -> None:
    registered = folder(tmp_path / "theirs", oom_yaml=what) if isinstance(what, str) else what
    good = {"register_agents": [Scripted("queues")]}
    plugins = installed({"register_agents": [Scripted("logs")]}, bad={hook: [registered]}, good=good)

    leave_out_clashing(plugins, OURS, settings=SETTINGS)

    assert [(gap.agent, gap.why) for gap in plugins.gaps()] == [("bad", why)]
    assert [one.name for one in plugins.collect("register_agents", settings=SETTINGS)] == ["logs", "queues"]  # type: ignore[attr-defined]  # agents


def test_of_two_plugins_that_clash_the_first_stays(installed: Make) -> None:
    hooks = {"register_agents": [Scripted("queues")]}
    plugins = installed(one=hooks, two=hooks, three={"register_agents": [Scripted("three")]})

    leave_out_clashing(plugins, OURS, settings=SETTINGS)

    assert [(gap.agent, gap.why) for gap in plugins.gaps()] == [
        ("two", "agent 'queues' is one of the plugin 'one' already; rename it")
    ]
    assert [info.name for info in plugins.third_party()] == ["one", "three"]
