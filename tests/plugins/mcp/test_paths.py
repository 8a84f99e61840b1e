"""Paths lead to what is there, and nowhere else."""

from __future__ import annotations

import pytest

from sre_orchestrator.plugins.mcp.paths import PathError, first_at, found_at, steps_of

NODE = {"items": [{"name": "a", "labels": {"app/name": "x"}}, {"name": "b"}], "by": {"x": {"n": 1}, "y": {"n": 2}}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [NODE]),
        ("", [NODE]),
        ("$.items[*].name", ["a", "b"]),
        ("items[0].name", ["a"]),
        ("items[-1].name", ["b"]),
        ("items[9].name", []),
        ("items[0].labels['app/name']", ["x"]),
        ("items.*.labels.app/name", ["x"]),
        ("by[*].n", [1, 2]),
        ("by.*.n", [1, 2]),
        ("by[0]", []),
        ("items.name", []),
        ("name.*", []),
    ],
)
def test_a_path_finds(path: str, found: list[object]) -> None:
    assert list(found_at(NODE, path)) == found


def test_the_first_of_nothing_is_none() -> None:
    assert first_at(NODE, "items[7]") is None


@pytest.mark.parametrize("path", ["$.items[?(@.a)]", "a b", "a..b", "[", "$.[0]", "items[x]", "a.", "@"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(PathError, match="is no path"):
        steps_of(path)
