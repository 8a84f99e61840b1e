"""What runbooks mean for an incident: their checks marked from its facts, their commands with its names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set

import msgspec

from sre_orchestrator.core.commands import names_in, steps_of
from sre_orchestrator.core.knowledge import CheckText, Fence
from sre_orchestrator.core.models import Check, Coverage, Fact, Hypothesis, Runbook
from sre_orchestrator.core.proof import facts_of
from sre_orchestrator.core.vocabulary import Vocabulary
from sre_orchestrator.rules.checks import mark, read_checks
from sre_orchestrator.rules.texts import place_of

CHECK = "check"
Fences = Callable[[str], Sequence[Fence]]


class Guidance:
    """A ``core.ports.Guide``; ``fences`` gives the blocks of code of the document at an address, in order."""

    def __init__(self, fences: Fences, vocabulary: Vocabulary, derived: Set[str]) -> None:
        self._fences = fences
        self._vocabulary = vocabulary
        self._derived = derived

    def guided(
        self, hypothesis: Hypothesis, facts: Mapping[str, Fact], coverage: Sequence[Coverage]
    ) -> tuple[Runbook, ...]:
        """Return the runbooks of ``hypothesis`` with all checks of their documents, and commands from the passage on."""
        names = names_in(hypothesis, [facts[one] for one in dict.fromkeys(facts_of(hypothesis.proof)) if one in facts])
        found = []
        for runbook in hypothesis.runbooks:
            document, line = place_of(runbook.address)
            fences = self._fences(document)
            checks = tuple(self._checks(document, fences, hypothesis.component, facts, coverage))
            from_there = sorted(fences, key=lambda fence: (fence.line < line, fence.line))
            steps = steps_of(runbook.title, from_there, names)
            found.append(msgspec.structs.replace(runbook, checks=checks, steps=steps))
        return tuple(found)

    def _checks(
        self,
        document: str,
        fences: Sequence[Fence],
        component: str,
        facts: Mapping[str, Fact],
        coverage: Sequence[Coverage],
    ) -> Iterator[Check]:
        for fence in fences:
            if fence.language == CHECK:
                text = CheckText(origin=f"{document}:{fence.line}", text=fence.text)
                conditions, _ = read_checks(text, self._vocabulary)
                yield from mark(
                    conditions, component, facts=tuple(facts.values()), coverage=coverage, derived=self._derived
                )
