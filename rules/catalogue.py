"""The cause catalogue: what rules may conclude, on what it is blamed, how its symptoms travel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable

import msgspec

from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.models import Cause
from sre_orchestrator.core.vocabulary import nearest


def read_causes(files: Iterable[tuple[str, bytes]], known: Mapping[str, Cause] | None = None) -> dict[str, Cause]:
    """Read the files of a catalogue, each a mapping from id to the rest of a Cause, and add them to ``known``.

    Raises:
        RuleError: a file cannot be read, an id is declared twice, a look-alike does not exist.

    """
    causes = dict(known or {})
    for path, text in files:
        try:
            declared = read_yaml(text, dict[str, dict[str, object]])
            read = {name: msgspec.convert({"id": name, **fields}, Cause) for name, fields in declared.items()}
        except (DocumentError, msgspec.ValidationError) as error:
            raise RuleError(f"{path}: {error}; see docs/reference/causes.md for the keys") from error
        for name, cause in read.items():
            if name in causes:
                raise RuleError(f"{path}: cause {name!r} is declared twice; rename one of them")
            causes[name] = cause
    for cause in causes.values():
        for other in cause.confused_with:
            if other not in causes:
                raise RuleError(
                    f"cause {cause.id!r}: confused_with names {other!r}, which is not declared{nearest(other, causes)}"
                )
    return causes


def yaml_files(folder: Traversable) -> list[tuple[str, bytes]]:
    """Return path and content of every YAML file below ``folder``, in the order of their paths.

    Raises:
        RuleError: the folder or a file cannot be read.

    """
    found: list[tuple[str, bytes]] = []
    try:
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if entry.is_dir():
                found += yaml_files(entry)
            elif entry.name.endswith((".yaml", ".yml")):
                found.append((str(entry), entry.read_bytes()))
    except OSError as error:
        raise RuleError(f"{folder}: cannot be read: {error}; give a folder of YAML files") from error
    return found
