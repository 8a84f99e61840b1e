"""A source of a plugin that breaks its contract becomes a gap; what it said before is kept."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest

from sre_orchestrator.api import contained
from sre_orchestrator.api.contained import known_by
from sre_orchestrator.core.models import Component, Edge, Gap

VENDOR = Component(id="service/vendor")
FOREVER = threading.Event()


class Theirs:
    """A source that yields what it is given; a callable is called."""

    name = "theirs"

    def __init__(self, *script: object) -> None:
        self.script = script

    async def sync(self) -> AsyncIterator[Any]:
        """Yield the script."""
        for one in self.script:
            yield one() if callable(one) else one


def known(*script: object, seconds: float = 20.0) -> Any:
    return anyio.run(known_by, Theirs(*script), seconds)


def _break() -> object:
    raise RuntimeError("broken")


def test_what_a_source_knows_is_returned() -> None:
    edge = Edge(source="deployment/shop/cart", kind="depends_on", target=VENDOR.id, provenance="a trace")
    gap = Gap(agent="theirs", what="the rest", why="denied")

    assert known(VENDOR, edge, gap) == (VENDOR, edge, gap)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (_break, "RuntimeError: broken"),
        (lambda: sys.exit("gone"), "SystemExit: gone"),
        ("rubbish", "TypeError: sync yielded a str, not a Component, Edge or Gap"),
        (Component(id=7), "ValidationError: Expected `str`, got `int` - at `$.id`"),  # type: ignore[arg-type]  # as a plugin could
    ],
)
def test_one_that_breaks_its_contract_is_a_gap(wrong: Callable[[], object], why: str) -> None:
    first, gap = known(VENDOR, wrong, VENDOR)

    assert first == VENDOR
    assert (gap.agent, gap.why, gap.remedy) == ("theirs", why, "fix, upgrade or uninstall the plugin that adds it")


def test_one_that_hangs_is_a_gap() -> None:
    first, gap = known(VENDOR, FOREVER.wait, seconds=0.5)

    assert (first, gap.why) == (VENDOR, "no answer within 0.5 s")


def test_one_that_never_ends_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contained, "MOST", 2)

    *_, gap = known(VENDOR, VENDOR, VENDOR)

    assert gap.why == "ValueError: sync did not end after 2 components and edges"


def test_one_without_sync_is_a_gap() -> None:
    class Half:
        name = "half"
        sync = None

    (gap,) = anyio.run(known_by, Half(), 5.0)  # type: ignore[arg-type]  # as a plugin could

    assert gap.why == "TypeError: 'NoneType' object is not callable"
