"""What counts as right and as better."""

from __future__ import annotations

import pytest

from sre_orchestrator.api.examination.marks import Result, Tally, better, tally, together


def test_precision_and_recall_are_those_of_sets() -> None:
    one = tally({"a", "b", "c", "d"}, {"a", "b", "x"})

    assert (one.precision, one.recall, one.f1) == (0.5, pytest.approx(2 / 3), pytest.approx(4 / 7))


def test_nothing_where_nothing_is_wanted_is_right() -> None:
    assert (tally((), ()).precision, tally((), ()).recall, tally((), ()).f1) == (1, 1, 1)
    assert (tally((), {"a"}).precision, tally({"a"}, ()).recall) == (0, 1)


def test_tallies_add_up() -> None:
    assert together([tally("a", "a"), tally("b", "c")]) == Tally(right=1, given=2, wanted=2)


@pytest.mark.parametrize(
    ("wins", "losses", "expected"),
    [(0, 0, False), (4, 0, False), (5, 0, True), (7, 1, True), (6, 1, False), (3, 9, False), (16, 0, True)],
)
def test_better_is_more_than_luck(wins: int, losses: int, expected: bool) -> None:
    assert better(wins, losses) is expected


@pytest.mark.parametrize("passed", [True, False])
def test_a_verdict_says_what_follows(passed: bool) -> None:
    one = Result(
        step="read", passed=passed, why="why", papers=36, asked=36, right=9, default_right=27,
        measures={}, p50_ms=1, p95_ms=2, tokens=3,
    )  # fmt: skip

    verdict = one.verdict()

    expected = (
        "passes reading: 9 of 36 right, words alone 27; used for reading: why"
        if passed
        else "fails reading: 9 of 36 right, words alone 27; not used for reading: why"
    )
    assert verdict == expected
