"""Measures inference: chained rules over 1k, 10k and 100k facts, each engine. Prints, asserts nothing about time.

Run: ``python tests/benchmarks/bench_engine.py [facts …]``. durable-rules is measured where it is installed,
in the process itself: what its child costs beside its start. Half of the facts chain through a hundred
rules by joins on two attributes; every chain ends in a conclusion, so that 100k facts give about 350k firings.
"""

from __future__ import annotations

import math
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec

from sre_orchestrator.core.facts import fact_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.core.ports import Budget
from sre_orchestrator.rules.durable import NetworkPlan
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.model import Conclude, Derive, FactPattern, Ref, Rule, Test, Variant

RUNS = 5
RULES = 100
BUDGET = Budget(facts=10_000_000, firings=10_000_000, seconds=3600)


def rules() -> list[Rule]:
    """Return a hundred rules: each joins an observation with what the rule before derived, and passes it on."""
    return [_rule(number) for number in range(RULES)]


def _rule(number: int) -> Rule:
    seen = FactPattern(name="seen", kind=f"seen.{number}", tests=(Test(attribute="state", operator="eq", value="bad"),))
    patterns: tuple[FactPattern, ...] = (seen,)
    if number:
        same = Test(attribute="component", operator="eq", ref=Ref(name="seen", attribute="component"))
        group = Test(attribute="group", operator="eq", ref=Ref(name="seen", attribute="group"))
        patterns = (seen, FactPattern(name="before", kind=f"step.{number - 1}", tests=(same, group)))
    derive = Derive(kind=f"step.{number}", component="{seen.component}", attributes={"group": "{seen.group}"})
    kinds = ("worn", "torn", "bent")[: 2 + number % 2]
    conclusions = (
        Conclude(cause=one, component="{seen.component}", strength="weak", because="step {seen.group}") for one in kinds
    )
    return Rule(
        id=f"rule-{number}",
        title="chain",
        status="stable",
        why="benchmark",
        variants=(Variant(patterns=patterns),),
        then=(derive, *conclusions),
    )


def facts(count: int) -> list[Fact]:
    """Return ``count`` facts about ``count / RULES`` components."""
    made = []
    for number in range(count):
        kind, component = f"seen.{number % RULES}", f"pod/shop/pod-{number // RULES}"
        attributes: dict[str, str | int | float | bool] = {"state": "bad", "group": number // RULES % 7}
        made.append(
            Fact(
                id=fact_id("", kind, component, attributes),
                kind=kind,
                component=component,
                attributes=attributes,
                agent="b",
            )
        )
    return made


def one(engine: str, count: int) -> None:
    """Infer once in this process and print CPU seconds, peak MiB and firings."""
    plan, seen = NetworkPlan(rules()) if engine == "durable-rules" else Plan(rules(), {}, "bench"), facts(count)
    begun = time.process_time()
    found = plan.infer(seen, [], [], BUDGET)
    spent = time.process_time() - begun
    print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(found.derivations))


def main(sizes: Sequence[int]) -> None:
    """Print the measures of each engine that is installed."""
    for engine in ("semi-naive", "durable-rules") if find_spec("durable_rules_engine") else ("semi-naive",):
        _compare(engine, sizes)


def _compare(engine: str, sizes: Sequence[int]) -> None:
    """Print the median of five runs for each size, and the exponent of growth."""
    medians = []
    print(f"{engine}\n{'facts':>8} {'CPU s':>8} {'MiB':>7} {'firings':>9}")
    for count in sizes:
        runs = [_measured(engine, count) for _ in range(RUNS)]
        cpu, memory, firings = (statistics.median(values) for values in zip(*runs, strict=True))
        medians.append((count, cpu))
        print(f"{count:>8} {cpu:8.3f} {memory:7.0f} {firings:9.0f}")
    if len(medians) > 1:
        (low, fast), (high, slow) = medians[-2:]
        print(f"growth exponent {math.log(slow / fast) / math.log(high / low):.2f}")


def _measured(engine: str, count: int) -> tuple[float, float, float]:
    command = [sys.executable, __file__, "--one", engine, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    cpu, memory, firings = map(float, done.stdout.split())
    return cpu, memory, firings


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], int(sys.argv[3]))
    else:
        main([int(word) for word in sys.argv[1:]] or [1_000, 10_000, 100_000])
