"""Where examinations are kept: whole or not at all, each for its model."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from sre_orchestrator.api.examination import stored
from sre_orchestrator.api.examination.marks import Result, Step
from sre_orchestrator.api.examination.stored import Examination, Unreadable, keep, kept_in
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.language.examined import EDITION, examined_in

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


def result(step: Step, *, passed: bool) -> Result:
    return Result(
        step=step, passed=passed, why="", papers=1, asked=1, right=1, default_right=0,
        measures={}, p50_ms=1, p95_ms=1, tokens=1,
    )  # fmt: skip


def examination(*results: Result, digest: str = "abc", edition: int = EDITION) -> Examination:
    passed = tuple(one.step for one in results if one.passed)
    return Examination(
        edition=edition, model="scripted:test", digest=digest, program="0", at=NOW, passed=passed, results=results
    )


def test_what_is_kept_decides_and_is_read_again(tmp_path: Path) -> None:
    found = examination(result("read", passed=False), result("narrate", passed=True))

    path = keep(found, tmp_path / "models")

    assert path == tmp_path / "models" / "abc.json"
    assert list(kept_in(path.parent)) == [found]
    assert examined_in(path.parent)("abc") == {"narrate"}
    assert [one.name for one in path.parent.iterdir()] == ["abc.json"]


def test_steps_that_are_examined_again_take_the_place_of_older_results(tmp_path: Path) -> None:
    keep(examination(result("read", passed=False), result("narrate", passed=True)), tmp_path)

    keep(examination(result("narrate", passed=False), result("ask", passed=True)), tmp_path)

    assert examined_in(tmp_path)("abc") == {"ask"}
    (found,) = kept_in(tmp_path)
    assert isinstance(found, Examination)
    assert [one.step for one in found.results] == ["read", "narrate", "ask"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "truncated"),
        (b"\xff{", ""),
        (b'{"passed": ["read"]}', "missing required field"),
        (b"[" * 100_000, ""),
        (msgspec.json.encode(examination(digest="other")), "it is of another model (scripted:test)"),
        (msgspec.json.encode(examination(edition=EDITION + 1)), "was examined by other papers; examine it again"),
    ],
)
def test_a_damaged_or_foreign_file_does_not_count(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "abc.json").write_bytes(content)

    (found,) = kept_in(tmp_path)

    assert isinstance(found, Unreadable)
    assert why in found.why
    assert examined_in(tmp_path)("abc") is None
    keep(examination(result("ask", passed=True)), tmp_path)
    assert examined_in(tmp_path)("abc") == {"ask"}


def test_a_folder_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")

    with pytest.raises(InputError, match="choose another --state-dir"):
        keep(examination(), tmp_path / "models")


def test_an_interrupt_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(examination(result("ask", passed=True)), tmp_path)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stored.Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        keep(examination(result("ask", passed=False)), tmp_path)

    assert examined_in(tmp_path)("abc") == {"ask"}
    assert [one.name for one in tmp_path.iterdir()] == ["abc.json"]


def test_nothing_is_kept_where_there_is_no_folder(tmp_path: Path) -> None:
    assert list(kept_in(tmp_path / "models")) == []


def test_a_digest_that_is_no_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no usable digest"):
        keep(examination(digest="../x"), tmp_path)
