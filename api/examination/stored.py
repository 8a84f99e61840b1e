"""Keeps examinations in ``STATE/models/DIGEST.json``, whole or not at all; ``core.language.examined`` decides by them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec

from sre_orchestrator.api.examination.marks import Result
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.language.examined import DIGEST, EDITION
from sre_orchestrator.core.models import Struct

FORMAT = 1


class Examination(Struct, frozen=True, kw_only=True):
    """What a model was examined in, by which papers (``edition``), and what it passed."""

    format: int = FORMAT
    edition: int = EDITION
    model: str
    digest: str
    program: str
    at: datetime
    passed: tuple[str, ...]
    results: tuple[Result, ...]


class Unreadable(Struct, frozen=True, kw_only=True):
    """A file that is no examination of this program; its model is not examined."""

    file: str
    why: str


def keep(found: Examination, folder: Path) -> Path:
    """Write ``found`` into ``folder``, with the results that are there of other steps, and return the file.

    Raises:
        InputError: it cannot be written, or the model's plugin gives it no usable digest.

    """
    if not DIGEST.fullmatch(found.digest):
        raise InputError(f"{found.model}: has no usable digest ({found.digest!r}); tell the author of its plugin")
    path = folder / f"{found.digest}.json"
    before = _read(path)
    if isinstance(before, Examination):
        done = {one.step for one in found.results}
        others = tuple(one for one in before.results if one.step not in done)
        results = (*others, *found.results)
        passed = tuple(one.step for one in results if one.passed)
        found = msgspec.structs.replace(found, results=results, passed=passed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, msgspec.json.format(msgspec.json.encode(found), indent=2))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}; choose another --state-dir") from error
    return path


def kept_in(folder: Path) -> Iterator[Examination | Unreadable]:
    """Yield what is kept in ``folder``, by name of the file."""
    for path in sorted(folder.glob("*.json")):
        yield _read(path)


def _read(path: Path) -> Examination | Unreadable:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Examination)
    except (OSError, msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return Unreadable(file=str(path), why=str(error))
    if found.digest != path.stem:
        return Unreadable(file=str(path), why=f"it is of another model ({found.model})")
    if (found.format, found.edition) != (FORMAT, EDITION):
        return Unreadable(file=str(path), why=f"{found.model} was examined by other papers; examine it again")
    return found


def _write(path: Path, content: bytes) -> None:
    """Write beside it, then put it in its place: an interrupt leaves what was there."""
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".partial", delete=False) as file:
        try:
            file.write(content)
            file.close()
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink()
            raise
