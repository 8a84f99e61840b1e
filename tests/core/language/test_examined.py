"""What a model may take part in is what it passed, as kept beside the other state."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sre_orchestrator.core.language.examined import EDITION, examined_in


def keep(folder: Path, **changes: object) -> None:
    content = {"edition": EDITION, "digest": "abc", "passed": ["ask"]} | changes
    (folder / "abc.json").write_bytes(msgspec.json.encode(content))


def test_the_steps_that_were_passed_are_read(tmp_path: Path) -> None:
    keep(tmp_path, passed=["ask", "narrate", "fly"], more=1)

    assert examined_in(tmp_path)("abc") == {"ask", "narrate"}


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"passed": 1}'])
def test_what_cannot_be_read_is_no_examination(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "abc.json").write_bytes(content)

    assert examined_in(tmp_path)("abc") is None


@pytest.mark.parametrize("changes", [{"edition": EDITION + 1}, {"digest": "def"}])
def test_one_of_another_model_or_by_other_papers_does_not_count(tmp_path: Path, changes: dict[str, object]) -> None:
    keep(tmp_path, **changes)

    assert examined_in(tmp_path)("abc") is None


@pytest.mark.parametrize("digest", ["def", "", "../abc", "a/b"])
def test_another_model_was_not_examined(tmp_path: Path, digest: str) -> None:
    keep(tmp_path)

    assert examined_in(tmp_path / "models")(digest) is None
