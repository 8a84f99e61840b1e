"""Runs the network of durable_rules, and is the program of the child process that it runs in.

The C module is driven directly: no Host, no threads, no timers, no actions of its own. All observed facts
are told before the first activation is taken; every activation is decided again in Python, with all that
the network does not know (paths, counts, absence, order, regular expressions); a session is deleted before
the next begins.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import IO, Protocol, cast

import msgspec

from sre_orchestrator.core.models import Coverage, Edge, Fact, Struct
from sre_orchestrator.core.ports import Budget
from sre_orchestrator.rules.compiled import CompiledRule
from sre_orchestrator.rules.counts import counted
from sre_orchestrator.rules.engine import Delta, Plan, Run
from sre_orchestrator.rules.firing import Firings
from sre_orchestrator.rules.joins import captured, join, passes, plan_steps, value_of
from sre_orchestrator.rules.memory import Row
from sre_orchestrator.rules.model import EdgePattern, FactPattern, Rule
from sre_orchestrator.rules.network import KIND, Found, Network, fnv
from sre_orchestrator.rules.stratify import joined_late

SIZE_BYTES = 8
SESSION = "s"
STEP = 1_000_003


class Request(Struct, frozen=True, kw_only=True):
    """One inference: what the child is asked."""

    facts: tuple[Fact, ...]
    edges: tuple[Edge, ...]
    coverage: tuple[Coverage, ...]
    budget: Budget


class Engine(Protocol):
    """What is used of the C module ``durable_rules_engine``, which ships no types."""

    def create_ruleset(self, name: str, ruleset: str) -> int:
        """Return the handle of a new ruleset."""
        ...

    def assert_fact(self, handle: int, message: str) -> tuple[int, int]:
        """Return a result code and the offset of the session."""
        ...

    def start_action_for_state(self, handle: int, state: int) -> tuple[str, str] | None:
        """Return the state and the first activation, as JSON."""
        ...

    def complete_and_start_action(self, handle: int, state: int) -> str | None:
        """Return the next activation."""
        ...

    def delete_state(self, handle: int, session: str) -> None:
        """Delete a session."""
        ...

    def delete_ruleset(self, handle: int) -> None:
        """Delete a ruleset."""
        ...


class Session:
    """One session of the network: facts go in, activations come out."""

    def __init__(self, engine: Engine, handle: int, network: Network) -> None:
        self._engine = engine
        self._handle = handle
        self._network = network
        self._rows: dict[str, Row] = {}
        self._hashes: set[int] = set()
        self._state = 0
        self._told = 0
        self._tell({KIND: "boot"})
        # deleting a session in which nothing was ever activated frees what was never allocated
        self._engine.start_action_for_state(handle, self._state)
        self._engine.complete_and_start_action(handle, self._state)

    def tell(self, row: Row) -> None:
        """Assert a fact."""
        if row.fact is not None and row.fact.kind in self._network.kinds:
            self._rows[self._tell(self._network.message(row))] = row

    def found(self) -> Iterator[tuple[Found, dict[str, Row]]]:
        """Yield what the network found since it was last asked: an alternative of a rule and its facts by name."""
        begun = self._engine.start_action_for_state(self._handle, self._state)
        message = begun[1] if begun else None
        while message:
            ((activation, facts),) = json.loads(message).items()
            found = self._network.found[activation]
            yield found, {name: self._rows[facts[f"m{place}_"]["id"]] for place, name in enumerate(found.names)}
            message = self._engine.complete_and_start_action(self._handle, self._state)

    def close(self) -> None:
        """Delete the session."""
        self._engine.delete_state(self._handle, SESSION)

    def _tell(self, message: dict[str, object]) -> str:
        self._told += 1
        number = self._told
        while fnv(f"f{number}") in self._hashes:
            number += STEP
        name = f"f{number}"
        self._hashes.add(fnv(name))
        _, state = self._engine.assert_fact(self._handle, json.dumps({**message, "id": name, "sid": SESSION}))
        self._state = state or self._state
        return name


class NetworkRun(Run):
    """A run in which the network finds the joins of the rules that it holds."""

    def __init__(self, firings: Firings, session: Session, plan: NetworkPlan) -> None:
        super().__init__(firings)
        self._session = session
        self._plan = plan
        self._waiting: dict[int, list[tuple[Found, dict[str, Row]]]] = defaultdict(list)
        for kind in plan.network.kinds:
            for row in self.memory.rows(kind, (), ()):
                session.tell(row)

    def begin(self, rules: Sequence[CompiledRule]) -> Delta:
        """Fire the rules of a stratum on every fact; return what is new."""
        delta = super().begin(self._others(rules))
        self._fire_found(rules[0].rule.stratum, delta)
        return delta

    def follow(self, rules: Sequence[CompiledRule], new: Delta) -> Delta:
        """Fire the rules on what is ``new``, joined with everything; return what is new then."""
        for rows in new.values():
            for row in rows:
                self._session.tell(row)
        delta = super().follow(self._others(rules), new)
        self._fire_found(rules[0].rule.stratum, delta)
        return delta

    def _others(self, rules: Sequence[CompiledRule]) -> list[CompiledRule]:
        return [rule for rule in rules if rule.rule.id in self._plan.network.refused]

    def _fire_found(self, stratum: int, delta: Delta) -> None:
        """Fire what was found for rules of ``stratum``; what belongs to a later one waits until that is complete."""
        for found, facts in self._session.found():
            self._waiting[found.rule.stratum].append((found, facts))
        made: list[Fact] = []
        for found, facts in self._waiting.pop(stratum, ()):
            rule = self._plan.compiled(found.rule)
            # an alternative that comes first decides first, whichever the network found first
            for place in range(found.place + 1):
                for binding in self._bindings(rule, place, facts):
                    made += self.firings.fire(rule, binding)
        self.add(made, delta)

    def _bindings(self, rule: CompiledRule, place: int, facts: dict[str, Row]) -> Iterator[dict[str, Row]]:
        """Yield the bindings of one alternative with these facts: paths joined, every condition decided."""
        late = joined_late(rule.rule.variants[place], rule.rule)
        early = [one for one in rule.rule.variants[place].patterns if one not in late]
        patterns = {one.name: one for one in early if isinstance(one, FactPattern)}
        if patterns.keys() != facts.keys() or len({row.ids for row in facts.values()}) < len(facts):
            return
        rows = {name: row.with_values(captured(patterns[name], row)) for name, row in facts.items()}
        paths = [one for one in early if isinstance(one, EdgePattern)]
        for binding in join(plan_steps(paths, None, rows.keys()), self.memory, rows):
            if all(_holds(pattern, binding) for pattern in patterns.values()):
                yield from counted(rule, rule.variants[place].after, self.memory, binding)


def _holds(pattern: FactPattern, binding: dict[str, Row]) -> bool:
    row = binding[pattern.name]
    same_kind = row.fact is not None and row.fact.kind == pattern.kind
    return same_kind and all(passes(test, row, value_of(test, binding)) for test in pattern.tests)


class NetworkPlan(Plan):
    """The plan inside the child process."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        super().__init__(rules, {}, "")
        self.network = Network(self.rules)
        self._engine = cast("Engine", import_module("durable_rules_engine"))
        self._handle = self._engine.create_ruleset("rules", self.network.ruleset)
        self._sessions: list[Session] = []

    def close_sessions(self) -> None:
        """Delete the sessions of past inferences."""
        while self._sessions:
            self._sessions.pop().close()

    def close(self) -> None:
        """Delete the sessions, then the ruleset: the other way round leaks them."""
        self.close_sessions()
        self._engine.delete_ruleset(self._handle)

    def _run(self, firings: Firings) -> Run:
        self.close_sessions()
        self._sessions.append(Session(self._engine, self._handle, self.network))
        return NetworkRun(firings, self._sessions[-1], self)


def send(stream: IO[bytes], content: bytes) -> None:
    """Write one message: its size and its content."""
    stream.write(len(content).to_bytes(SIZE_BYTES, "big") + content)
    stream.flush()


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Read the rules, then answer one request after the other until there are no more."""
    plan = NetworkPlan(msgspec.msgpack.decode(_next(questions), type=tuple[Rule, ...]))
    while content := _next(questions):
        asked = msgspec.msgpack.decode(content, type=Request)
        inference = plan.infer(asked.facts, asked.edges, asked.coverage, asked.budget)
        plan.close_sessions()
        send(answers, msgspec.msgpack.encode(inference))
    plan.close()


def _next(stream: IO[bytes]) -> bytes:
    return stream.read(int.from_bytes(stream.read(SIZE_BYTES), "big"))


def main() -> None:
    """Serve the process that started this one."""
    serve(sys.stdin.buffer, sys.stdout.buffer)
