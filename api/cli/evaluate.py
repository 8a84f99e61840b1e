"""``sre-orchestrator evaluate``: accuracy and cost on labelled recorded incidents."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from sre_orchestrator.api.case import Job
from sre_orchestrator.api.cli.common import SettingsOption, StateOption, settings_from
from sre_orchestrator.api.diagram import reliability
from sre_orchestrator.api.evaluation import (
    OURS,
    Calibration,
    Label,
    LabelMapping,
    Outcome,
    calibration,
    grouped,
    percentile,
    rank_of,
    read_labels,
    read_mapping,
    score,
    words_for,
)
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.snapshot.archive import SUFFIXES, unpacked

LABELS = "labels.json"
CASE = "sre_orchestrator.api.case"
CASE_SECONDS = 600


def evaluate(
    cases: Annotated[
        list[Path], typer.Argument(help="Folders or archives with one folder a case.", show_default=False)
    ],
    mapping: Annotated[
        Path | None,
        typer.Option(help="How labels name our causes; by default they are our causes.", show_default=False),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="The truth; by default labels.json beside the cases.", show_default=False)
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Where to write the ranked predictions.")] = None,
    diagram: Annotated[
        Path | None, typer.Option(help="Where to draw the reliability of the confidence (SVG).", show_default=False)
    ] = None,
    jobs: Annotated[int, typer.Option(help="How many processes at a time.", min=1)] = 1,
    only: Annotated[str, typer.Option(help="A pattern that case names must match.")] = "*",
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Diagnose every case in a process of its own and compare with the labels; no language model is used.

    A label without a root cause says that nothing is wrong; right is then a report that resolves nothing.

    Example:
      sre-orchestrator evaluate ./cases --labels labels.json --mapping mapping.yaml --output predictions.json --jobs 2

    """
    words, configured = read_mapping(mapping) if mapping else OURS, settings_from(settings, state_dir)
    with labelled(cases, labels, configured) as (folders, truth):
        chosen = {name: folder for name, folder in folders.items() if fnmatch(name, only)}
        if not chosen:
            raise InputError(f"{cases[0]}: holds no case that {labels or LABELS} names and {only!r} matches")
        todo = [
            Job(case=name, snapshot=str(folder), settings=configured, mapping=words_for(truth[name], words))
            for name, folder in chosen.items()
        ]
        outcomes = run_jobs(todo, jobs)
    if output:
        predictions = {one.case: one.predictions for one in outcomes}
        _write(output, msgspec.json.format(msgspec.json.encode(predictions), indent=1))
    if diagram:
        _write(diagram, reliability(calibration(outcomes, truth, words)).encode())
    for line in summary(outcomes, truth, words):
        typer.echo(line)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}; choose another place") from error


@contextmanager
def labelled(
    cases: Sequence[Path], labels: Path | None, settings: Settings
) -> Iterator[tuple[dict[str, Path], dict[str, Label]]]:
    """Yield name → snapshot for each case that has a label, and the labels.

    Raises:
        InputError: a folder or its labels cannot be read, or two cases have the same name.

    """
    folders: dict[str, Path] = {}
    truth: dict[str, Label] = {}
    with ExitStack() as opened:
        for path in cases:
            inside, beside = opened.enter_context(case_folders(path, settings))
            known = read_labels(labels or beside)
            if twice := sorted(folders.keys() & inside.keys() & known.keys()):
                raise InputError(f"{path}: a case {twice[0]!r} is in another folder too; rename one of them")
            folders |= {name: folder for name, folder in inside.items() if name in known}
            truth |= known
        yield folders, truth


@contextmanager
def case_folders(path: Path, settings: Settings) -> Iterator[tuple[dict[str, Path], Path]]:
    """Yield name → snapshot for each case in a folder or archive, and where labels would be beside them."""
    with unpacked(path, settings.snapshot_limits) as root:
        inside = list(root.iterdir())
        home = inside[0] if len(inside) == 1 and inside[0].is_dir() else root
        cases = {_case_name(entry): entry for entry in sorted(home.iterdir())}
        yield {name: entry for name, entry in cases.items() if name}, home / LABELS


def _case_name(entry: Path) -> str:
    """Return what a case in this folder or archive is called; nothing when it is neither."""
    if entry.is_dir():
        return entry.name
    return next((entry.name.removesuffix(one) for one in SUFFIXES if entry.name.endswith(one)), "")


def run_jobs(todo: Sequence[Job], jobs: int) -> list[Outcome]:
    """Diagnose the cases, ``jobs`` at a time, with a progress bar on standard error when that is a terminal."""
    if not sys.stderr.isatty():
        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(run_job, todo))
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.progress import track  # noqa: PLC0415

    with ThreadPoolExecutor(jobs) as pool:
        results = pool.map(run_job, todo)
        return list(track(results, total=len(todo), console=Console(stderr=True), description="diagnosing"))


def run_job(job: Job) -> Outcome:
    """Diagnose one case in a fresh process, so that its cost includes the start of the program."""
    command = [sys.executable, "-m", CASE]
    try:
        done = subprocess.run(
            command, input=msgspec.json.encode(job), capture_output=True, timeout=CASE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome(case=job.case, error=f"not diagnosed within {CASE_SECONDS} seconds")
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return Outcome(case=job.case, error=last or f"the process ended with {done.returncode}")
    return msgspec.json.decode(done.stdout, type=Outcome)


def summary(outcomes: Sequence[Outcome], truth: Mapping[str, Label], words: LabelMapping) -> Iterator[str]:
    """Yield the lines of the result: groups, overall, misses, cost."""
    yield f"{'':44} {'cases':>5} {'A@1':>6} {'A@3':>6}"
    groups = {
        **grouped(outcomes, truth, words, lambda label: label.fault_taxonomy),
        **grouped(
            outcomes, truth, words, lambda label: " / ".join(filter(None, (label.fault_taxonomy, label.root_cause)))
        ),
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
    yield (
        f"CPU seconds a case, start of the program included: median {percentile(cpu, 0.5):.3f}, "
        f"p95 {percentile(cpu, 0.95):.3f}; largest process {memory:.0f} MiB"
    )


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
