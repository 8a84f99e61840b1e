"""YAML from strangers is read within bounds, or refused with its line."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_orchestrator.core.documents import DocumentError, Line, LineList, line_of, read_yaml, yaml_of


def laughs(last: str) -> bytes:
    """Return a document whose aliases expand to a hundred million nodes."""
    steps = [
        last,
        *(
            f"{name}: &{name} [{', '.join([f'*{below}'] * 10)}]"
            for below, name in zip("abcdefg", "bcdefgh", strict=True)
        ),
    ]
    return "\n".join(steps).encode()


def refusal(text: bytes) -> tuple[int, str]:
    with pytest.raises(DocumentError) as caught:
        read_yaml(text, object)
    return caught.value.line, str(caught.value)


def test_a_document_is_read_as_the_type_that_is_asked_for() -> None:
    assert read_yaml(b"{a: [1, 2], b: []}", dict[str, list[int]]) == {"a": [1, 2], "b": []}
    assert read_yaml(b"", object) is None


def test_another_type_is_refused_with_its_place() -> None:
    with pytest.raises(DocumentError, match=r"Expected `int`, got `str`.*\[0\]"):
        read_yaml(b"a: [x]", dict[str, list[int]])


@pytest.mark.timeout(10)
def test_a_billion_laughs_are_refused_at_once() -> None:
    line, why = refusal(laughs("a: &a [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"))

    assert line == 5
    assert "after expanding aliases" in why


@pytest.mark.timeout(10)
def test_merge_keys_do_not_laugh_either() -> None:
    text = laughs("a: &a {x: ha}").replace(b"[", b"{<<: [").replace(b"]", b"]}")

    assert "after expanding aliases" in refusal(text)[1]


def test_a_document_that_holds_itself_is_refused() -> None:
    assert "after expanding aliases" in refusal(b"a: &a [*a]")[1]


def test_an_alias_within_bounds_is_fine() -> None:
    assert read_yaml(b"[&a {x: 1}, *a]", list[dict[str, int]]) == [{"x": 1}, {"x": 1}]


@pytest.mark.parametrize("text", [b"a: 1\nb: {c: 1,\n c: 2}", b"- &k a\n- {*k : 1,\n a: 2}"])
def test_a_repeated_key_is_refused(text: bytes) -> None:
    line, why = refusal(text)

    assert line == 3
    assert "is there twice" in why


def test_the_last_of_repeated_keys_counts_in_files_that_other_programs_read() -> None:
    assert read_yaml(b"a: 1\na: 2", dict[str, int], unique_keys=False) == {"a": 2}


def test_a_key_that_is_no_scalar_is_refused() -> None:
    assert "unhashable" in refusal(b"? [a]\n: 1")[1]


@pytest.mark.parametrize(
    "text",
    [
        b"a: [1",
        b"a: \xff",
        b"a: \x00",
        b"[" * 100_000,
        b"- " * 100_000,
        b"a: 1\n---\nb: 2",
        b"a: 2030-13-01",
        b"!!timestamp x",
        b"!!bool x",
        b"!!python/object:os.system x",
    ],
)
def test_what_is_no_plain_document_is_refused(text: bytes) -> None:
    assert refusal(text)[1].startswith("not YAML: ")


@given(st.binary(max_size=60) | st.text("{}[]:,-&*a?!<'\" \n", max_size=40).map(str.encode))
def test_no_text_at_all_raises_anything_else(text: bytes) -> None:
    with contextlib.suppress(DocumentError):
        read_yaml(text, object)


def test_a_line_is_found_by_the_path_of_keys() -> None:
    text = b"a: 1\nb:\n  - x\n  - c: 2\n"

    assert line_of(text, ()) == 1
    assert line_of(text, ("b", 1, "c")) == 4
    assert line_of(text, ("b", 0)) == 3


def test_a_path_that_leads_nowhere_ends_at_its_nearest_parent() -> None:
    text = b"a: 1\nb: [1]"

    assert line_of(text, ("b", 7, "x")) == 2
    assert line_of(text, ("b", "x")) == 2
    assert line_of(text, ("z",)) == 1


def test_a_document_is_written_as_people_write_it() -> None:
    same = Line(kind="pod.phase", names=LineList(["a", "é"]))

    text = yaml_of({"b": "word " * 50, "a": [same, same]})

    assert (
        text == f"b: '{'word ' * 50}'\na:\n- {{kind: pod.phase, names: [a, é]}}\n- {{kind: pod.phase, names: [a, é]}}\n"
    )
    assert read_yaml(text.encode(), object) == {"b": "word " * 50, "a": [dict(same), dict(same)]}
