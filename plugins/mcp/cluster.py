"""A Kubernetes cluster through an MCP server: tools of the server stand in for requests to the API.

Everything above a request stays as it is (``plugins.sources.k8s``): what the server cannot do is answered as an API
server would that does not offer it, and becomes the same gaps.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence

import msgspec

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.mcp_servers import ClusterTools, McpServer, StandIn
from sre_orchestrator.core.models import Scalar
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.mcp.answers import McpProblem, content_of
from sre_orchestrator.plugins.mcp.filling import filled, is_plain
from sre_orchestrator.plugins.mcp.paths import first_at
from sre_orchestrator.plugins.mcp.server import Server, Visit, shared
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.k8s import Cluster
from sre_orchestrator.plugins.sources.k8s.connection import FORBIDDEN, NOT_FOUND, ApiError, Query
from sre_orchestrator.plugins.sources.k8s.other import cluster_by
from sre_orchestrator.plugins.sources.ports import ClusterObjects

_LIST = re.compile(
    r"/(?:api|apis/(?P<group>[\w.-]+))/(?P<version>\w+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[\w.]+)"
)
_LOG = re.compile(r"/api/v1/namespaces/(?P<namespace>[^/]+)/pods/(?P<pod>[^/]+)/log")
_KINDS = {(one.group, one.plural): one for one in KINDS.values()}
_ABSENT = re.compile(r"no matches for kind|not ?found|could not find the requested resource", re.IGNORECASE)
_DENIED = re.compile(r"forbidden|unauthorized|not allowed|denied", re.IGNORECASE)
METHOD_NOT_ALLOWED = 405
WELL_KNOWN = {"leases": ("kube-node-lease",)}  # where nodes say that they live, also where namespaces may not be listed
WHOLE_LOG = 100_000
MOST_NAMESPACES = 200
MOST_CALLS = 20_000  # every kind in every namespace, and the log of every container
RENEWED_SECONDS = (
    30.0  # a cluster that is listed for days learns of new namespaces, and may ask more than one look does
)
TOGETHER = 8


class Requests:
    """Answers requests to the Kubernetes API by calls of tools."""

    def __init__(self, server: Server, tools: ClusterTools, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._tools = tools
        self._clock = clock
        self._visit = self._begun()
        self._namespaces: tuple[str, ...] | None = None
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(TOGETHER)

    def __call__(self, path: str, query: Query) -> bytes:
        """Return what an API server would answer.

        Raises:
            ApiError: the server cannot say, or says that it failed.

        """
        if "watch" in query:
            raise ApiError("MCP servers do not tell of changes", METHOD_NOT_ALLOWED)
        if log := _LOG.fullmatch(path):
            return self._log(log["namespace"], log["pod"], query)
        if listed := _LIST.fullmatch(path):
            return self._list(listed, query)
        raise ApiError(f"MCP servers do not tell {path}", NOT_FOUND)

    def prove(self) -> None:
        """Ask for the namespaces, which shows whether anything can be had.

        Raises:
            McpProblem: the server cannot be reached.
            ApiError: its tool cannot be used.

        """
        self._visit.tools()
        self._every_namespace()

    def _begun(self) -> Visit:
        self._renewed_at = self._clock()
        return self._server.visit(calls=MOST_CALLS, seconds=float("inf"))

    def _list(self, listed: re.Match[str], query: Query) -> bytes:
        group, plural, namespace = listed["group"] or "", listed["plural"], listed["namespace"] or ""
        known = _KINDS.get((group, plural)) or _KINDS.get(("", plural))
        if known is None:
            raise ApiError(f"MCP servers do not tell of {plural}", NOT_FOUND)
        values: dict[str, Scalar] = {
            "api_version": f"{group}/{listed['version']}" if group else listed["version"],
            "kind": known.kind,
            "selector": str(query.get("fieldSelector", "")),
        }
        # a server may take "all namespaces" for "those that I may see", so each is asked for by its name
        places: Sequence[str] = [namespace]
        if known.namespaced and not namespace:
            places = tuple(dict.fromkeys((*self._every_namespace(), *WELL_KNOWN.get(plural, ()))))
        items: list[object] = []
        for place in places:
            items += self._items(self._tools.list, {**values, "namespace": place})
        return msgspec.json.encode({"metadata": {"resourceVersion": "0"}, "items": items})

    def _every_namespace(self) -> tuple[str, ...]:
        with self._lock:
            if self._clock() - self._renewed_at > RENEWED_SECONDS:
                self._visit, self._namespaces = self._begun(), None
            if self._namespaces is None:
                values: dict[str, Scalar] = {"api_version": "v1", "kind": "Namespace", "selector": "", "namespace": ""}
                names = [first_at(one, "metadata.name") for one in self._items(self._tools.list, values)]
                self._namespaces = tuple(name for name in names if isinstance(name, str) and is_plain(name))
            if len(self._namespaces) > MOST_NAMESPACES:
                raise ApiError(f"403 more than {MOST_NAMESPACES} namespaces; name those that matter", FORBIDDEN)
            return self._namespaces

    def _items(self, use: StandIn, values: dict[str, Scalar]) -> list[object]:
        try:
            with self._places:
                answer = self._visit.call(use.tool, _given(use, values), trusted=use.trusted)
            content = content_of(answer, "yaml")
        except McpProblem as problem:
            raise _refused(problem) from problem
        found = first_at(content, use.items)
        found = content if found is None and isinstance(content, list) else found
        if not isinstance(found, list):
            raise ApiError(f"what the tool {use.tool!r} answered has no list at {use.items}")
        return found

    def _log(self, namespace: str, pod: str, query: Query) -> bytes:
        use = self._tools.log
        if use is None:
            raise ApiError("MCP servers without a tool for logs tell none", NOT_FOUND)
        values: dict[str, Scalar] = {
            "namespace": namespace,
            "pod": pod,
            "container": str(query.get("container", "")),
            "previous": query.get("previous") == "true",
            "lines": int(query.get("tailLines", WHOLE_LOG)),
        }
        try:
            with self._places:
                text = self._visit.call(use.tool, _given(use, values), trusted=use.trusted).text.encode()
        except McpProblem as problem:
            raise _refused(problem) from problem
        return text[: int(query["limitBytes"])] if "limitBytes" in query else text


def open_mcp_cluster(settings: Settings, server: McpServer, objects: ClusterObjects | None = None) -> Cluster:
    """Return the cluster that a server tells of; the server is started unless it runs, and stays for the next one.

    Raises:
        InputError: the server cannot be reached, or may not be asked.

    """
    return cluster_by(prove_cluster(server), settings, place=f"MCP server {server.name}", objects=objects)


def prove_cluster(server: McpServer) -> Requests:
    """Return what answers requests, after it has answered one.

    Raises:
        InputError: the server cannot be reached, or may not be asked.

    """
    requests = Requests(shared(server), server.cluster or _none(server))
    try:
        requests.prove()
    except (McpProblem, ApiError) as problem:
        raise InputError(f"mcp_servers {server.name}: {problem}; see sre-orchestrator mcp check") from problem
    return requests


def _none(server: McpServer) -> ClusterTools:
    raise InputError(f"mcp_servers {server.name}: has no tools for objects; give cluster, or a preset that has it")


def _given(use: StandIn, values: dict[str, Scalar]) -> dict[str, Scalar]:
    """Return the arguments of a call, without those that are empty."""
    given = {name: filled(text, values) for name, text in use.arguments.items()}
    return {name: value for name, value in given.items() if value != ""}


def _refused(problem: McpProblem) -> ApiError:
    why = str(problem)
    status = NOT_FOUND if _ABSENT.search(why) else FORBIDDEN if _DENIED.search(why) else 0
    return ApiError(why, status, passing=problem.passing)
