"""What plugins add, by name, and which of them clash: two plugins cannot both have an agent or a cause of one name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import PurePath
from typing import cast

from sre_orchestrator.core.boundary import Success, guarded
from sre_orchestrator.core.documents import read_yaml
from sre_orchestrator.core.hookspecs import Agent
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.plugins import Plugins


class Additions(Struct, frozen=True, kw_only=True):
    """The names of what a plugin adds; rules and signals by file, runbooks by path in their folder."""

    agents: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    runbooks: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    alert_formats: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    embedders: tuple[str, ...] = ()


def additions(plugins: Plugins, sorts: Iterable[str], **arguments: object) -> dict[str, Additions]:
    """Return what each plugin adds of ``sorts`` (fields of ``Additions``), by its name.

    ``arguments`` are those of the hooks that are called; a plugin that fails then is left out.
    """
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for sort in sorts:
        hook, names = _HOOKS[sort]
        for plugin, registered in plugins.each(hook, **arguments).items():
            found.setdefault(plugin, {})[sort] = tuple(name for one in registered for name in names(one))
    return {info.name: Additions(**found.get(info.name, {})) for info in plugins.found if not info.problem}


def names_in(sort: str, folder: Traversable) -> tuple[str, ...]:
    """Return the names of what a folder adds of ``sort``: kinds, causes, rules or runbooks."""
    return tuple(_HOOKS[sort][1](folder))


def leave_out_clashing(plugins: Plugins, ours: Additions, **arguments: object) -> None:
    """Disable each third-party plugin that names something as we do (``ours`` and our plugins), or as one before it."""
    added = additions(plugins, _CLASHING, **arguments)
    foreign = plugins.third_party()
    own = [ours, *(added[name] for name in added.keys() - {info.name for info in foreign})]
    taken = dict.fromkeys((one for each in own for one in _named(each)), "sre-orchestrator")
    for info in foreign:
        mine = dict.fromkeys(_named(added[info.name]), f"the plugin {info.name!r}")
        clash = next((one for one in mine if one in taken), None)
        if clash:
            plugins.disable(
                info.name, f"{_CLASHING[clash[0]]} {clash[1]!r} is one of {taken[clash]} already; rename it"
            )
        else:
            taken |= mine


_CLASHING: Mapping[str, str] = {
    "agents": "agent",
    "kinds": "kind of facts",
    "causes": "cause",
    "rules": "rule",
    "alert_formats": "format of alerts",
}


def _named(added: Additions) -> list[tuple[str, str]]:
    return [(field, name) for field in _CLASHING for name in getattr(added, field)]


def _own_name(one: object) -> Iterator[str]:
    yield cast("Agent", one).name


def _keys(folder: object) -> Iterator[str]:
    """Yield what the YAML files of a folder declare; one that cannot be read is told when it is needed."""
    for _, file in files_in(cast("Traversable", folder), (".yaml", ".yml")):
        read = guarded(lambda: read_yaml(file.read_bytes(), dict[str, object]))  # noqa: B023 - called at once
        if isinstance(read, Success):
            yield from read.value


def _stems(folder: object) -> Iterator[str]:
    for path, _ in files_in(cast("Traversable", folder), (".yaml", ".yml")):
        yield PurePath(path).stem


def _paths(folder: object) -> Iterator[str]:
    for path, _ in files_in(cast("Traversable", folder)):
        yield path


def files_in(
    folder: Traversable, suffixes: tuple[str, ...] = ("",), above: str = ""
) -> Iterator[tuple[str, Traversable]]:
    """Yield path and file of all that is below a folder, by name; nothing of a folder that cannot be listed."""
    listed = guarded(lambda: sorted(folder.iterdir(), key=lambda one: one.name))
    for one in listed.value if isinstance(listed, Success) else ():
        if one.is_dir():
            yield from files_in(one, suffixes, f"{above}{one.name}/")
        elif one.name.endswith(suffixes):
            yield above + one.name, one


_HOOKS: Mapping[str, tuple[str, Callable[[object], Iterator[str]]]] = {
    "agents": ("register_agents", _own_name),
    "sources": ("register_sources", _own_name),
    "kinds": ("register_vocabulary", _keys),
    "causes": ("register_causes", _keys),
    "rules": ("register_rules", _stems),
    "runbooks": ("register_runbooks", _paths),
    "signals": ("register_signals", _stems),
    "alert_formats": ("register_alert_formats", _own_name),
    "models": ("register_models", _own_name),
    "embedders": ("register_embedders", _own_name),
}
SORTS = tuple(_HOOKS)
