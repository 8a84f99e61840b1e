"""A file's digest is that of ``sha256sum``, worked out again only when the file changes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.plugins.models.llama_cpp import digest
from sre_orchestrator.plugins.models.llama_cpp.digest import file_digest


def test_a_digest_is_that_of_sha256sum(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights")

    assert file_digest([path], None) == hashlib.sha256(b"weights").hexdigest()


def test_a_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights")
    first = file_digest([path], tmp_path / "cache")
    monkeypatch.setattr(digest, "_sums", lambda _: "read again")

    assert file_digest([path], tmp_path / "cache") == first


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights")
    first = file_digest([path], tmp_path / "cache")
    path.write_bytes(b"changed")
    os.utime(path, ns=(1, 1))

    assert file_digest([path], tmp_path / "cache") == hashlib.sha256(b"changed").hexdigest() != first


def test_several_files_have_one_digest(tmp_path: Path) -> None:
    one, other = tmp_path / "1", tmp_path / "2"
    one.write_bytes(b"a")
    other.write_bytes(b"b")

    assert len({file_digest(files, None) for files in ([one, other], [other, one], [one])}) == 3


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: cannot be read"):
        file_digest([tmp_path / "nowhere"], None)
