"""Where each kind of dump keeps its files: troubleshoot support bundles, kubectl cluster-info dump, must-gather.

Sources: troubleshoot.sh/docs/collect/cluster-resources, kubectl's cluster-info dump command,
and the inspect layout of oc adm must-gather.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.registry import Listed
from sre_orchestrator.plugins.sources.ports import EVERYWHERE, LogStream

PREVIOUS = "-previous"
ERRORS = "-errors"
CLUSTER = "cluster-scoped-resources"
NAMESPACES = "namespaces"
DOCUMENTS = (".json", ".yaml", ".yml")
_START = re.compile(rb"^==== START logs for container (?P<container>\S+) of pod (?P<pod>\S+) ====\s*$")
_END = b"==== END logs for container "


class LogFile(Struct, frozen=True, kw_only=True):
    """Where the lines of one stream are; ``section`` is the container whose part of a shared file it is."""

    stream: LogStream
    path: Path
    section: str = ""


class Layout(Protocol):
    """The folder of one dump."""

    root: Path

    def files(self, listed: Listed) -> list[tuple[str, Path]]:
        """Return (namespace or ``*``, file) for each file that holds objects of a kind."""
        ...

    def logs(self, namespace: str) -> list[LogFile]:
        """Return the logs of the pods of ``namespace``."""
        ...

    def object_files(self) -> list[Path]:
        """Return every file that holds objects, of whatever kind."""
        ...

    def log_namespaces(self) -> list[str]:
        """Return the namespaces that have logs."""
        ...

    def errors(self, listed: Listed) -> list[tuple[str, str]]:
        """Return (namespace or ``*``, why) for each list of a kind that could not be recorded."""
        ...


class SupportBundle:
    """``cluster-resources/KIND/NAMESPACE.json``: a troubleshoot support bundle, and our own snapshots."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self, listed: Listed) -> list[tuple[str, Path]]:
        """Return the files of a kind; the first folder name that exists wins."""
        base = self.root / "cluster-resources"
        for name in listed.folders:
            whole, folder = base / f"{name}.json", base / name
            found = [(EVERYWHERE, whole)] if whole.is_file() else []
            if folder.is_dir():
                found += [(path.stem, path) for path in sorted(folder.glob("*.json"))]
            if found:
                return found
        return []

    def logs(self, namespace: str) -> list[LogFile]:
        """Return the logs: ``CONTAINER.log`` and ``CONTAINER-previous.log``."""
        folder = self.root / "cluster-resources" / "pods" / "logs" / namespace
        return [_log(namespace, path, path.stem) for path in sorted(folder.glob("*/*.log"))]

    def object_files(self) -> list[Path]:
        """Return the files below ``cluster-resources`` that are neither logs nor lists of errors."""
        base = self.root / "cluster-resources"
        files = _documents(base, "**/*")
        return [path for path in files if not path.stem.endswith(ERRORS) and base / "pods" / "logs" not in path.parents]

    def log_namespaces(self) -> list[str]:
        """Return the namespaces that have a folder of logs."""
        return _names(self.root / "cluster-resources" / "pods" / "logs", "*/")

    def errors(self, listed: Listed) -> list[tuple[str, str]]:
        """Return what ``KIND-errors.json`` says: texts, or texts by namespace."""
        base = self.root / "cluster-resources"
        return [one for name in listed.folders for one in _errors_in(base / f"{name}{ERRORS}.json")]


class ClusterInfoDump:
    """``NAMESPACE/KIND.json`` and ``NAMESPACE/POD/logs.txt``: ``kubectl cluster-info dump --output-directory``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self, listed: Listed) -> list[tuple[str, Path]]:
        """Return the files of a kind."""
        whole = self.root / f"{listed.plural}.json"
        if not listed.namespaced:
            return [(EVERYWHERE, whole)] if whole.is_file() else []
        return [(path.parent.name, path) for path in sorted(self.root.glob(f"*/{listed.plural}.json"))]

    def logs(self, namespace: str) -> list[LogFile]:
        """Return one log for each START line: the containers of a pod share a file."""
        return [
            LogFile(
                stream=LogStream(namespace=namespace, pod=path.parent.name, container=container),
                path=path,
                section=container,
            )
            for path in sorted((self.root / namespace).glob("*/logs.txt"))
            for container in _sections(path)
        ]

    def object_files(self) -> list[Path]:
        """Return the files of the cluster and of its namespaces."""
        return _documents(self.root, "*") + _documents(self.root, "*/*")

    def log_namespaces(self) -> list[str]:
        """Return the namespaces."""
        return _names(self.root, "*/")

    def errors(self, listed: Listed) -> list[tuple[str, str]]:
        """Return nothing: such dumps leave out what they could not read."""
        del listed
        return []


class MustGather:
    """``namespaces/NAMESPACE/GROUP/KIND.yaml`` and ``cluster-scoped-resources/GROUP/KIND/NAME.yaml``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self, listed: Listed) -> list[tuple[str, Path]]:
        """Return the files of a kind: a list a namespace, or a file an object."""
        group = listed.group or "core"
        if not listed.namespaced:
            folder = self.root / CLUSTER / group
            return [(EVERYWHERE, path) for path in sorted(folder.glob(f"{listed.plural}/*.yaml"))]
        found = sorted((self.root / NAMESPACES).glob(f"*/{group}/{listed.plural}.yaml"))
        return [(path.parts[-3], path) for path in found]

    def logs(self, namespace: str) -> list[LogFile]:
        """Return the logs: ``pods/POD/CONTAINER/CONTAINER/logs/current.log`` and ``previous.log``."""
        folder = self.root / NAMESPACES / namespace / "pods"
        return [
            LogFile(
                stream=LogStream(
                    namespace=namespace,
                    pod=path.parts[-5],
                    container=path.parts[-3],
                    previous=path.name.startswith("previous"),
                ),
                path=path,
            )
            for path in sorted(folder.glob("*/*/*/logs/*.log"))
            if path.stat().st_size
        ]

    def object_files(self) -> list[Path]:
        """Return the files of the cluster and of its namespaces."""
        return [path for part in (CLUSTER, NAMESPACES) for path in _documents(self.root / part, "**/*")]

    def log_namespaces(self) -> list[str]:
        """Return the namespaces."""
        return _names(self.root / NAMESPACES, "*/")

    def errors(self, listed: Listed) -> list[tuple[str, str]]:
        """Return nothing: such dumps leave out what they could not read."""
        del listed
        return []


def find_layout(folder: Path) -> Layout | None:
    """Return the layout of the dump in ``folder``, or in the only folder in it (twice: must-gather nests them)."""
    for _ in range(3):
        layout = _layout(folder)
        if layout is not None:
            return layout
        inside = [entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
        if len(inside) != 1:
            return None
        folder = inside[0]
    return None


def section_of(lines: Iterator[bytes], container: str) -> Iterator[bytes]:
    """Yield the lines between the START and END lines of ``container``."""
    inside = False
    for line in lines:
        started = _START.match(line)
        if started:
            inside = started["container"].decode("utf-8", "replace") == container
        elif line.startswith(_END):
            inside = False
        elif inside:
            yield line


def _layout(folder: Path) -> Layout | None:
    if any((folder / mark).exists() for mark in ("snapshot.yaml", "cluster-resources", "cluster-info")):
        return SupportBundle(folder)
    if (folder / CLUSTER).is_dir() or (folder / NAMESPACES).is_dir():
        return MustGather(folder)
    if any(folder.glob("*/pods.json")):
        return ClusterInfoDump(folder)
    return None


def _errors_in(path: Path) -> list[tuple[str, str]]:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, str] | list[str])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return []
    return sorted(found.items()) if isinstance(found, dict) else [(EVERYWHERE, why) for why in found]


def _documents(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.suffix in DOCUMENTS and path.is_file())


def _names(folder: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in folder.glob(pattern) if path.is_dir())


def _log(namespace: str, path: Path, stem: str) -> LogFile:
    stream = LogStream(
        namespace=namespace,
        pod=path.parent.name,
        container=stem.removesuffix(PREVIOUS),
        previous=stem.endswith(PREVIOUS),
    )
    return LogFile(stream=stream, path=path)


def _sections(path: Path) -> list[str]:
    with path.open("rb") as lines:
        found = [match["container"].decode("utf-8", "replace") for line in lines if (match := _START.match(line))]
    return list(dict.fromkeys(found))
