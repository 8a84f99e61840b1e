"""An owner's runbook takes part in a diagnosis: its rule concludes, its checks are marked, its commands name what failed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import anyio

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import KnowledgeSettings, Settings
from sre_orchestrator.plugins.knowledge.formats import read_document
from sre_orchestrator.plugins.knowledge.library import Library, library_file

DEMO = Path(__file__).parents[2] / "api" / "demo" / "shop"
BOOK = """# Killed for memory

Compare what it uses with its limit.

```check
It was killed for memory: {kind: container.terminated, reason: OOMKilled}
No node is short of memory: none {kind: node.condition, type: MemoryPressure, status: "True"}
A certificate was looked at: {kind: certificate.served}
```

```sh
kubectl -n $NAMESPACE top pod <pod-name>
kubectl delete pod <pod-name>
```

```rule
id: killed-as-before
title: It is killed as before
status: experimental
why: We know it.
when: {all: {killed: {kind: container.terminated, reason: OOMKilled}}}
then: {cause: memory-limit-too-low, component: "{killed.component}", strength: weak, because: killed as before}
tests:
  - {name: fires, facts: [{kind: container.terminated, component: pod/a/b, reason: OOMKilled}], expect: [memory-limit-too-low]}
  - {name: silent, facts: [], expect: []}
```
"""


def diagnosed(tmp_path: Path) -> Bundle:
    links = tmp_path / "links.yaml"
    links.write_text("Killed: {runbook: killed, causes: [memory-limit-too-low]}\n")
    with closing(Library(library_file(str(tmp_path)))) as library:
        library.keep([read_document(BOOK.encode(), "/books/killed.md").document])
    settings = Settings(state_dir=str(tmp_path), knowledge=KnowledgeSettings(links=str(links)))
    with closing(Installation(settings)) as installation:
        return anyio.run(diagnose_snapshot, installation, DEMO)


def test_a_runbook_with_rule_checks_and_commands_takes_part(tmp_path: Path) -> None:
    report = diagnosed(tmp_path).report

    first = report.hypotheses[0]
    (runbook,) = first.runbooks
    assert first.cause == "memory-limit-too-low"
    assert "killed.killed-as-before" in {proof.rule for proof in first.proof}
    assert [check.state for check in runbook.checks] == ["satisfied", "satisfied", "unknown"]
    assert runbook.checks[0].facts[0] in report.facts
    (step,) = runbook.steps
    assert step.command.startswith("kubectl -n shop top pod pricing-")
