"""What was sent to a service is quoted in its reports, to those who may see it."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from postgres import fresh_database
from reports import NOW, hypothesis

from sre_orchestrator.api.advice import Advice
from sre_orchestrator.api.blocks import Shelf
from sre_orchestrator.api.service.runbooks import runbook_of
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.service.store.runbooks import RunbookTable
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.ports import Around
from sre_orchestrator.core.settings import Settings

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
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

    found = (
        Advice(shelf, Settings(state_dir=str(tmp_path)), lambda: None)
        .consulted()
        .advise(hypothesis(), Around(at=NOW, namespaces=namespaces))
    )

    assert [one.address for one in found] == ([f"/api/v1/runbooks/{sent.id}:4"] if quoted else [])
    store.close()
    shelf.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_report_compares_what_was_sent_once_however_much_it_quotes(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    digests = RunbookTable.digests
    monkeypatch.setattr(RunbookTable, "digests", lambda table: compared.append("again") or digests(table))
    installation = Installation(Settings(state_dir=str(tmp_path)))
    store = open_database(fresh_database() if kind == "postgresql" else "", tmp_path)
    installation.shelf.beside.append(store.runbooks.library)
    for cause in ("memory-limit-too-low", "configuration-changed"):
        text = TEXT.replace("memory-limit-too-low", cause)
        store.runbooks.keep(runbook_of(text, "text/markdown", name=cause, namespace="", author="eve", now=NOW), most=9)

    report = anyio.run(diagnose_snapshot, installation, DEMO).report

    assert [len(one.runbooks) for one in report.hypotheses[:2]] == [1, 1]
    assert compared == ["again"]
    installation.close()
    store.close()
