"""``sre-orchestrator models``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from command_line import Run
from examinees import DIGEST, Dead, Examinee
from model_plugin import offered

from sre_orchestrator.api.cli.progress import PartsBar
from sre_orchestrator.api.examination import stored
from sre_orchestrator.api.examination.papers import Papers, papers_in
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import Settings

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"


@pytest.fixture(scope="module")
def papers(state_dir: Path) -> Iterator[Papers]:
    """Return all papers."""
    with closing(Installation(Settings(state_dir=str(state_dir)))) as installation:
        yield papers_in(installation.book.causes)


@pytest.fixture
def folder(tmp_path: Path, state_dir: Path, papers: Papers) -> Path:
    """Return a state folder in which the rule book is compiled, and no model was examined."""
    del papers
    (tmp_path / "cache").symlink_to(state_dir / "cache")
    return tmp_path


def test_a_model_is_examined_once_and_then_takes_part_in_what_it_passed(run: Run, papers: Papers, folder: Path) -> None:
    where = ("--state-dir", folder)
    with offered(Examinee(papers, ("narrate",))):
        before = run("models", "list", *where)
        checked = run("models", "check", "scripted:examinee", *where)
        after = run("models", "list", *where)
        diagnosed = run("diagnose", "--snapshot", DEMO, "--model", "scripted:examinee", *where)

    assert "no model was examined" in before.out
    assert "kinds of models: llama_cpp, openai, scripted" in before.out
    assert checked.code == 0
    assert "fails reading: 0 of 36 right, words alone " in checked.out
    assert "fails asking: 0 of 24 right, the order of the flow 8; not used for asking: " in checked.out
    assert "passes narrating: 2" in checked.out
    assert " of 24 right, the template 24; used for narrating: what it says is in the facts" in checked.out
    assert f"kept in {folder / 'models' / DIGEST}.json" in checked.out
    assert f"scripted:examinee  {DIGEST[:12]}  examined " in after.out
    assert "may: narrate" in after.out
    assert "by scripted:examinee\n" in diagnosed.out
    assert "(unexamined)" not in diagnosed.out


def test_one_that_passes_nothing_is_told_so(run: Run, papers: Papers, folder: Path) -> None:
    with offered(Dead(papers, ())):
        result = run("models", "check", "scripted:dead", "--state-dir", folder, "--format", "json")

    found = json.loads(result.out)
    assert (result.code, found["passed"]) == (3, [])
    assert [one["step"] for one in found["results"]] == ["read", "ask", "narrate"]
    assert "kept in " in result.err


def test_some_papers_are_only_for_trying(run: Run, papers: Papers, folder: Path) -> None:
    with offered(Examinee(papers, ("ask",))):
        result = run(
            "models", "check", "scripted:x", "--items", "8", "--steps", "ask", "--state-dir", folder
        )  # fmt: skip

    assert (result.code, "not kept: only some of the papers" in result.out) == (0, True)
    assert not (folder / "models").exists()


def test_as_many_papers_as_there_are_count(run: Run, papers: Papers, folder: Path) -> None:
    with offered(Examinee(papers, ("ask",))):
        run("models", "check", "scripted:x", "--items", "24", "--steps", "ask", "--state-dir", folder)
        listed = json.loads(run("models", "list", "--state-dir", folder, "--format", "json").out)

    assert [one["passed"] for one in listed["examined"]] == [["ask"]]
    assert listed["kinds"] == ["llama_cpp", "openai", "scripted"]


def test_what_cannot_be_examined_is_bad_input(run: Run, papers: Papers, folder: Path) -> None:
    where = ("--state-dir", folder)
    with offered(Examinee(papers, ())):
        results = [
            run("models", "check", *where),
            run("models", "check", "scripted:broken", *where),
            run("models", "check", "nothing:x", *where),
            run("models", "check", "scripted:x", "--items", "0", *where),
            run("models", "check", "scripted:x", "--steps", "sing", *where),
        ]

    assert [one.code for one in results] == [2, 2, 2, 2, 2]
    assert "which model?" in results[0].err


def test_files_that_do_not_count_are_listed(run: Run, folder: Path) -> None:
    (folder / "models").mkdir()
    (folder / "models" / "abc.json").write_text("{")

    result = run("models", "list", "--state-dir", folder)

    assert result.code == 0
    assert f"{folder / 'models' / 'abc.json'}: does not count: " in result.out


def test_an_interrupt_keeps_nothing(run: Run, papers: Papers, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stored, "_write", interrupted)
    with offered(Examinee(papers, ("ask",))):
        result = run("models", "check", "scripted:x", "--steps", "ask", "--state-dir", folder)

    assert result.code == 130
    assert list((folder / "models").iterdir()) == []


def test_who_watches_sees_how_far_it_is(
    run: Run, papers: Papers, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    done: list[str] = []
    monkeypatch.setattr(PartsBar, "done", lambda _, what: done.append(what))
    with offered(Examinee(papers, ("ask",))):
        run("models", "check", "scripted:x", "--steps", "ask", "--items", "5", "--state-dir", folder)

    assert len(done) == 5
