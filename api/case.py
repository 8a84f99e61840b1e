"""Diagnoses one labelled case in a process of its own: ``evaluate`` writes a job to it and reads the outcome."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import anyio
import msgspec

from sre_orchestrator.api.evaluation import LabelMapping, Outcome, predictions_of
from sre_orchestrator.api.process import prepare
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.errors import SreError
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.reach import Graph
from sre_orchestrator.core.settings import Settings


class Job(Struct, frozen=True, kw_only=True):
    """What the process that diagnoses one case is told."""

    case: str
    snapshot: str
    settings: Settings
    mapping: LabelMapping


def main() -> None:
    """Diagnose the case that standard input describes; print its outcome, with what the whole process took."""
    prepare()
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    installation = Installation(job.settings)
    bundle = anyio.run(lambda: diagnose_snapshot(installation, Path(job.snapshot)))
    outcome = Outcome(
        case=job.case,
        verdict=bundle.report.verdict,
        cpu_seconds=time.process_time(),
        memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        predictions=predictions_of(bundle.report.hypotheses, job.mapping, Graph(bundle.edges)),
    )
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    try:
        main()
    except SreError as error:
        sys.exit(f"error: {error}")
