"""What each plugin is, and what it adds: agents, sources, kinds of facts, causes, rules and more, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.additions import SORTS, Additions, additions, names_in
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.plugins import PluginInfo
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.sources.ports import Listing
from sre_orchestrator.rules import packs

K = TypeVar("K", bound=Object)
PACK = "rule pack"
FOLDERS = ("register_vocabulary", "register_causes", "register_rules")


class PluginView(PluginInfo, frozen=True, kw_only=True):
    """One plugin, what it adds, and which of its files were refused; a source is there when the settings name it."""

    adds: Additions = Additions()
    refused: tuple[str, ...] = ()


def plugin_views(installation: Installation) -> list[PluginView]:
    """Return every plugin that was found, and the rule packs; one that fails when it is asked what it adds is out of use then."""
    plugins = installation.plugins
    added = additions(plugins, SORTS, settings=installation.settings, cluster=Nowhere())
    installation.packed.library()  # runbooks are read when they are needed; here, to say which cannot be
    refused = dict(_refused(installation))
    found = [
        PluginView(
            **msgspec.structs.asdict(info),
            adds=Additions() if info.problem else added.get(info.name, Additions()),
            refused=() if info.problem else refused.get(info.name, ()),
        )
        for info in plugins.found
    ]
    return [*found, *_packs(installation)]


def _packs(installation: Installation) -> Iterator[PluginView]:
    """Yield the rule packs, also those that cannot be used."""
    state = Path(installation.settings.state_dir)
    good = {pack.name: pack for pack in installation.packs}
    for name in packs.names(state):
        if name not in good:
            folder = f"{packs.packs_folder(state) / name}:"
            problem = next((one for one in installation.broken_packs if one.startswith(folder)), "")
            yield PluginView(name=name, origin=PACK, problem=problem)
            continue
        folders = {sort: packs.packs_folder(state) / name / sort for sort in packs.SORTS}
        adds = {sort: names_in(sort, folder) for sort, folder in folders.items() if folder.is_dir()}
        yield PluginView(name=name, origin=f"{PACK} {good[name].version}".strip(), adds=Additions(**adds))


def _refused(installation: Installation) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the plugins whose files were refused, and why."""
    problems = (*installation.vocabulary.problems, *installation.book.problems)
    for info in installation.plugins.third_party():
        folders = tuple(
            str(folder) for hook in FOLDERS for folder in installation.plugins.each(hook).get(info.name, ())
        )
        unread = installation.packed.problems.get(info.name, ())
        yield info.name, (*(one for one in problems if one.startswith(folders)), *unread)


class Nowhere:
    """Stands in for a cluster where plugins are only asked which sources they would add."""

    name = "nowhere"

    async def list(self, kind: type[K]) -> Listing[K]:
        """Return nothing."""
        del kind
        return Listing(items=())

    async def server_version(self) -> str:
        """Return nothing."""
        return ""

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing."""
        nothing: tuple[Component, ...] = ()
        for one in nothing:
            yield one
