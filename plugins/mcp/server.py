"""One server and the rules for it: which tools may be called, how often, for how long, and when it is started again."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import msgspec

from sre_orchestrator.core.mcp_servers import McpServer
from sre_orchestrator.core.models import Scalar
from sre_orchestrator.core.vocabulary import nearest
from sre_orchestrator.plugins.mcp.answers import Answer, McpProblem
from sre_orchestrator.plugins.mcp.session import Greeting, Session, Tool, Transport

LONGEST_WAIT_SECONDS = 60.0
LISTED_AGAIN_SECONDS = 60.0


_shared: dict[bytes, Server] = {}
_sharing = threading.Lock()


def shared(settings: McpServer) -> Server:
    """Return the server of these settings, the same one for all in this process: it is started once, not for each investigation."""
    with _sharing:
        return _shared.setdefault(msgspec.json.encode(settings, order="sorted"), Server(settings))


def end_shared(servers: Iterable[McpServer]) -> None:
    """End the servers of these settings; whoever still asks one starts it again."""
    for settings in servers:
        with _sharing:
            server = _shared.pop(msgspec.json.encode(settings, order="sorted"), None)
        if server:
            server.close()


class Server:
    """A server of the settings; it is started when it is first asked something, and again when it has died.

    After the first failure at once; after each further one in a row it is left alone for twice as long, a minute at most.
    """

    def __init__(
        self,
        settings: McpServer,
        *,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._transport = transport
        self._clock = clock
        self._session: Session | None = None
        self._failures = 0
        self._again_at = 0.0
        self._last = ""
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Return its name in the settings."""
        return self.settings.name

    @property
    def greeting(self) -> Greeting:
        """Return what it calls itself, once it has been asked something."""
        return self._session.greeting if self._session else Greeting()

    def visit(self, *, calls: int = 0, seconds: float = 0.0) -> Visit:
        """Return what one investigation may ask of it: as many calls, for as long as settings say, or as given."""
        return Visit(
            self,
            calls=calls or self.settings.calls,
            seconds=seconds or self.settings.total_seconds,
            clock=self._clock,
        )

    def session(self) -> Session:
        """Return an open connection.

        Raises:
            McpProblem: there is none, or it is left alone for a while.

        """
        with self._lock:
            if self._session and self._session.is_open:
                return self._session
            if self._session:
                self._drop("the server has ended")
            wait = self._again_at - self._clock()
            if wait > 0:
                raise McpProblem(f"it is left alone for {wait:.0f} s more, since {self._last}", "see its log")
            session = Session(self.settings, self._transport)
            try:
                session.open()
            except McpProblem as problem:
                session.close()
                self._failed(str(problem))
                raise
            atexit.unregister(self.close)
            atexit.register(self.close)
            self._session = session
            return session

    def lost(self, session: Session, why: str) -> None:
        """Give up a connection that has failed, so that the next question opens another one."""
        with self._lock:
            if self._session is session:
                self._drop(why)

    def worked(self) -> None:
        """Forget earlier failures."""
        self._failures = 0

    def close(self) -> None:
        """End the connection."""
        with self._lock:
            if self._session:
                self._session.close()
                self._session = None
        atexit.unregister(self.close)

    def _drop(self, why: str) -> None:
        if self._session:
            self._session.close()
        self._session = None
        self._failed(why)

    def _failed(self, why: str) -> None:
        self._failures += 1
        self._last = why
        wait = min(2.0 ** (self._failures - 2), LONGEST_WAIT_SECONDS) if self._failures > 1 else 0.0
        self._again_at = self._clock() + wait


class Visit:
    """What one investigation asks of a server: so many calls, for so long, of tools that are there and only read."""

    def __init__(self, server: Server, *, calls: int, seconds: float, clock: Callable[[], float]) -> None:
        self._server = server
        self._clock = clock
        self._left = calls
        self._most = calls
        self._seconds = seconds
        self._deadline = clock() + seconds
        self._tools: Mapping[str, Tool] = {}
        self._listed_at = float("-inf")

    def tools(self) -> Mapping[str, Tool]:
        """Return the tools by name, as the server lists them now, or a minute ago where it told of no change.

        Raises:
            McpProblem: it does not.

        """
        session = self._server.session()
        if session.changed.is_set() or self._clock() - self._listed_at > LISTED_AGAIN_SECONDS:
            try:
                self._tools = {one.name: one for one in session.tools()}
            except McpProblem as problem:
                if problem.passing:
                    self._server.lost(session, str(problem))
                raise
            self._listed_at = self._clock()
        return self._tools

    def allowed(self, name: str, *, trusted: bool) -> Tool:
        """Return a tool that may be called.

        Raises:
            McpProblem: the server has no such tool, or does not say that it only reads.

        """
        tools = self.tools()
        if name not in tools:
            raise McpProblem(f"it has no tool {name!r}{nearest(name, tools)}", "see sre-orchestrator mcp tools")
        tool = tools[name]
        if tool.read_only is not True and not trusted:
            said = "says that it changes things" if tool.read_only is False else "does not say that it only reads"
            raise McpProblem(
                f"tool {name!r} {said}, so it is not called",
                "start the server so that it only reads, or set trusted for the tool if you know that it does",
            )
        return tool

    def call(self, name: str, arguments: Mapping[str, Scalar], *, trusted: bool = False) -> Answer:
        """Return what a tool answers; a server that dies over it is started again once.

        Raises:
            McpProblem: it may not be called (again), does not answer in time, or answers that it failed.

        """
        answer = None
        with suppress(_Again):
            answer = self._call(name, arguments, trusted=trusted, again=True)
        answer = answer or self._call(name, arguments, trusted=trusted, again=False)
        if answer.failed:
            raise McpProblem(f"tool {name!r} says: {answer.shown}", "see its log, and the arguments in the settings")
        return answer

    def _call(self, name: str, arguments: Mapping[str, Scalar], *, trusted: bool, again: bool) -> Answer:
        settings = self._server.settings
        tool = self.allowed(name, trusted=trusted)
        left = self._deadline - self._clock()
        if not self._left:
            raise McpProblem(f"{self._most} calls were made already", f"raise calls of mcp_servers {settings.name}")
        if left <= 0:
            more = f"raise total_seconds of mcp_servers {settings.name}"
            raise McpProblem(f"its answers took {self._seconds:g} s already", more)
        self._left -= 1
        session = self._server.session()
        try:
            answer = session.call(name, _typed(arguments, tool), min(settings.call_seconds, left))
        except McpProblem as problem:
            if problem.passing:
                self._server.lost(session, str(problem))
                self._listed_at = float("-inf")
                if again and not session.pipe.problem.startswith("an answer"):
                    raise _Again from problem
            raise
        self._server.worked()
        return answer


def _typed(arguments: Mapping[str, Scalar], tool: Tool) -> dict[str, Scalar]:
    """Return the arguments, numbers as text where the tool takes only that."""
    return {
        name: str(value)
        if tool.arguments.get(name) in ("string", "string|null") and not isinstance(value, str)
        else value
        for name, value in arguments.items()
    }


class _Again(Exception):  # noqa: N818 - it is what to do
    """The server died, for the first time."""
