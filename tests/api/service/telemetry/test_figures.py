"""What is counted: every investigation once, under labels from closed lists."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import msgspec
import pytest
from observing import CAUSE, REPORTED, Unheard, Walked, diagnosed, promtool, value
from reports import report
from service import bundle_of

from sre_orchestrator.api.service.telemetry import Figures, Observed, Telemetry
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Cost, Gap, ModelUse
from sre_orchestrator.core.pipeline import Bundle


def observed(end: Callable[[], Bundle], *, limit_seconds: float = 300.0) -> Figures:
    telemetry = Telemetry(figures=Figures(["logs", "metrics"], [CAUSE]), limit_seconds=limit_seconds)
    one = Observed(Walked(end), telemetry)
    try:
        anyio.run(one.investigate, "i1", REPORTED, Unheard())
    except InputError:
        assert value(telemetry.figures, "investigations_running") == 0
    return telemetry.figures


def refused() -> Bundle:
    raise InputError("it cannot be investigated")


def test_a_diagnosis_counts_by_verdict_and_cause_with_its_steps_agents_and_gaps() -> None:
    gaps = (
        Gap(agent="logs", what="a", why="b"),
        Gap(agent="logs", what="c", why="d"),
        Gap(agent="x/y", what="", why=""),
    )

    figures = observed(lambda: diagnosed(gaps=gaps))

    assert value(figures, "investigations_total", verdict="diagnosed", cause=CAUSE) == 1
    assert value(figures, "investigation_duration_seconds_count") == 1
    counts = {"prepare": 1, "gather": 1, "infer": 2, "rank": 2, "narrate": 1}
    assert {one: value(figures, "step_duration_seconds_count", step=one) for one in counts} == counts
    assert value(figures, "agent_duration_seconds_count", agent="logs") == 1
    assert value(figures, "agent_errors_total", agent="logs") == 0
    assert value(figures, "agent_errors_total", agent="metrics") == 1
    assert value(figures, "gaps_total", agent="logs") == 2
    assert value(figures, "investigations_running") == 0


def test_what_is_on_no_list_becomes_no_label() -> None:
    figures = observed(lambda: diagnosed("text from a cluster", (Gap(agent="pod/shop/x", what="", why=""),)))
    figures.answered("BREW", "/metrics", 400, 0.1)

    assert value(figures, "investigations_total", verdict="diagnosed", cause="other") == 1
    assert value(figures, "agent_duration_seconds_count", agent="other") == 1
    assert value(figures, "gaps_total", agent="other") == 1
    assert value(figures, "http_requests_total", method="other", route="/metrics", status="400") == 1
    assert b"text from a cluster" not in figures.text()
    assert b"pod/shop" not in figures.text()


@pytest.mark.parametrize(
    ("end", "limit", "verdict"),
    [
        (refused, 300.0, "failed"),
        (diagnosed, 0.0, "late"),
        (lambda: bundle_of(report(verdict="unresolved")), 300.0, "unresolved"),
    ],
)
def test_what_proved_nothing_has_no_cause(end: Callable[[], Bundle], limit: float, verdict: str) -> None:
    figures = observed(end, limit_seconds=limit)

    assert value(figures, "investigations_total", verdict=verdict, cause="") == 1
    assert value(figures, "investigation_duration_seconds_count") == 1


def test_calls_and_tokens_of_models_are_those_of_the_cost() -> None:
    narrate = ModelUse(calls=3, prompt_tokens=1000, completion_tokens=200, failures=("no answer in time",))
    cost = Cost(llm_calls=4, tokens=1205, model={"narrate": narrate, "own": ModelUse(calls=1, prompt_tokens=5)})
    bundle = msgspec.structs.replace(diagnosed(), cost=cost)

    figures = observed(lambda: bundle)

    assert value(figures, "model_calls_total", step="narrate") == 3
    assert value(figures, "model_tokens_total", step="narrate") == 1200
    assert value(figures, "model_failures_total", step="narrate") == 1
    assert value(figures, "model_calls_total", step="other") == 1
    assert value(figures, "model_calls_total", step="read") == 0


def test_a_rate_sees_the_first_of_its_kind() -> None:
    figures = Figures(["logs"])

    assert value(figures, "investigations_total", verdict="failed", cause="") == 0
    assert value(figures, "agent_errors_total", agent="logs") == 0


def test_names_units_and_help_are_as_prometheus_wants_them() -> None:
    figures = observed(diagnosed)
    figures.answered("GET", "/readyz", 200, 0.01)
    figures.notified("slack", "delivered")

    assert promtool("check", "metrics", stdin=figures.text()) == ""


class Broken:
    """Traces that cannot be made."""

    def investigated(self, *_: object) -> None:
        """Fail."""
        raise RuntimeError("no traces")


def test_telemetry_that_fails_breaks_no_investigation() -> None:
    telemetry = Telemetry(traces=Broken())  # type: ignore[arg-type] # stands in for what cannot be trusted

    bundle = anyio.run(Observed(Walked(diagnosed), telemetry).investigate, "i1", REPORTED, Unheard())

    assert bundle.report.verdict == "diagnosed"
