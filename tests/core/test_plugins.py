"""A broken plugin is named, left out and reported; the others go on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from investigation import Scripted

from sre_orchestrator.core import hookspecs
from sre_orchestrator.core import plugins as module
from sre_orchestrator.core.errors import SettingsError
from sre_orchestrator.core.hookspecs import hookimpl
from sre_orchestrator.core.plugins import Plugins, load_plugins
from sre_orchestrator.core.settings import Settings, read_settings

AGENT = Scripted("theirs")


@pytest.fixture(autouse=True)
def _no_installed_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "entry_points", lambda group: [])  # noqa: ARG005 - as the original


@pytest.fixture
def made() -> Iterator[list[str]]:
    """The names of modules that a test made."""
    names: list[str] = []
    yield names
    for name in names:
        sys.modules.pop(name, None)


def plugin(made: list[str], name: str, **hooks: Any) -> str:
    """Make a module of that name with hook implementations; each is a value or a function."""
    fresh = ModuleType(name)
    for hook, value in hooks.items():
        implementation = value if callable(value) and not isinstance(value, type) else _returning(value)
        setattr(fresh, hook, hookimpl(implementation))
    sys.modules[name] = fresh
    made.append(name)
    return name


def _returning(value: object) -> Any:
    def hook() -> object:
        return value

    return hook


def loaded(*names: str, **settings: Any) -> Plugins:
    return load_plugins(names, Settings(state_dir="unused", **settings))


def collect(plugins: Plugins, hook: str = "register_agents") -> list[object]:
    return plugins.collect(hook, settings=Settings(state_dir="unused"))


def test_what_plugins_register_is_collected(made: list[str]) -> None:
    one = plugin(made, "one", register_agents=lambda settings: [AGENT] if settings else [])
    two = plugin(made, "two", register_agents=[AGENT])

    plugins = loaded(one, two)

    assert collect(plugins) == [AGENT, AGENT]
    assert [(info.name, info.origin, info.problem) for info in plugins.found] == [
        ("one", "built in", ""),
        ("two", "built in", ""),
    ]
    assert plugins.gaps() == ()


def test_two_modules_of_one_name_are_two_plugins(made: list[str]) -> None:
    plugins = loaded(plugin(made, "our.agents.helm", register_agents=[AGENT]), plugin(made, "our.sources.helm"))

    assert [(one.name, one.problem) for one in plugins.found] == [("helm", ""), ("sources.helm", "")]
    assert collect(plugins) == [AGENT]


def test_a_third_party_is_found_by_its_entry_point(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    name = plugin(made, "theirs", register_agents=[AGENT])
    monkeypatch.setattr(module, "entry_points", lambda group: [EntryPoint("their-plugin", name, group)])

    plugins = loaded()

    assert collect(plugins) == [AGENT]
    assert [(info.name, info.origin) for info in plugins.found] == [("their-plugin", "theirs")]


def test_an_installed_package_is_named_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    (ours,) = metadata.entry_points(group="pytest11", name="sre_orchestrator_rules")
    monkeypatch.setattr(module, "entry_points", lambda group: [ours])  # noqa: ARG005 - as the original

    (info,) = loaded().found

    assert (info.distribution, info.version) == ("sre-orchestrator", metadata.version("sre-orchestrator"))
    assert info.origin == f"{info.distribution} {info.version}"


def _exit(settings: object) -> object:
    del settings
    sys.exit("I take the program with me")


def _break(settings: object) -> object:
    raise RuntimeError(f"broken with {type(settings).__name__}")


@pytest.mark.parametrize(
    ("registered", "why"),
    [
        (_break, "register_agents raised RuntimeError: broken with Settings"),
        (_exit, "register_agents raised SystemExit: I take the program with me"),
        (None, "register_agents raised TypeError: 'NoneType' object is not iterable"),
        ([None], "register_agents returned None, which is no Agent"),
        (["agent"], "register_agents returned 'agent', which is no Agent"),
        ([Scripted(None)], "whose name is None, not a str"),  # type: ignore[arg-type]  # as a plugin could
        ([Scripted], "which is no Agent"),
    ],
)
def test_a_plugin_that_breaks_its_contract_is_left_out(made: list[str], registered: object, why: str) -> None:
    plugins = loaded(plugin(made, "bad", register_agents=registered), plugin(made, "good", register_agents=[AGENT]))

    assert collect(plugins) == [AGENT]
    (gap,) = plugins.gaps()
    assert (gap.agent, gap.what, gap.remedy) == ("bad", "everything this plugin adds", "fix, upgrade or uninstall it")
    assert why in gap.why
    assert collect(plugins) == [AGENT]


@pytest.mark.parametrize("hook", ["register_vocabulary", "register_rules", "register_causes", "register_signals"])
def test_folders_are_folders(made: list[str], tmp_path: Path, hook: str) -> None:
    plugins = loaded(plugin(made, "bad", **{hook: ["rules/"]}), plugin(made, "good", **{hook: [tmp_path]}))

    assert plugins.collect(hook) == [tmp_path]
    assert "which is no Traversable" in plugins.gaps()[0].why


def test_a_plugin_that_cannot_be_imported_is_named() -> None:
    (gap,) = loaded("no_such_module_anywhere").gaps()

    assert (gap.agent, gap.why) == (
        "no_such_module_anywhere",
        "ModuleNotFoundError: No module named 'no_such_module_anywhere'",
    )


def test_a_misspelt_hook_is_an_error(made: list[str]) -> None:
    plugins = loaded(plugin(made, "bad", register_agent=[AGENT]), plugin(made, "good", register_agents=[AGENT]))

    assert plugins.gaps()[0].why == "there is no hook 'register_agent'; did you mean 'register_agents'?"
    assert collect(plugins) == [AGENT]
    assert [info.hooks for info in plugins.found] == [(), ("register_agents",)]


def test_a_plugin_may_implement_hooks_that_only_other_versions_have(made: list[str]) -> None:
    name = plugin(made, "both", register_agents=[AGENT])
    sys.modules[name].register_dreams = hookimpl(optionalhook=True)(lambda: [])  # type: ignore[attr-defined]  # a module's hook

    plugins = loaded(name)

    assert plugins.gaps() == ()
    assert collect(plugins) == [AGENT]


@pytest.mark.parametrize(
    ("version", "why"),
    [
        (hookspecs.HOOKS, ""),
        (99, "made for version 99 of the hooks, here is 7; upgrade sre-orchestrator"),
        (2, "made for version 2 of the hooks, here is 5 and later; upgrade the plugin"),
        ("7", "HOOKS is '7', which is no version; write HOOKS = 7"),
        (-1, "made for version -1 of the hooks, here is 5 and later; upgrade the plugin"),
        (True, "HOOKS is True, which is no version; write HOOKS = 7"),
    ],
)
def test_a_plugin_may_say_which_hooks_it_was_made_for(
    made: list[str], monkeypatch: pytest.MonkeyPatch, version: object, why: str
) -> None:
    if why:
        monkeypatch.setattr(hookspecs, "HOOKS", 7)
        monkeypatch.setattr(hookspecs, "OLDEST_HOOKS", 5)
    name = plugin(made, "one", register_agents=[AGENT])
    sys.modules[name].HOOKS = version  # type: ignore[attr-defined]  # a constant of the module

    (info,) = loaded(name).found

    assert (info.problem, info.made_for) == (why, 0 if why else version)


def test_of_two_plugins_with_one_name_the_second_is_left_out(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("one", plugin(made, f"theirs_{number}", register_agents=[Scripted(f"their-{number}")]), "")
        for number in range(2)
    ]
    monkeypatch.setattr(module, "entry_points", lambda group: points)  # noqa: ARG005 - as the original

    plugins = loaded()
    taken = loaded(plugin(made, "one", register_agents=[AGENT]))

    assert [one.name for one in collect(plugins)] == ["their-0"]  # type: ignore[attr-defined]  # agents
    assert [bool(info.problem) for info in plugins.found] == [False, True]
    assert collect(taken) == [AGENT]
    assert [info.problem for info in taken.found][1:] == [
        "another plugin has the same name; uninstall one, or rename it"
    ] * 2


def test_a_blocked_plugin_is_not_imported() -> None:
    plugins = loaded("no_such_module_anywhere", block_plugins=("no_such_module_anywhere",))

    assert [info.problem for info in plugins.found] == ["blocked by block_plugins"]
    assert [gap.remedy for gap in plugins.gaps()] == ["take it out of block_plugins"]


def test_calls_are_traced_on_request(made: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    loaded(plugin(made, "one", register_agents=[AGENT]), trace_plugins=True).manager.hook.register_agents(settings=None)

    assert "register_agents" in capsys.readouterr().out


def test_settings_hold_what_plugins_are_told(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("plugins:\n  flags: {url: 'https://flags.example', most: 7}\n", encoding="utf-8")

    by_file = read_settings(tmp_path / "s.yaml", {})
    by_variable = read_settings(None, {"SRE_ORCHESTRATOR_PLUGINS": "{flags: {url: 'https://flags.example', most: 7}}"})

    assert by_file.plugins == by_variable.plugins == {"flags": {"url": "https://flags.example", "most": 7}}
    with pytest.raises(SettingsError, match="SRE_ORCHESTRATOR_PLUGINS: not YAML"):
        read_settings(None, {"SRE_ORCHESTRATOR_PLUGINS": "{flags: "})
