"""Makes the project of a new plugin: a copy of the folder ``acme-pay`` under another name."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from sre_orchestrator.core.errors import InputError

MODEL = "acme-pay"
MOST = 40
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def create_project(name: str, folder: Path) -> tuple[Path, ...]:
    """Write the project ``name`` into ``folder / name``, and return its files.

    Raises:
        InputError: the name cannot be used, there is something already, or the folder cannot be written to.

    """
    if why := _complaint(name):
        raise InputError(f"{name!r}: {why}; take lower-case words joined by '-', such as acme-pay")
    target = folder / name
    if target.exists() or target.is_symlink():
        raise InputError(f"{target}: exists already; take another name, or another folder with --dir")
    written = []
    try:
        for path, content in project_files(name):
            place = target / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            written.append(place)
    except OSError as error:
        raise InputError(
            f"{error.filename}: cannot be written: {error.strerror}; give another folder with --dir"
        ) from error
    return tuple(written)


def project_files(name: str = MODEL) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file of a project, sorted."""
    for path, file in _below(files("sre_orchestrator.api.scaffold") / MODEL):
        yield renamed(path, name), renamed(file.read_bytes().decode(), name).encode()


def renamed(text: str, name: str) -> str:
    """Return what stands in the model with the names of another plugin.

    >>> renamed("acme-pay: import acme_pay, ACME_PAY_URL of Acme Pay", "flag-service")
    'flag-service: import flag_service, FLAG_SERVICE_URL of Flag Service'
    """
    words = name.split("-")
    names = {
        MODEL: name,
        "acme_pay": "_".join(words),
        "ACME_PAY": "_".join(words).upper(),
        "Acme Pay": " ".join(words).title(),
    }
    return re.sub("|".join(names), lambda found: names[found[0]], text)


def _below(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    """Yield the files of the model, without what Python and other tools leave beside them."""
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        if one.name.startswith((".", "__pycache__")):
            continue
        if one.is_dir():
            yield from _below(one, f"{above}{one.name}/")
        else:
            yield above + one.name, one


def _complaint(name: str) -> str:
    package = name.replace("-", "_")
    if not _NAME.fullmatch(name) or len(name) > MOST:
        return f"is no name for a plugin of at most {MOST} letters"
    if keyword.iskeyword(package) or package in sys.stdlib_module_names or package == "sre_orchestrator":
        return f"Python has a module or word {package!r} already"
    if package in _builtin():
        return "there is a built-in plugin of that name"
    return ""


def _builtin() -> frozenset[str]:
    from sre_orchestrator.api.wiring import BUILTIN  # noqa: PLC0415 - slow to import

    return frozenset(module.rpartition(".")[2] for module in BUILTIN)
