"""Rule packs: fact kinds, causes, rules and runbooks without Python, copied from a folder or a wheel."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.models import Struct

Sort = Literal["kinds", "causes", "rules", "runbooks"]
SORTS: tuple[Sort, ...] = ("kinds", "causes", "rules", "runbooks")
HOOKS: Mapping[str, Sort] = {"register_vocabulary": "kinds", "register_causes": "causes", "register_rules": "rules"}
ABOUT, PACK = "pack.yaml", "pack.json"
MOST_FILES, MOST_BYTES = 2000, 32 * 1024**2
_NAME = re.compile(r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
_OTHER = re.compile(r"[^a-z0-9]+")


class Pack(Struct, frozen=True, kw_only=True):
    """An installed pack: where it came from, and the SHA-256 of its files."""

    name: str
    version: str = ""
    about: str = ""
    origin: str = ""
    digest: str = ""


class Content(Struct, frozen=True, kw_only=True):
    """What a folder or a wheel offers: ``files`` by their path in the pack, such as ``rules/queue-full.yaml``."""

    pack: Pack
    files: dict[str, bytes]


class _About(Struct, frozen=True, kw_only=True):
    name: str = ""
    version: str = ""
    about: str = ""


def packs_folder(state_dir: Path) -> Path:
    """Return where packs are installed."""
    return state_dir / "packs"


def read_pack(source: Path) -> Content:
    """Return what is in a folder or a wheel that holds ``rules/``, ``causes/``, ``kinds/`` or ``runbooks/``.

    Nothing of it is run, and only those folders are read.

    Raises:
        RuleError: it cannot be read, is too large, or holds none of them.

    """
    try:
        files = dict(_of_wheel(source) if source.is_file() else _of_folder(source))
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise RuleError(f"{source}: cannot be read: {error}; give a folder or a wheel") from error
    except RuleError as error:
        raise RuleError(f"{source}: {error}") from None
    about = _about(files.pop(ABOUT, b""), source)
    if not files:
        raise RuleError(f"{source}: holds no {', '.join(f'{sort}/' for sort in SORTS)}; give a folder that has one")
    told_name, told_version = _called(source)
    pack = Pack(
        name=about.name or told_name,
        version=about.version or told_version,
        about=about.about,
        origin=str(source),
        digest=_digest(files),
    )
    if not _NAME.match(pack.name):
        raise RuleError(
            f"{source}: {pack.name!r} is no name for a pack; write lower-case words joined by '-' into {ABOUT}"
        )
    return Content(pack=pack, files=files)


def write_pack(content: Content, folder: Path) -> None:
    """Write a pack into ``folder``, which must not exist.

    Raises:
        RuleError: it cannot be written.

    """
    try:
        folder.mkdir(parents=True)
        for path, text in sorted(content.files.items()):
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text)
        (folder / PACK).write_bytes(msgspec.json.encode(content.pack))
    except OSError as error:
        raise RuleError(f"{folder}: cannot be written: {error.strerror}; choose another state folder") from error


def installed(state_dir: Path) -> tuple[tuple[Pack, ...], tuple[str, ...]]:
    """Return the packs that can be used, by name, and what is wrong with the others."""
    packs: list[Pack] = []
    problems: list[str] = []
    for folder in _folders(state_dir):
        try:
            pack = msgspec.json.decode((folder / PACK).read_bytes(), type=Pack)
            if _digest(dict(_of_folder(folder))) != pack.digest:
                raise RuleError("its files are not those that were added")
        except (OSError, msgspec.DecodeError, RuleError) as error:
            problems.append(f"{folder}: the rule pack cannot be used: {error}; add it again, or remove it")
        else:
            packs.append(pack)
    return tuple(packs), tuple(problems)


def packed(state_dir: Path, packs: Iterable[Pack], hook: str) -> tuple[Path, ...]:
    """Return the folders of packs that hold what plugins register with ``hook``."""
    if hook not in HOOKS:
        return ()
    folders = (packs_folder(state_dir) / pack.name / HOOKS[hook] for pack in packs)
    return tuple(folder for folder in folders if folder.is_dir())


def runbook_folders(state_dir: Path) -> tuple[Path, ...]:
    """Return the folders of runbooks of the packs that can be used."""
    folders = (packs_folder(state_dir) / pack.name / "runbooks" for pack in installed(state_dir)[0])
    return tuple(folder for folder in folders if folder.is_dir())


def names(state_dir: Path) -> tuple[str, ...]:
    """Return the names of all packs, also of those that cannot be used."""
    return tuple(folder.name for folder in _folders(state_dir))


def put_in_place(partial: Path, state_dir: Path, name: str) -> None:
    """Make ``partial`` the pack ``name``, in the place of one of that name."""
    remove(state_dir, name)
    partial.rename(packs_folder(state_dir) / name)


def remove(state_dir: Path, name: str) -> bool:
    """Remove a pack; say whether it was there."""
    folder = packs_folder(state_dir) / name
    if name not in names(state_dir):
        return False
    gone = folder.with_name(f".{name}-removed")
    shutil.rmtree(gone, ignore_errors=True)
    folder.rename(gone)
    shutil.rmtree(gone)
    return True


def _folders(state_dir: Path) -> list[Path]:
    root = packs_folder(state_dir)
    if not root.is_dir():
        return []
    return sorted(one for one in root.iterdir() if one.is_dir() and not one.name.startswith("."))


def _of_folder(root: Path) -> Iterator[tuple[str, bytes]]:
    if not root.is_dir():
        raise RuleError("there is no such folder or wheel")
    bounds = _Bounds()
    if (root / ABOUT).is_file():
        yield ABOUT, bounds.counted((root / ABOUT).read_bytes())
    for sort in SORTS:
        for here, below, files in os.walk(root / sort):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(files):
                path = Path(here) / name
                relative = path.relative_to(root).as_posix()
                if _wanted(relative) and path.is_file() and not path.is_symlink():
                    bounds.expect(path.stat().st_size)
                    yield relative, bounds.counted(path.read_bytes())


def _of_wheel(path: Path) -> Iterator[tuple[str, bytes]]:
    bounds = _Bounds()
    with zipfile.ZipFile(path) as wheel:
        members = [one for one in wheel.infolist() if not one.is_dir() and ".dist-info/" not in one.filename]
        root = _root([one.filename for one in members])
        for member in sorted(members, key=lambda one: one.filename):
            relative = member.filename.removeprefix(root)
            if member.filename.startswith(root) and (relative == ABOUT or _wanted(relative)):
                bounds.expect(member.file_size)
                with wheel.open(member) as file:
                    yield relative, bounds.counted(file.read(MOST_BYTES + 1))


def _root(members: list[str]) -> str:
    """Return the path before the outermost folder of a sort."""
    found = {
        "".join(f"{part}/" for part in parts[:place])
        for parts in (PurePosixPath(one).parts for one in members)
        for place, part in enumerate(parts[:-1])
        if part in SORTS
    }
    return min(found, key=lambda one: (one.count("/"), one), default="")


def _wanted(relative: str) -> bool:
    path = PurePosixPath(relative)
    first, hidden = path.parts[0], any(part.startswith(".") for part in path.parts)
    return not hidden and first in SORTS and (first == "runbooks" or path.suffix in (".yaml", ".yml"))


class _Bounds:
    """Counts files and bytes of a pack."""

    def __init__(self) -> None:
        self._files = 0
        self._bytes = 0

    def expect(self, size: int) -> None:
        """Refuse what would be too much before it is read."""
        if self._files >= MOST_FILES or self._bytes + size > MOST_BYTES:
            raise RuleError(f"more than {MOST_FILES} files or {MOST_BYTES} bytes; make several packs of it")

    def counted(self, text: bytes) -> bytes:
        self.expect(len(text))
        self._files += 1
        self._bytes += len(text)
        return text


def _about(text: bytes, source: Path) -> _About:
    if not text.strip():
        return _About()
    try:
        return read_yaml(text, _About)
    except DocumentError as error:
        raise RuleError(f"{source}: {ABOUT}: {error}; it may hold name, version and about") from error


def _called(source: Path) -> tuple[str, str]:
    """Return name and version that a path tells; those of a wheel are in the name of its file."""
    if source.suffix == ".whl":
        name, version, *_ = (*source.stem.split("-"), "")
        return _OTHER.sub("-", name.lower()).strip("-"), version
    return _OTHER.sub("-", source.resolve().name.lower()).strip("-"), ""


def _digest(files: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for path, text in sorted(files.items()):
        whole.update(f"{path}\0{len(text)}\0".encode() + text)
    return whole.hexdigest()
