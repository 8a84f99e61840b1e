"""What this installation knows: its rules, causes, agents and plugins."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import PathParameter

from sre_orchestrator.api.service.agents import AgentHealth, health
from sre_orchestrator.api.service.rest.parameters import NO_NUL
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.core.hookspecs import Agent
from sre_orchestrator.core.models import Cause, Strength, Struct
from sre_orchestrator.core.plugins import PluginInfo
from sre_orchestrator.core.vocabulary import nearest
from sre_orchestrator.rules.model import Conclude, Rule

Known = Annotated[str, PathParameter(max_length=200, pattern=NO_NUL, description="The id of a rule or cause.")]


class RuleInfo(Struct, frozen=True, kw_only=True):
    """One rule of the book."""

    id: str
    title: str
    why: str
    status: str
    references: tuple[str, ...] = ()


class RuleList(Struct, frozen=True, kw_only=True):
    """The rule book: its digest is in every report."""

    digest: str
    rules: tuple[RuleInfo, ...]
    problems: tuple[str, ...] = ()


class Conclusion(Struct, frozen=True, kw_only=True):
    """What a rule says of a cause: it speaks for or against it."""

    cause: str
    polarity: Literal["for", "against"]
    strength: Strength


class RuleView(RuleInfo, frozen=True, kw_only=True):
    """One rule and what it concludes; ``derives`` names intermediate facts."""

    concludes: tuple[Conclusion, ...] = ()
    derives: tuple[str, ...] = ()


class CauseInfo(Struct, frozen=True, kw_only=True):
    """One entry of the cause catalogue, in short."""

    id: str
    title: str
    category: str


class CauseView(Cause, frozen=True, kw_only=True):
    """One entry of the cause catalogue, and the rules that speak for or against it."""

    rules: tuple[str, ...] = ()


class AgentInfo(AgentHealth, frozen=True, kw_only=True):
    """One agent: what it looks at, which facts it reports, and how it is."""

    name: str
    description: str
    kinds: tuple[str, ...]


@get("/rules", operation_id="listRules", tags=["catalogue"], sync_to_thread=False, summary="List the rules")
def rules(state: State) -> RuleList:
    """Return the rules of the book, and the files that were refused."""
    service: Service = state.service
    book = service.installation.book
    return RuleList(digest=book.digest, rules=tuple(map(_short, book.rules)), problems=tuple(book.problems))


@get("/rules/{name:str}", operation_id="getRule", tags=["catalogue"], sync_to_thread=False, summary="Read a rule")
def rule(name: Known, state: State) -> RuleView:
    """Return a rule and what it concludes."""
    service: Service = state.service
    known = {one.id: one for one in service.installation.book.rules}
    if name not in known:
        raise NotFoundException(f"there is no rule {name!r}{nearest(name, known)}")
    found = known[name]
    concluded = [one for one in found.then if isinstance(one, Conclude)]
    return RuleView(
        **{field: getattr(found, field) for field in RuleInfo.__struct_fields__},
        concludes=tuple(Conclusion(cause=one.cause, polarity=one.polarity, strength=one.strength) for one in concluded),
        derives=tuple(one.kind for one in found.then if not isinstance(one, Conclude)),
    )


@get("/causes", operation_id="listCauses", tags=["catalogue"], sync_to_thread=False, summary="List the causes")
def causes(state: State) -> list[CauseInfo]:
    """Return the cause catalogue, by id."""
    service: Service = state.service
    found = sorted(service.installation.book.causes.items())
    return [CauseInfo(id=one.id, title=one.title, category=one.category) for _, one in found]


@get("/causes/{name:str}", operation_id="getCause", tags=["catalogue"], sync_to_thread=False, summary="Read a cause")
def cause(name: Known, state: State) -> CauseView:
    """Return a cause: what it is, how it shows, what to do, and which rules speak for or against it."""
    service: Service = state.service
    book = service.installation.book
    if name not in book.causes:
        raise NotFoundException(f"there is no cause {name!r}{nearest(name, book.causes)}")
    found = book.causes[name]
    about = tuple(
        one.id for one in book.rules if any(isinstance(then, Conclude) and then.cause == name for then in one.then)
    )
    return CauseView(**{field: getattr(found, field) for field in Cause.__struct_fields__}, rules=about)


@get("/agents", operation_id="listAgents", tags=["catalogue"], sync_to_thread=True, summary="List the agents")
def agents(state: State) -> list[AgentInfo]:
    """Return the agents, by name, and how they were in the latest investigations that the caller may see."""
    service: Service = state.service
    known = health(service.store)
    found = sorted(service.installation.agents, key=lambda one: one.name)
    return [_agent(one, known.get(one.name, AgentHealth())) for one in found]


@get("/plugins", operation_id="listPlugins", tags=["catalogue"], sync_to_thread=False, summary="List the plugins")
def plugins(state: State) -> list[PluginInfo]:
    """Return the plugins that were found, and what is wrong with one that is not used."""
    service: Service = state.service
    return list(service.installation.plugins.found)


def _agent(one: Agent, how: AgentHealth) -> AgentInfo:
    return AgentInfo(
        name=one.name,
        description=one.description,
        kinds=tuple(sorted(one.kinds)),
        **{field: getattr(how, field) for field in AgentHealth.__struct_fields__},
    )


def _short(one: Rule) -> RuleInfo:
    return RuleInfo(id=one.id, title=one.title, why=one.why, status=one.status, references=one.references)


ROUTES = (rules, rule, causes, cause, agents, plugins)
