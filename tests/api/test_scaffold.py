"""A new project is the model under another name; nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from sre_orchestrator.api import scaffold
from sre_orchestrator.api.scaffold import MODEL, create_project, project_files
from sre_orchestrator.core.errors import InputError


def test_nothing_of_the_model_is_left_but_its_shape(tmp_path: Path) -> None:
    written = create_project("flag-service", tmp_path)

    root = tmp_path / "flag-service"
    assert sorted(path for path in root.rglob("*") if path.is_file()) == sorted(written)
    assert len(written) == len(list(project_files()))
    assert (root / "src" / "flag_service" / "kinds" / "flag-service.yaml").is_file()
    for path in written:
        assert "acme" not in (path.read_text(encoding="utf-8") + str(path.relative_to(tmp_path))).lower()


def test_under_its_own_name_the_model_stays_as_it_is(tmp_path: Path) -> None:
    written = create_project(MODEL, tmp_path)

    assert {(str(path.relative_to(tmp_path / MODEL)), path.read_bytes()) for path in written} == set(project_files())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is no name for a plugin of at most 40 letters"),
        ("Flags", "is no name"),
        ("flag_service", "is no name"),
        ("../flags", "is no name"),
        ("flags\n", "is no name"),
        ("2flags", "is no name"),
        ("flag--service", "is no name"),
        ("f" * 41, "is no name"),
        ("import", "Python has a module or word 'import' already"),
        ("json", "Python has a module or word 'json' already"),
        ("network", "there is a built-in plugin of that name"),
        ("llama-cpp", "there is a built-in plugin of that name"),
        ("mcp", "there is a built-in plugin of that name"),
        ("sre-orchestrator", "Python has a module or word 'sre_orchestrator' already"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(InputError, match="take lower-case words joined by '-', such as acme-pay") as refused:
        create_project(name, tmp_path)

    assert why in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_is_there_is_not_overwritten(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "flags"
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to(tmp_path / "nowhere")

    with pytest.raises(InputError, match=r"flags: exists already; take another name, or another folder with --dir"):
        create_project("flags", tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["flags"]
    assert not place.is_dir() or list(place.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(InputError, match="cannot be written: Not a directory; give another folder with --dir"):
        create_project("flags", tmp_path / "file")


def test_what_tools_leave_beside_the_model_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("agent.py", "__pycache__/agent.cpython-311.pyc", ".ruff_cache/0", ".hidden"):
        (tmp_path / MODEL / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / MODEL / name).write_bytes(b"acme-pay")
    monkeypatch.setattr(scaffold, "files", lambda package: tmp_path)  # noqa: ARG005 - as the original

    assert list(project_files("flags")) == [("agent.py", b"flags")]
