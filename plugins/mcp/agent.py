"""Asks a server's tools about the scope of an incident and reports what they answer as facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence

from sre_orchestrator.core.errors import SettingsError
from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources
from sre_orchestrator.core.mcp_servers import McpServer
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.vocabulary import Vocabulary
from sre_orchestrator.plugins.mcp.answers import McpProblem
from sre_orchestrator.plugins.mcp.checking import complaints_of
from sre_orchestrator.plugins.mcp.filling import Call, calls_of
from sre_orchestrator.plugins.mcp.known import resolved_all
from sre_orchestrator.plugins.mcp.mapping import Left, Types, facts_in, query_of
from sre_orchestrator.plugins.mcp.server import Server, Visit, shared


def agents_of(servers: Sequence[McpServer]) -> Sequence[Agent]:
    """Return an agent for each server whose results are facts."""
    return [McpAgent(shared(one)) for one in resolved_all(servers) if one.tools]


class McpAgent:
    """Reports what one server's tools answer; it keeps the server running between incidents."""

    def __init__(self, server: Server) -> None:
        settings = server.settings
        self.name = settings.agent
        self.description = settings.description or f"what the MCP server {settings.name} tells"
        self.examples = settings.examples
        self.kinds = frozenset(mapping.kind for use in settings.tools for mapping in use.facts)
        self.server = server
        self._types: Types = {}

    def learn(self, vocabulary: Vocabulary) -> None:
        """Check the mapping of results against the vocabulary, and remember the types of attributes.

        Raises:
            SettingsError: it names what the vocabulary has not.

        """
        if complaints := complaints_of(self.server.settings, vocabulary):
            raise SettingsError("\n".join(complaints))
        self._types = {
            kind: {name: attribute.type for name, attribute in vocabulary.kinds[kind].attributes.items()}
            for kind in self.kinds
        }

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield the facts that the tools tell about the scope, and what they did not tell."""
        visit = self.server.visit()
        try:
            visit.tools()
        except McpProblem as problem:
            yield self._gap("everything it would tell", problem)
            return
        observe = Observer(self.name, sources.cluster)
        found = 0
        for use in self.server.settings.tools:
            whole = True
            for call in calls_of(use, scope):
                for one in self._asked(visit, call, scope, observe):
                    whole = whole and not isinstance(one, Gap)
                    found += isinstance(one, Fact)
                    if found > self.server.settings.facts:
                        yield self._gap(
                            "further facts",
                            McpProblem(
                                f"{self.server.settings.facts} were reported already",
                                f"ask for less, or raise facts of mcp_servers {self.server.name}",
                            ),
                        )
                        return
                    yield one
            if whole:
                for mapping in use.facts:
                    if mapping.complete:
                        for namespace in scope.namespaces:
                            yield Coverage(kind=mapping.kind, scope=f"namespace/{namespace}")

    def close(self) -> None:
        """End the server."""
        self.server.close()

    def _asked(self, visit: Visit, call: Call, scope: Scope, observe: Observer) -> Iterator[Fact | Gap]:
        """Yield the facts of one call; what went wrong with it is a gap."""
        left: Counter[Left] = Counter()
        try:
            answer = visit.call(call.use.tool, call.arguments, trusted=call.use.trusted)
            for one in facts_in(answer, call, scope, observe, self._types):
                if isinstance(one, Left):
                    left[one] += 1
                else:
                    yield one
        except McpProblem as problem:
            yield self._gap(query_of(call), problem)
        for one, times in left.items():
            what = f"{times} of the facts of kind {one.kind} in: {query_of(call)}"
            yield self._gap(
                what, McpProblem(one.why, "correct the mapping in the settings: sre-orchestrator mcp check")
            )

    def _gap(self, what: str, problem: McpProblem) -> Gap:
        return Gap(agent=self.name, what=what, why=f"MCP server {self.server.name}: {problem}", remedy=problem.remedy)
