"""Reads lists of Kubernetes objects from files; what cannot be read becomes a gap that names the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.core.structs import decoder_of
from sre_orchestrator.plugins.objects.decoding import decode_object
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.registry import CUSTOM, KINDS, Listed
from sre_orchestrator.plugins.sources.ports import EVERYWHERE, Listing
from sre_orchestrator.plugins.sources.snapshot.layouts import Layout

K = TypeVar("K", bound=Object)
SHOWN = 3
PARTIAL = "snapshot/partial"
AGENT = "snapshot"
WHERE = " in namespace "
MAX_WHY = 500
MAX_NODES = 5_000_000


class _Envelope(msgspec.Struct, Generic[K]):
    kind: str = ""
    items: list[K] | None = None


class _Loose(msgspec.Struct):
    kind: str = ""
    items: list[msgspec.Raw] | None = None


class _File(Struct, Generic[K], frozen=True, kw_only=True):
    """What one file gave."""

    items: tuple[K, ...] = ()
    gaps: tuple[Gap, ...] = ()
    whole: bool = False


def read_listing(
    layout: Layout, kind: type[K], declared_complete: frozenset[str] | None = None, told: Sequence[Gap] = ()
) -> Listing[K]:
    """Read every object of ``kind`` that a dump holds.

    A namespace is complete when its files were read whole and hold no partial object (annotation
    ``snapshot/partial``); ``declared_complete`` and the gaps that the recording tells of (``told``, or files of
    errors) narrow that further.
    """
    listed = KINDS[kind]
    items: list[K] = []
    missed = [*(gap for gap in told if is_about(gap, listed)), *_refusals(layout, listed)]
    gaps = list(missed)
    complete: set[str] = set()
    partial: set[str] = set()
    files = layout.files(listed)
    for scope, path in files:
        read = _read(path, layout.root, kind, listed.kind)
        items += read.items
        gaps += read.gaps
        whole = read.whole and not any(PARTIAL in item.metadata.annotations for item in read.items)
        (complete if whole else partial).add(scope)
    if not files and not missed and kind not in CUSTOM:
        gaps.append(
            Gap(
                agent=AGENT,
                what=f"all {listed.plural}",
                why="the snapshot holds none",
                remedy=f"record cluster-resources/{listed.folders[0]}",
            )
        )
    complete -= partial
    complete = {scope for scope in complete if not any(_covers(gap, listed, scope) for gap in missed)}
    if declared_complete is not None:
        complete &= declared_complete
    return Listing(items=tuple(items), complete_in=frozenset(complete), gaps=tuple(gaps))


def _refusals(layout: Layout, listed: Listed) -> list[Gap]:
    """Return what the files of errors of a support bundle say."""
    return [
        Gap(
            agent=AGENT,
            what=f"all {listed.plural}{'' if scope == EVERYWHERE else f'{WHERE}{scope}'}",
            why=without_secrets(why)[:MAX_WHY],
            remedy="record them with an account that may list them",
        )
        for scope, why in layout.errors(listed)
    ]


def is_about(gap: Gap, listed: Listed) -> bool:
    """Return whether a gap is the one of a kind's list, in a namespace or in all."""
    whole = f"all {listed.plural}"
    return gap.what == whole or gap.what.startswith(whole + WHERE)


def _covers(gap: Gap, listed: Listed, scope: str) -> bool:
    """Return whether a gap about a kind is one in a namespace; ``*`` is complete only without any."""
    return scope == EVERYWHERE or gap.what in (f"all {listed.plural}", f"all {listed.plural}{WHERE}{scope}")


def _read(path: Path, root: Path, kind: type[K], expected: str) -> _File[K]:
    where = str(path.relative_to(root))
    try:
        return _decoded(json_of(path), where, kind, expected)
    except UnicodeDecodeError:
        return _read_repaired(path.read_bytes(), where, kind, expected)
    except RecursionError:
        return _File(gaps=(_gap(where, "is nested too deeply"),))
    except Unreadable as problem:
        return _File(gaps=(_gap(where, str(problem)),))


class Unreadable(Exception):  # noqa: N818 - becomes a gap
    """Why a file gives nothing."""


def json_of(path: Path) -> bytes:
    """Return a file's content as JSON.

    Raises:
        Unreadable: it cannot be read, is empty, or is no YAML.

    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}") from error
    if not text.strip():
        raise Unreadable("is empty (0 bytes)")
    if path.suffix == ".json":
        return text
    try:
        return msgspec.json.encode(read_yaml(text, object, max_nodes=MAX_NODES, unique_keys=False))
    except (DocumentError, TypeError) as error:
        raise Unreadable(f"cannot be read: {error}") from error


def _decoded(text: bytes, where: str, kind: type[K], expected: str) -> _File[K]:
    try:
        if text.lstrip()[:1] == b"[":
            return _sorted_out(msgspec.json.decode(text, type=list[kind]), where, expected)  # type: ignore[valid-type]
        envelope = decoder_of(_Envelope[kind]).decode(text)  # type: ignore[valid-type]
    except msgspec.DecodeError:
        return _read_loosely(text, where, kind, expected)
    if envelope.kind not in ("", expected, f"{expected}List", "List"):
        raise Unreadable(f"holds a {envelope.kind}, not a {expected}List")
    if envelope.items is None and envelope.kind == expected:
        return _sorted_out([msgspec.json.decode(text, type=kind)], where, expected)
    return _sorted_out(envelope.items or (), where, expected)


def _sorted_out(items: Sequence[K], where: str, expected: str, gaps: Sequence[Gap] = ()) -> _File[K]:
    """Leave out what is of another kind or has no name, and say so."""
    others = [item.kind for item in items if item.kind not in ("", expected)]
    good = tuple(item for item in items if item.kind in ("", expected) and item.metadata.name)
    found = list(gaps)
    if others:
        found.append(_gap(where, f"holds {len(others)} of other kinds ({', '.join(sorted(set(others))[:SHOWN])})"))
    if nameless := len(items) - len(others) - len(good):
        found.append(_gap(where, f"holds {nameless} {expected} without a name"))
    return _File(items=good, gaps=tuple(found), whole=not gaps and not nameless)


def _read_repaired(text: bytes, where: str, kind: type[K], expected: str) -> _File[K]:
    """Read again with invalid UTF-8 replaced, and say so."""
    read = _read_loosely(text.decode("utf-8", "replace").encode(), where, kind, expected)
    return _File(
        items=read.items, gaps=(*read.gaps, _gap(where, "holds invalid UTF-8, which was replaced")), whole=read.whole
    )


def _read_loosely(text: bytes, where: str, kind: type[K], expected: str) -> _File[K]:
    """Read item by item, so that one bad item loses only itself."""
    try:
        items: Sequence[msgspec.Raw]
        if text.lstrip()[:1] == b"[":
            items = msgspec.json.decode(text, type=list[msgspec.Raw])
        else:
            items = msgspec.json.decode(text, type=_Loose).items or ()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _File(gaps=(_gap(where, f"is not a {expected}List: {error}"),))
    good: list[K] = []
    gaps: list[Gap] = []
    for number, item in enumerate(items):
        try:
            good.append(decode_object(item, kind))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            gaps.append(_gap(f"{where} item {number}", f"is no {expected}: {error}"))
    return _sorted_out(good, where, expected, gaps)


def _gap(where: str, why: str) -> Gap:
    return Gap(agent=AGENT, what=where, why=why, remedy="record the snapshot again")
