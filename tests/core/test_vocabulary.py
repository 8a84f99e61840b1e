"""One schema for agents and rules; a plugin's bad file stays its own problem."""

from __future__ import annotations

from pathlib import Path

import pytest
from rulebook import OBSERVE, VOCABULARY

from sre_orchestrator.core import vocabulary as module
from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.vocabulary import AttributeType, fits, load_vocabulary, nearest

KIND = "their.kind: {about: x, component: pod, agents: [theirs], attributes: {level: {type: integer}}}"


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def test_our_own_kinds_are_read() -> None:
    kinds = load_vocabulary().kinds

    assert kinds["pod.phase"].component == "pod"
    assert all(kind.agents or kind.derived for kind in kinds.values())


def test_our_own_kinds_are_kept_in_a_cache(tmp_path: Path) -> None:
    first = load_vocabulary(cache=tmp_path)
    again = load_vocabulary([folder(tmp_path, mine=KIND)], cache=tmp_path)

    assert list(tmp_path.glob("kinds-*.msgpack"))
    assert first.kinds == load_vocabulary().kinds
    assert again.kinds.keys() - first.kinds.keys() == {"their.kind"}


def test_a_plugin_adds_its_kinds(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a vocabulary")

    found = load_vocabulary([folder(tmp_path, mine=KIND)])

    assert found.kinds["their.kind"].attributes["level"].type == "integer"
    assert found.problems == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("pod.phase: {about: x, component: pod}", "fact kind 'pod.phase' is already declared in"),
        ("their.kind: {about: x}", "missing required field `component`"),
        ("their.kind: {about: x, component: pod, symptom: sad}", "Invalid enum value 'sad'"),
        ("their.kind: [", "not YAML"),
        (KIND.replace("{level: ", "{level: {type: integer}, level: "), "the key 'level' is there twice"),
    ],
)
def test_a_bad_file_of_a_plugin_is_refused_alone(tmp_path: Path, text: str, why: str) -> None:
    good = tmp_path / "good"
    good.mkdir()

    found = load_vocabulary([folder(tmp_path, mine=text), folder(good, mine=KIND.replace("their", "good"))])

    assert "good.kind" in found.kinds
    assert "mine.yaml" in found.problems[0]
    assert why in found.problems[0]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in load_vocabulary([tmp_path / "gone"]).problems[0]


def test_a_bad_file_of_our_own_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path, kinds="{")
    (tmp_path / "kinds.yaml").rename(tmp_path / "bad.yaml")
    monkeypatch.setattr(module, "files", lambda _: tmp_path / "..")
    (tmp_path / ".." / "kinds").symlink_to(tmp_path)

    with pytest.raises(RuleError, match=r"bad\.yaml: not YAML"):
        load_vocabulary()


@pytest.mark.parametrize(
    ("value", "kind", "right"),
    [
        ("x", "string", True),
        (1, "string", False),
        (1, "integer", True),
        (1.5, "integer", False),
        (True, "integer", False),
        (1, "number", True),
        (1.5, "number", True),
        (float("inf"), "number", False),
        (True, "boolean", True),
        ("true", "boolean", False),
        ("2030-01-01T00:00:00Z", "time", True),
        (None, "string", False),
    ],
)
def test_a_value_fits_its_type(value: object, kind: AttributeType, *, right: bool) -> None:
    assert fits(value, kind) is right


def test_a_fact_of_the_vocabulary_is_no_complaint() -> None:
    assert VOCABULARY.complaint(OBSERVE("crash", "pod/shop/a", level=1, ratio=0.5, ready=True)) == ""


def test_the_nearest_name_is_offered_only_when_it_is_near() -> None:
    assert nearest("pod.fase", ["pod.phase", "node.unit"]) == "; did you mean 'pod.phase'?"
    assert nearest("xyz", ["pod.phase"]) == ""
