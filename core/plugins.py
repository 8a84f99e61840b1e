"""Finds plugins: built-in ones by module, third-party ones by entry point; a broken one is named and left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from importlib.resources.abc import Traversable

import pluggy

from sre_orchestrator.core import hookspecs
from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.core.settings import Settings

WANTED: Mapping[str, type] = {
    "register_agents": hookspecs.Agent,
    "register_sources": hookspecs.Source,
    "register_vocabulary": Traversable,
    "register_causes": Traversable,
    "register_rules": Traversable,
    "register_signals": Traversable,
    "register_alert_formats": hookspecs.AlertFormat,
}
BLOCKED = "blocked by block_plugins"


class PluginInfo(Struct, frozen=True, kw_only=True):
    """One plugin: its name, where it came from, and why it is not in use, if so."""

    name: str
    origin: str
    problem: str = ""


class Plugins:
    """The registered plugins, and what went wrong with the others."""

    def __init__(self, manager: pluggy.PluginManager, found: Sequence[PluginInfo]) -> None:
        self.manager = manager
        self.found = list(found)

    def collect(self, hook: str, **arguments: object) -> list[object]:
        """Call ``hook`` on every plugin and return all that they register.

        A plugin that raises, or registers something else than the hook asks for, is left out.
        """
        wanted = WANTED.get(hook, object)
        results: list[object] = []
        for implementation in list(getattr(self.manager.hook, hook).get_hookimpls()):
            accepted = {name: arguments[name] for name in implementation.argnames}
            outcome = guarded(lambda: list(implementation.function(**accepted)))  # noqa: B023 - called at once
            if isinstance(outcome, Failure):
                self._disable(implementation.plugin_name, f"{hook} raised {outcome.why}")
            elif wrong := [one for one in outcome.value if not isinstance(one, wanted) or isinstance(one, type)]:
                what = f"{hook} returned {wrong[0]!r}, which is no {wanted.__name__}"
                self._disable(implementation.plugin_name, what)
            else:
                results.extend(outcome.value)
        return results

    def gaps(self) -> tuple[Gap, ...]:
        """Return one gap for each plugin that could not be used."""
        return tuple(
            Gap(
                agent=info.name,
                what="everything this plugin adds",
                why=info.problem,
                remedy="take it out of block_plugins" if info.problem == BLOCKED else "fix, upgrade or uninstall it",
            )
            for info in self.found
            if info.problem
        )

    def _disable(self, name: str, problem: str) -> None:
        self.manager.unregister(name=name)
        self.found = [
            PluginInfo(name=info.name, origin=info.origin, problem=problem) if info.name == name else info
            for info in self.found
        ]


def load_plugins(builtin: Sequence[str], settings: Settings) -> Plugins:
    """Register the modules ``builtin`` and every entry point of the group ``sre_orchestrator``.

    A plugin named in ``settings.block_plugins`` is not imported.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    if settings.trace_plugins:
        manager.trace.root.setwriter(print)
        manager.enable_tracing()
    found = [
        _register(manager, EntryPoint(name, module, ""), "built in", settings)
        for name, module in _named(builtin).items()
    ]
    for point in sorted(entry_points(group=hookspecs.PROJECT), key=lambda point: point.name):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        found.append(_register(manager, point, origin, settings))
    return Plugins(manager, found)


def _named(modules: Sequence[str]) -> dict[str, str]:
    """Return the modules by their last name; by their last two where that is taken (``helm``, ``sources.helm``)."""
    found: dict[str, str] = {}
    for module in modules:
        short = module.rpartition(".")[2]
        found[".".join(module.split(".")[-2:]) if short in found else short] = module
    return found


def _register(manager: pluggy.PluginManager, point: EntryPoint, origin: str, settings: Settings) -> PluginInfo:
    if point.name in settings.block_plugins:
        return PluginInfo(name=point.name, origin=origin, problem=BLOCKED)

    def register() -> None:
        manager.register(point.load(), name=point.name)
        manager.check_pending()

    outcome = guarded(register)
    if isinstance(outcome, Failure) and manager.has_plugin(point.name):
        manager.unregister(name=point.name)
    return PluginInfo(name=point.name, origin=origin, problem=outcome.why if isinstance(outcome, Failure) else "")
