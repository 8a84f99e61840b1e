"""What tools answer: short forms of what REST answers, with a count of what was left out.

Texts of the cluster are data and stand in fields of their own.
"""

from __future__ import annotations

from datetime import datetime

from sre_orchestrator.api.service.components import Direction
from sre_orchestrator.api.service.models import Status
from sre_orchestrator.core.models import Edge, Gap, Missing, Proof, Scalar, Step, Struct, Verdict
from sre_orchestrator.rules.whynot import Trial


class Accepted(Struct, frozen=True, kw_only=True):
    """Where the incident is kept; ``folded`` says that it was counted into one that was open already."""

    incident: str
    status: Status
    folded: bool
    next: str = "Call get_incident with this id and wait_seconds 20; an investigation takes seconds to minutes."


class Suspect(Struct, frozen=True, kw_only=True):
    """A hypothesis in short. ``confidence`` is between 0 and 1, ``explains`` counts symptoms.

    ``because`` says in a sentence what proves it; ``commands`` of the remedy are for a person, who decides.
    """

    number: int
    cause: str
    component: str
    title: str
    confidence: float
    because: str
    explains: int
    explained_by: str = ""
    undecided: int = 0
    remedy: tuple[Step, ...] = ()
    next_question: str = ""


class Findings(Struct, frozen=True, kw_only=True):
    """What an investigation found, the most probable hypothesis first; ``symptoms`` and ``ruled_out`` are counts.

    ``gaps`` are what could not be seen, and what would show it: they could hide causes.
    """

    hypotheses: tuple[Suspect, ...]
    more_hypotheses: int
    ruled_out: int
    symptoms: int
    gaps: tuple[Gap, ...]
    more_gaps: int


class Summary(Struct, frozen=True, kw_only=True):
    """An incident in short. Times are UTC; ``seen`` counts how often it was reported.

    ``verdict`` (``diagnosed`` or ``unresolved``) and ``findings`` are there when ``status`` is ``done``, ``error`` when
    it is ``failed``. ``next`` says how to go on.
    """

    id: str
    status: Status
    description: str
    namespace: str
    cluster: str
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    seen: int
    merged_into: str = ""
    verdict: Verdict | None = None
    error: str = ""
    findings: Findings | None = None
    next: str


class Line(Struct, frozen=True, kw_only=True):
    """One incident of a list; ``cause``, ``component`` and ``confidence`` are those of its first hypothesis."""

    id: str
    status: Status
    description: str
    created_at: datetime
    seen: int
    resolved_at: datetime | None = None
    verdict: Verdict | None = None
    cause: str = ""
    component: str = ""
    confidence: float = 0.0


class Lines(Struct, frozen=True, kw_only=True):
    """A page of incidents, the latest first; ``next_cursor`` is empty on the last page."""

    items: tuple[Line, ...]
    next_cursor: str


class Seen(Struct, frozen=True, kw_only=True):
    """One fact: what was observed of which component, when (UTC), and the command that shows it to a person."""

    kind: str
    component: str
    attributes: dict[str, Scalar]
    observed_at: datetime | None = None
    command: str = ""


class Explanation(Struct, frozen=True, kw_only=True):
    """The proof of a hypothesis: ``proof`` and ``against`` are trees of rules, whose ``facts`` are ids in ``facts``.

    ``terms`` are the log odds that add up to the confidence; ``missing`` are conditions that nobody could decide.
    """

    incident: str
    number: int
    cause: str
    component: str
    title: str
    confidence: float
    because: str
    terms: dict[str, float]
    proof: tuple[Proof, ...]
    against: tuple[Proof, ...]
    more_proofs: int = 0
    missing: tuple[Missing, ...] = ()
    changes: tuple[str, ...] = ()
    facts: dict[str, Seen] = {}
    more_facts: int = 0


class Tried(Struct, frozen=True, kw_only=True):
    """Rule by rule what kept a cause from being concluded, those that lack least first.

    A rule without ``unmet`` conditions did conclude it.
    """

    incident: str
    cause: str
    component: str
    trials: tuple[Trial, ...]
    more_trials: int = 0


class About(Struct, frozen=True, kw_only=True):
    """A component and its relations, read ``source kind target``; ``since`` (UTC) is when it was first seen so."""

    id: str
    attributes: dict[str, Scalar]
    since: datetime | None = None
    edges: tuple[Edge, ...] = ()
    more_edges: int = 0


class Reached(Struct, frozen=True, kw_only=True):
    """Component ids, nearest first: what suffers (``up``) or what is needed (``down``)."""

    component: str
    direction: Direction
    hops: int
    components: tuple[str, ...]
    more_components: int = 0


class Passage(Struct, frozen=True, kw_only=True):
    """A runbook; ``text`` is its beginning, ``excerpt`` the passage that fits best, ``bytes`` the length of all of it."""

    id: str
    title: str
    excerpt: str
    text: str
    bytes: int
    rest: str


class Passages(Struct, frozen=True, kw_only=True):
    """The runbooks that fit, best first."""

    items: tuple[Passage, ...]
    more: bool = False
