"""A rule pack takes part in diagnoses from the moment it is added, or is refused as a whole."""

from __future__ import annotations

import zipfile
from contextlib import closing
from pathlib import Path
from shutil import copytree

import pytest

from sre_orchestrator.api.added import plugin_views
from sre_orchestrator.api.packs import add_pack, remove_pack
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.additions import Additions
from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.knowledge.library import Library, library_file
from sre_orchestrator.rules.installed import installed_book, installed_rules
from sre_orchestrator.rules.packs import names

KIND = "acme.queue: {about: How full a queue is., component: workload, attributes: {used_ratio: {type: number}}}\n"
CAUSE = "acme-queue-full: {title: A queue is full, category: test, blamed_on: workload}\n"
RULE = """id: acme-queue-is-full
title: A queue is full
status: experimental
why: So it is.
when: {all: {a: {kind: acme.queue, used_ratio|gte: 0.9}}}
then: {cause: acme-queue-full, component: "{a.component}", strength: strong, because: full}
tests:
  - {name: fires, facts: [{kind: acme.queue, component: deployment/shop/q, used_ratio: 0.95}], expect: [acme-queue-full]}
  - {name: silent, facts: [{kind: acme.queue, component: deployment/shop/q, used_ratio: 0.5}], expect: []}
"""
BOOK = f"# Queues\n\n```check\nIt is full: {{kind: acme.queue, used_ratio|gte: 0.9}}\n```\n\n```rule\n{RULE.replace('acme-queue-is-full', 'book-rule')}```\n"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that knows the built-in book."""
    state = tmp_path_factory.mktemp("state")
    with closing(Installation(Settings(state_dir=str(state)))) as installation:
        assert installation.book.rules
    return state / "cache"


@pytest.fixture
def settings(tmp_path: Path, cache: Path) -> Settings:
    copytree(cache, tmp_path / "state" / "cache")
    return Settings(state_dir=str(tmp_path / "state"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    files = {
        "kinds/acme.yaml": KIND,
        "causes/acme.yaml": CAUSE,
        "rules/acme-queue-is-full.yaml": RULE,
        "runbooks/queues.md": BOOK,
    }
    for path, text in files.items():
        file = tmp_path / "acme" / path
        file.parent.mkdir(parents=True)
        file.write_text(text)
    return tmp_path / "acme"


def of_acme(settings: Settings) -> list[str]:
    with closing(Installation(settings)) as installation:
        assert (installation.vocabulary.problems, installation.book.problems, installation.refused) == ((), (), ())
        return [rule.id for rule in installation.book.rules if rule.id.endswith(("acme-queue-is-full", "book-rule"))]


def of_packs(settings: Settings) -> dict[str, Additions]:
    with closing(Installation(settings)) as installation:
        return {one.name: one.adds for one in plugin_views(installation) if one.origin == "rule pack"}


def runbooks(settings: Settings) -> list[str]:
    with closing(Library(library_file(settings.state_dir))) as library:
        return [one.title for one in library.documents()]


def test_a_pack_that_is_added_takes_part_until_it_is_removed(settings: Settings, source: Path) -> None:
    added = add_pack(settings, source)

    assert (added.tests, added.files) == (2, {"kinds": 1, "causes": 1, "rules": 1, "runbooks": 1})
    assert of_acme(settings) == ["acme-queue-is-full", "queues.book-rule"]
    assert "acme-queue-is-full" in {rule.id for rule in installed_book(settings)[1].rules}
    assert any(path.endswith("packs/acme/rules/acme-queue-is-full.yaml") for path, _ in installed_rules(settings))
    assert runbooks(settings) == ["Queues"]
    assert of_packs(settings) == {
        "acme": Additions(
            kinds=("acme.queue",), causes=("acme-queue-full",), rules=("acme-queue-is-full",), runbooks=("queues.md",)
        )
    }

    remove_pack(settings, "acme")

    assert of_acme(settings) == []
    assert runbooks(settings) == []


def test_a_pack_in_a_wheel_is_added_too(settings: Settings, source: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "acme_rules-2-py3-none-any.whl", "w") as file:
        for path in (one for one in source.rglob("*") if one.is_file()):
            file.write(path, f"acme_rules/{path.relative_to(source)}")

    add_pack(settings, tmp_path / "acme_rules-2-py3-none-any.whl")

    assert names(Path(settings.state_dir)) == ("acme-rules",)
    assert of_acme(settings) == ["acme-queue-is-full", "queues.book-rule"]


def test_a_pack_is_replaced_by_one_of_its_name(settings: Settings, source: Path) -> None:
    add_pack(settings, source)
    (source / "runbooks" / "queues.md").unlink()
    (source / "runbooks").rmdir()

    added = add_pack(settings, source)

    assert added.files["runbooks"] == 0
    assert of_acme(settings) == ["acme-queue-is-full"]
    assert runbooks(settings) == []


def test_a_pack_without_runbooks_makes_no_library(settings: Settings, source: Path) -> None:
    (source / "runbooks" / "queues.md").unlink()

    add_pack(settings, source)

    assert not library_file(settings.state_dir).exists()


@pytest.mark.parametrize(
    ("path", "before", "after", "complaint"),
    [
        ("rules/acme-queue-is-full.yaml", "0.95", "0.85", "acme-queue-is-full.yaml: test 'fires': expected"),
        ("rules/acme-queue-is-full.yaml", "acme.queue, used", "acme.q, used", "unknown fact kind 'acme.q'"),
        ("rules/acme-queue-is-full.yaml", "when", "whenn", "unknown key 'whenn'; did you mean 'when'?"),
        ("causes/acme.yaml", "acme-queue-full", "memory-leak", "cause 'memory-leak' is declared twice"),
        ("kinds/acme.yaml", "acme.queue", "pod.phase", "fact kind 'pod.phase' is already declared in"),
        ("runbooks/queues.md", "0.95", "0.85", "queues.md:8: rule 'book-rule' fails its test 'fires'"),
        ("runbooks/queues.md", "{kind: acme.queue, used_ratio|gte: 0.9}\n```\n\n", "full\n```\n\n", "write LABEL: {kind"),
    ],
)  # fmt: skip
def test_a_pack_of_which_something_cannot_be_used_is_refused_as_a_whole(
    settings: Settings, source: Path, path: str, before: str, after: str, complaint: str
) -> None:
    file = source / path
    file.write_text(file.read_text().replace(before, after))

    with pytest.raises(RuleError) as caught:
        add_pack(settings, source)

    assert str(caught.value).startswith(f"{source}: the rule pack is refused, nothing of it was added:\n  ")
    assert complaint in str(caught.value)
    assert settings.state_dir not in str(caught.value)
    assert list((Path(settings.state_dir) / "packs").iterdir()) == []


def test_many_reasons_are_cut_short(settings: Settings, source: Path) -> None:
    for number in range(13):
        (source / "rules" / f"r{number}.yaml").write_text("id: x")

    with pytest.raises(RuleError, match=r"and 3 more$"):
        add_pack(settings, source)


def test_a_pack_that_was_there_stays_when_its_successor_is_refused(settings: Settings, source: Path) -> None:
    add_pack(settings, source)
    (source / "rules" / "acme-queue-is-full.yaml").write_text("id: x")

    with pytest.raises(RuleError):
        add_pack(settings, source)

    assert of_acme(settings) == ["acme-queue-is-full", "queues.book-rule"]


def test_a_pack_that_was_changed_by_hand_is_a_gap(settings: Settings, source: Path) -> None:
    add_pack(settings, source)
    (Path(settings.state_dir) / "packs" / "acme" / "kinds" / "acme.yaml").write_text("{}")

    with closing(Installation(settings)) as installation:
        (gap,) = (gap for gap in installation.gaps() if "its files are not those that were added" in gap.why)
        assert (gap.what, gap.remedy) == ("what a rule pack knows", "sre-orchestrator rules packs")
        assert "acme-queue-full" not in installation.book.causes
        (view,) = (one for one in plugin_views(installation) if one.name == "acme")
        assert "its files are not those that were added" in view.problem


def test_a_pack_that_is_not_there_cannot_be_removed(settings: Settings, source: Path) -> None:
    add_pack(settings, source)

    with pytest.raises(RuleError, match=r"there is no rule pack 'acne'; did you mean 'acme'\?"):
        remove_pack(settings, "acne")


def test_a_state_folder_that_cannot_be_written_is_told(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(RuleError, match="cannot be written: Not a directory; choose another --state-dir"):
        add_pack(Settings(state_dir=str(tmp_path / "file")), source)
