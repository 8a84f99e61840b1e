"""Reads every object of a dump as it is, also of kinds that no struct describes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.registry import KINDS, Listed
from sre_orchestrator.plugins.sources.snapshot.layouts import Layout
from sre_orchestrator.plugins.sources.snapshot.lists import Unreadable, json_of

_BY_KIND = {listed.kind: listed for listed in KINDS.values()}
_BY_FOLDER = {folder: listed for listed in KINDS.values() for folder in listed.folders}
CUSTOM = "custom-resources"
VERSIONS = {"autoscaling": "v2"}
"""The version of a group whose objects do not name theirs; ``v1`` elsewhere."""


class RawObject(Struct, frozen=True, kw_only=True):
    """One object with kind, apiVersion and a name; ``plural`` is known where its folder names it."""

    value: dict[str, Any]
    plural: str = ""

    @property
    def kind(self) -> str:
        """Return its kind."""
        return str(self.value["kind"])

    @property
    def group(self) -> str:
        """Return the group of its kind."""
        return str(self.value["apiVersion"]).rpartition("/")[0]


class Problem(Struct, frozen=True, kw_only=True):
    """A file that gave nothing, or less than it holds."""

    where: str
    why: str


def recorded_kinds(layout: Layout) -> list[Listed]:
    """Return the kinds of which the dump holds a file, be it an empty list."""
    return [listed for listed in KINDS.values() if layout.files(listed)]


def api_version(listed: Listed) -> str:
    """Return the apiVersion of a kind: ``apps/v1``."""
    version = VERSIONS.get(listed.group, "v1")
    return f"{listed.group}/{version}" if listed.group else version


def raw_objects(layout: Layout) -> Iterator[RawObject | Problem]:
    """Yield every object of the dump, and each file that cannot be used."""
    yield from _objects(layout, layout.object_files())


def objects_in(layout: Layout, folder: str) -> Iterator[RawObject | Problem]:
    """Yield the objects of one folder, or of the file of that name."""
    base = layout.root / "cluster-resources" / folder
    yield from _objects(layout, [path for path in layout.object_files() if base in (path.parent, path.with_suffix(""))])


def _objects(layout: Layout, paths: Iterable[Path]) -> Iterator[RawObject | Problem]:
    for path in paths:
        where = str(path.relative_to(layout.root))
        try:
            document = _decoded(json_of(path))
        except Unreadable as problem:
            yield Problem(where=where, why=str(problem))
            continue
        listed, plural = _named_by(path.relative_to(layout.root))
        for item in _items(document):
            found = _complete(item, _defaults(document, listed))
            if found is not None:
                yield RawObject(value=found, plural=plural)


def _decoded(text: bytes) -> object:
    try:
        return msgspec.json.decode(text)
    except UnicodeDecodeError:
        return _decoded(text.decode("utf-8", "replace").encode())
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(f"cannot be read: {error}") from error


def _named_by(place: Path) -> tuple[Listed | None, str]:
    """Return the kind, and the plural of a custom resource, that the folders of a file name."""
    names = [*place.parts[:-1], place.stem]
    listed = next((_BY_FOLDER[name] for name in names if name in _BY_FOLDER), None)
    custom = names[names.index(CUSTOM) + 1] if CUSTOM in names[:-1] else ""
    return listed, custom.partition(".")[0]


def _items(document: object) -> list[object]:
    if isinstance(document, list):
        return document
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        return list(document["items"])
    return [document]


def _defaults(document: object, listed: Listed | None) -> dict[str, str]:
    """Return kind and apiVersion of items that have none: from their list, else from the folder."""
    found = {"kind": listed.kind, "apiVersion": api_version(listed)} if listed else {}
    if isinstance(document, dict):
        kind = str(document.get("kind") or "")
        if kind.endswith("List") and kind != "List":
            found["kind"] = kind.removesuffix("List")
            known = _BY_KIND.get(found["kind"])
            found["apiVersion"] = api_version(known) if known else found.get("apiVersion", "v1")
        if document.get("apiVersion") and found.get("kind") and kind != "List":
            found["apiVersion"] = str(document["apiVersion"])
    return found


def _complete(item: object, defaults: dict[str, str]) -> dict[str, Any] | None:
    """Return the item with kind and apiVersion, ``None`` where it is no object with a name."""
    if not isinstance(item, dict):
        return None
    whole = {key: item.get(key) or defaults.get(key) for key in ("kind", "apiVersion")}
    metadata = item.get("metadata")
    if not all(whole.values()) or not isinstance(metadata, dict) or not metadata.get("name"):
        return None
    return item | whole
