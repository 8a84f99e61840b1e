"""Reads what a GGUF file says about itself, without its weights (github.com/ggml-org/ggml, docs/gguf.md)."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import BinaryIO

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Struct

Value = str | int | float | bool
VERSIONS = (2, 3)
TEXT, ARRAY = 8, 9
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
# Longer lists are vocabularies: only their length is kept.
LONGEST_KEPT = 1024
DEEPEST = 4
MOST_ENTRIES = 100_000
PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
INSTRUCT = "take an instruct model as GGUF file, such as MODEL-Instruct-Q4_K_M.gguf"


class Header(Struct, frozen=True, kw_only=True):
    """What a model's file says; ``lists`` holds short lists of numbers, ``lengths`` how long every list is."""

    files: tuple[str, ...]
    file_bytes: int
    values: dict[str, Value] = {}
    lists: dict[str, tuple[Value, ...]] = {}
    lengths: dict[str, int] = {}

    @property
    def architecture(self) -> str:
        """Return such as ``llama`` or ``bert``, which also begins the names of the model's own values."""
        return str(self.values.get("general.architecture", ""))

    def number(self, name: str, default: int = 0) -> int:
        """Return the model's own value ``name``, such as ``block_count``."""
        found = self.values.get(f"{self.architecture}.{name}", default)
        return int(found) if isinstance(found, int | float) else default

    def each(self, name: str, times: int, default: int = 0) -> tuple[int, ...]:
        """Return a value that may differ by layer, for each of ``times`` layers."""
        listed = self.lists.get(f"{self.architecture}.{name}")
        if listed is None:
            return (self.number(name, default),) * times
        return tuple(int(one) for one in listed if isinstance(one, int | float))

    @property
    def words(self) -> int:
        """Return how many tokens the model knows."""
        return self.lengths.get("tokenizer.ggml.tokens", 0)

    @property
    def template(self) -> str:
        """Return how the model is told who says what (Jinja), empty where it was not made for chats."""
        return str(self.values.get("tokenizer.chat_template", ""))

    @property
    def embeds(self) -> bool:
        """Whether the model was made to embed texts, not to go on with them."""
        pooled = self.number("pooling_type") > 0
        return pooled or self.values.get(f"{self.architecture}.attention.causal") is False


def read_header(path: Path) -> Header:
    """Return what the file says; of a model in several files (``-00001-of-00003.gguf``), the first is given.

    Raises:
        InputError: it is not there, no GGUF file, or cut off.

    """
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name the model's file in it")
        with path.open("rb") as file:
            header = _Reader(path, file).header()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: its header holds text that is no UTF-8; fetch the file again") from error
    return header


def _parts(path: Path) -> tuple[Path, ...]:
    """Return all files of a model, given its first."""
    found = PART.search(path.name)
    if not found:
        return (path,)
    if int(found[1]) != 1:
        raise InputError(
            f"{path}: is one of {int(found[2])} files; name the first, which ends in -00001-of-{found[2]}.gguf"
        )
    stem = path.name[: found.start()]
    parts = tuple(path.with_name(f"{stem}-{number:05}-of-{found[2]}.gguf") for number in range(1, int(found[2]) + 1))
    if missing := [one.name for one in parts if not one.is_file()]:
        raise InputError(f"{path}: {missing[0]} is not beside it, which is one of the files of this model")
    return parts


class _Reader:
    """Reads one file; every length in it is held against its size, so that a broken one costs nothing."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._size = os.fstat(file.fileno()).st_size

    def header(self) -> Header:
        """Read it."""
        if self._file.read(4) != b"GGUF":
            raise InputError(f"{self._path}: is no GGUF file; {INSTRUCT}")
        (version,) = self._unpack("I")
        if version not in VERSIONS:
            raise InputError(
                f"{self._path}: is GGUF version {version}, of which only 2 and 3 can be read; convert it again"
            )
        _, entries = self._unpack("QQ")
        if entries > MOST_ENTRIES:
            raise self._broken()
        values: dict[str, Value] = {}
        lists: dict[str, tuple[Value, ...]] = {}
        lengths: dict[str, int] = {}
        for _ in range(entries):
            name, (kind,) = self._text(), self._unpack("I")
            if kind == ARRAY:
                lengths[name], kept = self._list()
                if kept:
                    lists[name] = kept
            else:
                values[name] = self._value(kind)
        parts = _parts(self._path)
        return Header(
            files=tuple(map(str, parts)),
            file_bytes=sum(one.stat().st_size for one in parts),
            values=values,
            lists=lists,
            lengths=lengths,
        )

    def _unpack(self, form: str) -> tuple[int, ...]:
        wanted = struct.calcsize("<" + form)
        return struct.unpack("<" + form, self._bytes(wanted))

    def _bytes(self, length: int) -> bytes:
        if length > self._size - self._file.tell():
            raise self._broken()
        return self._file.read(length)

    def _skip(self, length: int) -> None:
        if length > self._size - self._file.tell():
            raise self._broken()
        self._file.seek(length, os.SEEK_CUR)

    def _broken(self) -> InputError:
        return InputError(f"{self._path}: is cut off or damaged; fetch it again, and compare its checksum")

    def _text(self) -> str:
        return self._bytes(self._unpack("Q")[0]).decode()

    def _value(self, kind: int) -> Value:
        if kind == TEXT:
            return self._text()
        if kind not in NUMBERS:
            raise self._broken()
        return self._unpack(NUMBERS[kind])[0]

    def _list(self, depth: int = 0) -> tuple[int, tuple[Value, ...]]:
        """Return how long a list is, and the list itself where it is a short one of numbers."""
        kind, length = self._unpack("IQ")
        if kind in NUMBERS:
            if length <= LONGEST_KEPT:
                return length, tuple(self._value(kind) for _ in range(length))
            self._skip(length * struct.calcsize("<" + NUMBERS[kind]))
        elif kind in {TEXT, ARRAY} and depth < DEEPEST and length <= self._size:
            for _ in range(length):
                self._skip(self._unpack("Q")[0]) if kind == TEXT else self._list(depth + 1)
        else:
            raise self._broken()
        return length, ()
