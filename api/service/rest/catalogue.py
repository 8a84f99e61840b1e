"""What this installation knows: its rules and plugins."""

from __future__ import annotations

from litestar import get
from litestar.datastructures import State

from sre_orchestrator.api.service.service import Service
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.plugins import PluginInfo


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


@get("/rules", tags=["catalogue"], sync_to_thread=False, summary="List the rules")
def rules(state: State) -> RuleList:
    """Return the rules of the book, and the files that were refused."""
    service: Service = state.service
    book = service.installation.book
    return RuleList(
        digest=book.digest,
        rules=tuple(
            RuleInfo(id=one.id, title=one.title, why=one.why, status=one.status, references=one.references)
            for one in book.rules
        ),
        problems=tuple(book.problems),
    )


@get("/plugins", tags=["catalogue"], sync_to_thread=False, summary="List the plugins")
def plugins(state: State) -> list[PluginInfo]:
    """Return the plugins that were found, and what is wrong with one that is not used."""
    service: Service = state.service
    return list(service.installation.plugins.found)
