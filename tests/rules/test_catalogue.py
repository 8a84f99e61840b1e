"""The cause catalogue and the files of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.rules.catalogue import read_causes, yaml_files

BROKEN = b"broken: {title: Broken, category: test, blamed_on: workload}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"{", "not YAML"),
        (b"- a", "Expected `object`, got `array`"),
        (b"broken: {title: x}", "missing required field `category`"),
        (b"broken: {title: x, category: x, blamed_on: moon}", "Invalid enum value 'moon'"),
        (b"broken: {title: x, category: x, blamed_on: node, blames: y}", "unknown field `blames`"),
        (BROKEN + b"\n" + BROKEN, "the key 'broken' is there twice"),
        (BROKEN.replace(b"workload}", b"workload, confused_with: [brokn]}"), "confused_with names 'brokn', which is not declared; did you mean 'broken'?"),
    ],
)  # fmt: skip
def test_a_bad_catalogue_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(RuleError) as caught:
        read_causes([("causes.yaml", text)])

    assert why in str(caught.value)


def test_a_cause_is_declared_once() -> None:
    with pytest.raises(RuleError, match=r"two\.yaml: cause 'broken' is declared twice"):
        read_causes([("one.yaml", BROKEN), ("two.yaml", BROKEN)])


def test_files_are_found_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/z.yml", "a/notes.md", "c.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)

    assert [text.decode() for _, text in yaml_files(tmp_path)] == ["a/z.yml", "b.yaml", "c.yaml"]


def test_a_folder_that_holds_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)

    assert yaml_files(tmp_path) == []
