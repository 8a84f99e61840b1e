"""pytest runs the tests that are embedded in rule files, wherever they lie."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sre_orchestrator.core.settings import Settings
from sre_orchestrator.rules import collecting, pytest_plugin  # noqa: F401 - loaded once: a C library cannot be loaded anew
from sre_orchestrator.rules.installed import installed_book, installed_rules

pytest_plugins = "pytester"

RULE = """
id: pending
title: A pod is pending
status: stable
why: A test.
when: {{all: {{a: {{kind: pod.phase, phase: Pending}}}}}}
then: {{cause: {cause}, component: "{{a.component}}", strength: weak, because: pending}}
tests:
  - {{name: a pending pod, facts: [{{kind: pod.phase, component: pod/shop/a, phase: {phase}}}], expect: [{cause}]}}
  - {{name: nothing at all, facts: [], expect: []}}
"""


@pytest.fixture
def cause() -> str:
    from sre_orchestrator.core.vocabulary import load_vocabulary  # noqa: PLC0415
    from sre_orchestrator.rules.book import load_book  # noqa: PLC0415

    return min(load_book(load_vocabulary()).causes)


def test_each_embedded_test_is_an_item(pytester: pytest.Pytester, cause: str) -> None:
    text = RULE.format(cause=cause, phase="Pending")
    pytester.path.joinpath("pending.yaml").write_text(text)
    pytester.path.joinpath("other.yaml").write_text(text.replace("id: pending", "id: other"))

    result = pytester.runpytest_inprocess("-v", "-p", "no:randomly")

    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["*pending.yaml::a pending pod PASSED*", "*pending.yaml::nothing at all PASSED*"])


def test_a_failure_says_what_was_expected_in_one_line(pytester: pytest.Pytester, cause: str) -> None:
    pytester.path.joinpath("pending.yaml").write_text(RULE.format(cause=cause, phase="Running"))

    result = pytester.runpytest_inprocess("-p", "no:randomly")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([f"*pending.yaml: a pending pod: expected ?'{cause}'?, got nothing"])


def test_a_bad_rule_file_is_a_collection_error_with_its_line(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("pending.yaml").write_text(RULE.format(cause="no-such-cause", phase="Pending"))

    result = pytester.runpytest_inprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*pending.yaml:7: unknown cause 'no-such-cause'*"])


THEIRS = """
from pathlib import Path
from sre_orchestrator.core.hookspecs import hookimpl

HERE = Path(__file__).parent

@hookimpl
def register_vocabulary():
    return [HERE / "kinds"]

@hookimpl
def register_causes():
    return [HERE / "causes"]

@hookimpl
def register_rules():
    return [HERE / "rules"]
"""


@pytest.fixture
def plugin(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install a plugin with a kind of facts and a cause, and a rule that needs both; return its folder."""
    folder = pytester.path
    for name, text in {
        "their_plugin.py": THEIRS,
        "theirs-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n",
        "theirs-1.0.dist-info/entry_points.txt": "[sre_orchestrator]\ntheirs = their_plugin\n",
        "kinds/queue.yaml": "queue.full: {about: A queue is full., component: service, attributes: {phase: {}}}\n",
        "causes/queue.yaml": "queue-full: {title: A queue is full, category: queues, blamed_on: service}\n",
        "rules/queue.yaml": "id: queue\n",
        "pending.yaml": RULE.format(cause="queue-full", phase="Pending").replace("pod.phase", "queue.full"),
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("their_plugin", None)


@pytest.mark.usefixtures("plugin")
def test_rules_may_need_what_an_installed_plugin_declares(pytester: pytest.Pytester) -> None:
    pytester.runpytest_inprocess("pending.yaml").assert_outcomes(passed=2)
    assert "queue-full" in installed_book(Settings(state_dir=str(pytester.path)))[1].causes
    assert Path(installed_rules(Settings(state_dir="unused"))[-1][0]).name == "queue.yaml"


def test_what_was_refused_of_the_plugin_is_told_with_the_rule_that_needs_it(
    pytester: pytest.Pytester, plugin: Path
) -> None:
    (plugin / "causes" / "queue.yaml").write_text("queue-full: {title: A queue is full}\n")

    result = pytester.runpytest_inprocess("pending.yaml")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*pending.yaml:7: unknown cause 'queue-full'*", "*queue.yaml: *missing required*"])


@pytest.mark.parametrize("name", ["values.yaml", "rule.txt"])
def test_other_files_are_left_alone(tmp_path: Path, name: str) -> None:
    # pytest loads the plugin before a coverage measurement begins; this loads it again
    collect = runpy.run_path(pytest_plugin.__file__)["pytest_collect_file"]
    file = tmp_path / name
    file.write_text("when: 1" if name == "values.yaml" else RULE)

    assert collect(None, file) is None
