"""Finds plugins: built-in ones by module, third-party ones by entry point; a broken one is named and left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from importlib.metadata import EntryPoint, entry_points
from importlib.resources.abc import Traversable

import msgspec
import pluggy

from sre_orchestrator.core import hookspecs
from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.errors import PluginError
from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import nearest

WANTED: Mapping[str, type] = {
    "register_agents": hookspecs.Agent,
    "register_sources": hookspecs.Source,
    "register_snapshot_sources": hookspecs.Source,
    "register_vocabulary": Traversable,
    "register_causes": Traversable,
    "register_rules": Traversable,
    "register_runbooks": Traversable,
    "register_signals": Traversable,
    "register_alert_formats": hookspecs.AlertFormat,
}
TYPES: Mapping[type, Mapping[str, type]] = {
    hookspecs.Agent: {"name": str, "description": str, "kinds": Set},
    hookspecs.Source: {"name": str},
    hookspecs.AlertFormat: {"name": str},
}
BLOCKED = "blocked by block_plugins"
BUILT_IN = "built in"


class PluginInfo(Struct, frozen=True, kw_only=True):
    """One plugin: its name, where it came from, which hooks it implements, and why it is not in use, if so.

    ``distribution`` and ``version`` are those of the package that was installed, empty for what is built in.
    ``made_for`` is the version of the hooks that it says it was made for, 0 when it does not say.
    """

    name: str
    origin: str
    problem: str = ""
    distribution: str = ""
    version: str = ""
    hooks: tuple[str, ...] = ()
    made_for: int = 0


class Plugins:
    """The registered plugins, and what went wrong with the others."""

    def __init__(self, manager: pluggy.PluginManager, found: Sequence[PluginInfo]) -> None:
        self.manager = manager
        self.found = list(found)

    def collect(self, hook: str, **arguments: object) -> list[object]:
        """Call ``hook`` on every plugin and return all that they register.

        A plugin that raises, or registers something else than the hook asks for, is left out.
        """
        return [one for registered in self.each(hook, **arguments).values() for one in registered]

    def each(self, hook: str, **arguments: object) -> dict[str, list[object]]:
        """Return what ``collect`` returns, by the names of the plugins."""
        results: dict[str, list[object]] = {}
        for implementation in list(getattr(self.manager.hook, hook).get_hookimpls()):
            accepted = {name: arguments[name] for name in implementation.argnames}
            outcome = guarded(lambda: _checked(hook, implementation.function(**accepted)))  # noqa: B023 - called at once
            if isinstance(outcome, Failure):
                self.disable(implementation.plugin_name, _told(outcome, f"{hook} raised "))
            else:
                results[implementation.plugin_name] = outcome.value
        return results

    def third_party(self) -> list[PluginInfo]:
        """Return the plugins in use that are not built in."""
        return [info for info in self.found if info.origin != BUILT_IN and not info.problem]

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

    def disable(self, name: str, problem: str) -> None:
        """Take a plugin out of use, and remember why."""
        self.manager.unregister(name=name)
        self.found = [
            msgspec.structs.replace(info, problem=problem) if info.name == name and not info.problem else info
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
        _register(manager, EntryPoint(name, module, ""), PluginInfo(name=name, origin=BUILT_IN), settings)
        for name, module in _named(builtin).items()
    ]
    for point in sorted(entry_points(group=hookspecs.PROJECT), key=lambda point: (point.name, point.value)):
        found.append(_register(manager, point, _described(point), settings))
    return Plugins(manager, found)


def _named(modules: Sequence[str]) -> dict[str, str]:
    """Return the modules by their last name; by their last two where that is taken (``helm``, ``sources.helm``)."""
    found: dict[str, str] = {}
    for module in modules:
        short = module.rpartition(".")[2]
        found[".".join(module.split(".")[-2:]) if short in found else short] = module
    return found


def _described(point: EntryPoint) -> PluginInfo:
    if not point.dist:
        return PluginInfo(name=point.name, origin=point.value)
    name, version = point.dist.name, point.dist.version
    return PluginInfo(name=point.name, origin=f"{name} {version}", distribution=name, version=version)


def _register(manager: pluggy.PluginManager, point: EntryPoint, info: PluginInfo, settings: Settings) -> PluginInfo:
    if info.name in settings.block_plugins:
        return msgspec.structs.replace(info, problem=BLOCKED)
    if manager.has_plugin(info.name):
        return msgspec.structs.replace(info, problem="another plugin has the same name; uninstall one, or rename it")

    def register() -> PluginInfo:
        plugin = point.load()
        made_for = _made_for(plugin)
        manager.register(plugin, name=info.name)
        return msgspec.structs.replace(info, hooks=_hooks_of(manager, plugin), made_for=made_for)

    outcome = guarded(register)
    if not isinstance(outcome, Failure):
        return outcome.value
    if manager.has_plugin(info.name):
        manager.unregister(name=info.name)
    return msgspec.structs.replace(info, problem=_told(outcome))


def _made_for(plugin: object) -> int:
    """Return the version of the hooks that a plugin says it was made for, 0 when it does not say."""
    version = getattr(plugin, "HOOKS", 0)
    if type(version) is not int:
        raise PluginError(f"HOOKS is {version!r}, which is no version; write HOOKS = {hookspecs.HOOKS}")
    if version > hookspecs.HOOKS:
        raise PluginError(
            f"made for version {version} of the hooks, here is {hookspecs.HOOKS}; upgrade sre-orchestrator"
        )
    if version and version < hookspecs.OLDEST_HOOKS:
        oldest = hookspecs.OLDEST_HOOKS
        raise PluginError(f"made for version {version} of the hooks, here is {oldest} and later; upgrade the plugin")
    return version


def _hooks_of(manager: pluggy.PluginManager, plugin: object) -> tuple[str, ...]:
    """Return the names of the hooks that a plugin implements, of which each must exist."""
    known = [name for name in vars(hookspecs) if name.startswith("register_")]
    callers = manager.get_hookcallers(plugin) or ()
    for caller in callers:
        needed = any(one.plugin is plugin and not one.optionalhook for one in caller.get_hookimpls())
        if needed and not caller.has_spec():
            raise PluginError(f"there is no hook {caller.name!r}{nearest(caller.name, known)}")
    return tuple(sorted(caller.name for caller in callers))


def _checked(hook: str, returned: Iterable[object]) -> list[object]:
    """Return what a hook returned, all of which must be what it asks for."""
    wanted = WANTED.get(hook, object)
    registered = list(returned)
    for one in registered:
        if not isinstance(one, wanted) or isinstance(one, type):
            raise PluginError(f"{hook} returned {one!r}, which is no {wanted.__name__}")
        for attribute, kind in TYPES.get(wanted, {}).items():
            value = getattr(one, attribute)
            if not isinstance(value, kind):
                raise PluginError(f"{hook} returned {one!r}, whose {attribute} is {value!r}, not a {kind.__name__}")
    return registered


def _told(failure: Failure, doing: str = "") -> str:
    """Return why a plugin is left out; what we raised ourselves says it all."""
    ours = f"{PluginError.__name__}: "
    return failure.why.removeprefix(ours) if failure.why.startswith(ours) else doing + failure.why
