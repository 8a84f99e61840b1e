"""``sre-orchestrator evaluate``: accuracy and cost on labelled recorded incidents."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated

import anyio
import msgspec
import typer

from sre_orchestrator.api.cli.common import SettingsOption, StateOption, settings_from
from sre_orchestrator.api.evaluation import (
    Calibration,
    Label,
    LabelMapping,
    Outcome,
    calibration,
    grouped,
    percentile,
    predictions_of,
    rank_of,
    read_labels,
    read_mapping,
    score,
)
from sre_orchestrator.core.errors import InputError, SreError
from sre_orchestrator.core.reach import Graph
from sre_orchestrator.core.settings import Settings


def evaluate(
    cases: Annotated[Path, typer.Argument(help="A folder or archive with one folder a case.", show_default=False)],
    labels: Annotated[Path, typer.Option(help="labels.json: the truth.", show_default=False)],
    mapping: Annotated[Path, typer.Option(help="How our causes are named in the labels.", show_default=False)],
    output: Annotated[Path | None, typer.Option(help="Where to write the ranked predictions.")] = None,
    jobs: Annotated[int, typer.Option(help="How many processes.", min=1)] = 1,
    only: Annotated[str, typer.Option(help="A pattern that case names must match.")] = "*",
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Diagnose every case and compare with the labels; no language model is used.

    Example:
      sre-orchestrator evaluate ./cases --labels labels.json --mapping mapping.yaml --output predictions.json --jobs 2

    """
    truth, words = read_labels(labels), read_mapping(mapping)
    configured = settings_from(settings, state_dir)
    with case_folders(cases, configured) as folders:
        chosen = {name: folder for name, folder in folders.items() if name in truth and fnmatch(name, only)}
        if not chosen:
            raise InputError(f"{cases}: holds no case that {labels} names and {only!r} matches")
        outcomes = run_cases(chosen, configured, words, jobs)
    if output:
        predictions = {one.case: one.predictions for one in outcomes}
        output.write_bytes(msgspec.json.format(msgspec.json.encode(predictions), indent=1))
    for line in summary(outcomes, truth, words):
        typer.echo(line)


@contextmanager
def case_folders(path: Path, settings: Settings) -> Iterator[dict[str, Path]]:
    """Yield name → snapshot for each case in a folder or archive."""
    from sre_orchestrator.plugins.sources.snapshot.archive import unpacked  # noqa: PLC0415

    with unpacked(path, settings.snapshot_limits) as root:
        yield {
            entry.name.split(".")[0]: entry
            for entry in sorted(root.iterdir())
            if entry.is_dir() or ".tar" in entry.name or entry.suffix == ".zip"
        }


def run_cases(cases: Mapping[str, Path], settings: Settings, words: LabelMapping, jobs: int) -> list[Outcome]:
    """Diagnose the cases, in ``jobs`` processes, with a progress bar on standard error."""
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.progress import track  # noqa: PLC0415

    arguments = [(name, folder, settings, words) for name, folder in cases.items()]
    console = Console(stderr=True)
    if jobs == 1:
        return [
            run_case(one)
            for one in track(arguments, console=console, description="diagnosing", disable=not console.is_terminal)
        ]
    try:
        with ProcessPoolExecutor(jobs) as pool:
            results = pool.map(run_case, arguments)
            return list(
                track(
                    results,
                    total=len(arguments),
                    console=console,
                    description="diagnosing",
                    disable=not console.is_terminal,
                )
            )
    except BrokenProcessPool as error:
        raise SreError(f"a worker process died ({error}); try --jobs 1 to see which case") from error


def run_case(arguments: tuple[str, Path, Settings, LabelMapping]) -> Outcome:
    """Diagnose one case with everything that a fresh start would do, except importing the program."""
    from sre_orchestrator.api.wiring import Installation, diagnose_snapshot  # noqa: PLC0415

    name, folder, settings, words = arguments
    begun = time.process_time()
    try:
        installation = Installation(settings)
        bundle = anyio.run(lambda: diagnose_snapshot(installation, folder))
    except SreError as error:
        return Outcome(case=name, error=str(error))
    return Outcome(
        case=name,
        predictions=predictions_of(bundle.report.hypotheses, words, Graph(bundle.edges)),
        cpu_seconds=time.process_time() - begun,
        memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def summary(outcomes: Sequence[Outcome], truth: Mapping[str, Label], words: LabelMapping) -> Iterator[str]:
    """Yield the lines of the result: groups, overall, misses, cost."""
    yield f"{'':44} {'cases':>5} {'A@1':>6} {'A@3':>6}"
    groups = {
        **grouped(outcomes, truth, words, lambda label: label.fault_taxonomy),
        **grouped(outcomes, truth, words, lambda label: f"{label.fault_taxonomy} / {label.root_cause}"),
    }
    for name in sorted(groups):
        yield f"{name:44} {groups[name].cases:5} {groups[name].at_1:6.3f} {groups[name].at_3:6.3f}"
    overall = score(outcomes, truth, words)
    yield f"{'overall':44} {overall.cases:5} {overall.at_1:6.3f} {overall.at_3:6.3f}"
    for outcome in outcomes:
        rank = rank_of(outcome, truth[outcome.case], words)
        if rank != 1:
            yield _miss(outcome, truth[outcome.case], rank)
    yield from _reliability(calibration(outcomes, truth, words))
    cpu = [one.cpu_seconds for one in outcomes]
    memory = max((one.memory_mib for one in outcomes), default=0.0)
    yield f"CPU seconds a case: median {percentile(cpu, 0.5):.3f}, p95 {percentile(cpu, 0.95):.3f}; largest process {memory:.0f} MiB"


def _reliability(found: Calibration) -> Iterator[str]:
    yield f"confidence: Brier score {found.brier:.3f}; {found.coverage:.0%} of the cases at precision {found.precision:g} (confidence from {found.threshold:.2f})"
    for one in found.bins:
        if one.cases:
            yield f"  {one.low:.1f} to {one.high:.1f}: {one.cases:4} cases, confidence {one.confidence:.2f}, right {one.right:.2f}"


def _miss(outcome: Outcome, label: Label, rank: int) -> str:
    first = outcome.predictions[0] if outcome.predictions else None
    got = f"{first.root_cause} {first.fault_object} ({first.confidence:.2f})" if first else outcome.error or "nothing"
    found = f", right at rank {rank}" if rank else ""
    return f"missed {outcome.case}: {label.root_cause} {label.fault_object}, got {got}{found}"
