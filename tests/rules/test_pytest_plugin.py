"""pytest runs the tests that are embedded in rule files, wherever they lie."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from sre_orchestrator.rules import pytest_plugin

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


@pytest.mark.parametrize("name", ["values.yaml", "rule.txt"])
def test_other_files_are_left_alone(tmp_path: Path, name: str) -> None:
    # pytest loads the plugin before a coverage measurement begins; this loads it again
    collect = runpy.run_path(pytest_plugin.__file__)["pytest_collect_file"]
    file = tmp_path / name
    file.write_text("when: 1" if name == "values.yaml" else RULE)

    assert collect(None, file) is None
