"""What was sent to a service is quoted in its reports, to those who may see it."""

from __future__ import annotations

from pathlib import Path

import pytest
from reports import NOW, hypothesis

from sre_orchestrator.api.advice import Advice
from sre_orchestrator.api.blocks import Shelf
from sre_orchestrator.api.service.runbooks import runbook_of
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.core.ports import Around
from sre_orchestrator.core.settings import Settings

TEXT = "---\ncauses: [memory-limit-too-low]\n---\n# Give it memory\n\nRaise the limit.\n"


@pytest.mark.parametrize(
    ("namespaces", "quoted"), [(("shop",), True), (("shop", "pay"), True), ((), True), (("pay",), False)]
)
def test_what_was_sent_is_quoted_to_those_who_may_see_it(
    tmp_path: Path, namespaces: tuple[str, ...], *, quoted: bool
) -> None:
    store, shelf = open_database("", tmp_path), Shelf(tmp_path)
    shelf.beside.append(store.runbooks.library)
    sent = runbook_of(TEXT, "text/markdown", name="memory", namespace="shop", author="eve", now=NOW)
    store.runbooks.keep(sent, most=9)

    found = Advice(shelf, Settings(state_dir=str(tmp_path)), lambda: None).advise(
        hypothesis(), Around(at=NOW, namespaces=namespaces)
    )

    assert [one.address for one in found] == ([f"/api/v1/runbooks/{sent.id}:4"] if quoted else [])
    store.close()
    shelf.close()
