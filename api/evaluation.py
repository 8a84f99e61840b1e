"""Scores diagnoses of labelled incidents: accuracy at 1 and 3, cost, calibration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.identity import kind_of, name_of, namespace_of
from sre_orchestrator.core.models import Hypothesis, Struct, Verdict
from sre_orchestrator.core.reach import Graph

BINS = 10
TOP = 3


class Target(Struct, frozen=True, kw_only=True):
    """What a label means: our causes, and the kind of object it names (``app``, ``node``, ``namespace``)."""

    causes: tuple[str, ...]
    object: str


class LabelMapping(Struct, frozen=True, kw_only=True):
    """A mapping file: taxonomy → label → target. Without taxonomies, labels are our own causes and component ids."""

    format: int = 1
    taxonomies: dict[str, dict[str, Target]] = {}


OURS = LabelMapping()


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """The truth about one case; no ``root_cause`` means that nothing is wrong."""

    root_cause: str
    fault_object: str
    fault_taxonomy: str = ""


class Prediction(Struct, frozen=True, kw_only=True):
    """One ranked answer in the labels' vocabulary."""

    root_cause: str
    fault_object: str
    fault_taxonomy: str
    confidence: float = 0.0


class Outcome(Struct, frozen=True, kw_only=True):
    """One case: predictions in order, CPU seconds, an error if it could not be diagnosed."""

    case: str
    verdict: Verdict | None = None
    predictions: tuple[Prediction, ...] = ()
    cpu_seconds: float = 0.0
    memory_mib: float = 0.0
    error: str = ""


class Scores(Struct, frozen=True, kw_only=True):
    """Accuracy of a group of cases."""

    cases: int
    at_1: float
    at_3: float


def read_mapping(path: Path) -> LabelMapping:
    """Read a mapping file.

    Raises:
        InputError: it cannot be used.

    """
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=LabelMapping)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: {error}; see tests/benchmarks/cloud-opsbench.yaml for the form") from error


def read_labels(path: Path) -> dict[str, Label]:
    """Read ``{case: {root_cause, fault_object, fault_taxonomy}}``.

    Raises:
        InputError: it cannot be used.

    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Label])
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: {error}; expected {{case: {{root_cause, fault_object, fault_taxonomy}}}}") from error


def words_for(label: Label, mapping: LabelMapping) -> LabelMapping:
    """Return the words that ``label`` is written in: those of ``mapping`` if it knows the label, else our own."""
    return mapping if any(label.root_cause in labels for labels in mapping.taxonomies.values()) else OURS


def predictions_of(hypotheses: Sequence[Hypothesis], mapping: LabelMapping, graph: Graph) -> tuple[Prediction, ...]:
    """Return the hypotheses in the labels' words: unmapped ones dropped, equal ones merged, order kept."""
    if mapping == OURS:
        return tuple(
            Prediction(
                root_cause=one.cause,
                fault_object=one.component,
                fault_taxonomy=one.category,
                confidence=one.confidence,
            )
            for one in hypotheses
        )
    by_cause: dict[str, tuple[str, str, str]] = {}
    for taxonomy, labels in mapping.taxonomies.items():
        for label, target in labels.items():
            for cause in target.causes:
                by_cause.setdefault(cause, (taxonomy, label, target.object))
    found: dict[tuple[str, str], Prediction] = {}
    for hypothesis in hypotheses:
        if hypothesis.cause not in by_cause:
            continue
        taxonomy, label, kind = by_cause[hypothesis.cause]
        for named in _objects(kind, hypothesis.component, graph):
            answer = Prediction(
                root_cause=label, fault_object=named, fault_taxonomy=taxonomy, confidence=hypothesis.confidence
            )
            found.setdefault((label, named), answer)
    return tuple(found.values())


def _objects(kind: str, component: str, graph: Graph) -> tuple[str, ...]:
    """Return how the labels name ``component``: its node, its namespace, or the workload behind it."""
    if kind == "node":
        return (f"node/{name_of(component)}",) if kind_of(component) == "node" else ()
    if kind == "namespace":
        return (f"namespace/{namespace_of(component)}",)
    return (f"app/{name_of(workload_behind(component, graph))}",)


def workload_behind(component: str, graph: Graph) -> str:
    """Return the workload that owns ``component``, or that stands behind a service or claim.

    A service is followed to the pods it selects (or to the workload it depends on), a claim to
    what mounts it, configuration to what uses it; what leads nowhere is taken by its own name.
    """
    if kind_of(component) == "service":
        behind = [*graph.step("depends_on", component, "down"), *graph.step("selects", component, "down")]
    elif kind_of(component) == "persistentvolumeclaim":
        behind = [*graph.step("mounts", component, "up")]
    elif kind_of(component) in {"configmap", "secret"}:
        behind = [*graph.step("uses_config", component, "up"), *graph.step("uses_secret", component, "up")]
    elif kind_of(component) in {"ingress", "route"}:
        behind = [*graph.step("routes_to", component, "down")]
    else:
        behind = [component]
    owners = sorted({graph.workload(one) for one in behind})
    same_name = [one for one in owners if name_of(one) == name_of(component)]
    return (same_name or owners or [component])[0]


def hit(prediction: Prediction, label: Label, mapping: LabelMapping) -> bool:
    """Say whether cause and object are right; labels that mean the same causes are one."""
    return prediction.fault_object == label.fault_object and _same(prediction.root_cause, label.root_cause, mapping)


def _same(one: str, other: str, mapping: LabelMapping) -> bool:
    targets = {name: target for labels in mapping.taxonomies.values() for name, target in labels.items()}
    return one == other or (one in targets and other in targets and targets[one] == targets[other])


def score(outcomes: Iterable[Outcome], labels: Mapping[str, Label], mapping: LabelMapping) -> Scores:
    """Return the accuracy over ``outcomes``."""
    ranks = [rank_of(outcome, labels[outcome.case], mapping) for outcome in outcomes]
    count = max(len(ranks), 1)
    return Scores(
        cases=len(ranks),
        at_1=sum(rank == 1 for rank in ranks) / count,
        at_3=sum(0 < rank <= TOP for rank in ranks) / count,
    )


def rank_of(outcome: Outcome, label: Label, mapping: LabelMapping) -> int:
    """Return the rank (from 1) of the right answer, 0 when it is not there; where nothing is wrong, ``unresolved`` is right."""
    if not label.root_cause:
        return int(outcome.verdict == "unresolved")
    return next((n for n, one in enumerate(outcome.predictions, start=1) if hit(one, label, mapping)), 0)


def grouped(
    outcomes: Iterable[Outcome], labels: Mapping[str, Label], mapping: LabelMapping, group: Callable[[Label], str]
) -> dict[str, Scores]:
    """Return the accuracy of each group of cases."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[group(labels[outcome.case])].append(outcome)
    return {name: score(groups[name], labels, mapping) for name in sorted(groups)}


class Bin(Struct, frozen=True, kw_only=True):
    """The cases whose first answer has a confidence in ``low`` ≤ c < ``high``: mean confidence, share that is right."""

    low: float
    high: float
    cases: int
    confidence: float
    right: float


class Calibration(Struct, frozen=True, kw_only=True):
    """How far confidence can be believed.

    ``brier`` is the mean squared difference between the confidence of the first answer and 1 or 0
    for right or wrong (Brier, "Verification of forecasts expressed in terms of probability", 1950).
    ``coverage`` is the largest share of cases that can be answered, most confident first, while
    ``precision`` of the answers are right.
    """

    brier: float
    bins: tuple[Bin, ...]
    precision: float
    coverage: float
    threshold: float


def calibration(
    outcomes: Iterable[Outcome], labels: Mapping[str, Label], mapping: LabelMapping, precision: float = 0.9
) -> Calibration:
    """Return the calibration of the first answers; a case without an answer has confidence 0.

    Where nothing is wrong, every answer is wrong.
    """
    answers = sorted(
        (
            (
                one.predictions[0].confidence if one.predictions else 0.0,
                bool(labels[one.case].root_cause) and rank_of(one, labels[one.case], mapping) == 1,
            )
            for one in outcomes
        ),
        reverse=True,
    )
    covered, threshold, right = 0, 1.0, 0
    for count, (confidence, correct) in enumerate(answers, start=1):
        right += correct
        if confidence > 0 and right >= precision * count:
            covered, threshold = count, confidence
    return Calibration(
        brier=sum((confidence - correct) ** 2 for confidence, correct in answers) / max(len(answers), 1),
        bins=tuple(_bin(answers, number) for number in range(BINS)),
        precision=precision,
        coverage=covered / max(len(answers), 1),
        threshold=threshold,
    )


def _bin(answers: Sequence[tuple[float, bool]], number: int) -> Bin:
    low, high = number / BINS, (number + 1) / BINS
    inside = [one for one in answers if low <= one[0] < high or (number == BINS - 1 and one[0] == 1.0)]
    count = max(len(inside), 1)
    return Bin(
        low=low,
        high=high,
        cases=len(inside),
        confidence=sum(confidence for confidence, _ in inside) / count,
        right=sum(correct for _, correct in inside) / count,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` (0..1) of ``values`` lie; 0 for none."""
    if len(values) < 2:  # noqa: PLR2004 - quantiles need two
        return values[0] if values else 0.0
    import statistics  # noqa: PLC0415 - slow to import, and cases need it not

    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]
