"""Numbers of things."""

from __future__ import annotations

import pytest

from sre_orchestrator.core.wording import counted


@pytest.mark.parametrize(
    ("number", "many", "said"), [(0, "", "0 rules"), (1, "", "1 rule"), (2, "", "2 rules"), (3, "laws", "3 laws")]
)
def test_one_thing_is_no_plural(number: int, many: str, said: str) -> None:
    assert counted(number, "rule", many) == said
