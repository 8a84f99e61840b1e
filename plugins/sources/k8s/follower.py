"""Follows one kind: lists it, watches it from there, goes on where a watch ended, lists again when it must.

Where nobody tells of changes (``Connection.native``) it is listed again and again.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.sources.k8s.connection import FORBIDDEN, GONE, NOT_FOUND, ApiError, Connection
from sre_orchestrator.plugins.sources.k8s.lists import Lists
from sre_orchestrator.plugins.sources.k8s.resources import Resource, View, views_of
from sre_orchestrator.plugins.sources.k8s.streams import Streams
from sre_orchestrator.plugins.sources.k8s.watch import Garbled, lines_in, news_in
from sre_orchestrator.plugins.sources.ports import Changed, Reached, Relisted

News = Relisted | Changed | Reached
Tell = Callable[[News], None]
ANEW = frozenset({GONE, FORBIDDEN, NOT_FOUND})


class Pace(Struct, frozen=True, kw_only=True):
    """How long a watch lasts, how long it may be quiet, and how long to wait after a failure; in seconds.

    A watch lasts one to two times ``watch_seconds``; API servers send a bookmark each minute. Pauses are half to
    one and a half times as long as said; they double from the first to the longest until something works again.
    A list that cannot be watched is due again after ``relist_seconds``, or after as long as it took.
    """

    watch_seconds: float = 240.0
    quiet_seconds: float = 90.0
    settled_seconds: float = 5.0
    first_pause: float = 0.5
    longest_pause: float = 60.0
    absent_pause: float = 300.0
    relist_seconds: float = 60.0


PACE = Pace()


class Follower:
    """Follows ``kind`` in the thread that calls ``run``, until another one calls ``end``."""

    def __init__(
        self, kind: type[Object], connection: Connection, lists: Lists, pace: Pace, chance: random.Random
    ) -> None:
        self.kind = kind
        self._connection = connection
        self._lists = lists
        self._pace = pace
        self._chance = chance
        self._ended = threading.Event()
        self._streams = Streams()

    def end(self) -> None:
        """Let ``run`` return, whatever it waits for."""
        self._ended.set()
        self._streams.end()

    def run(self, version: str, tell: Tell) -> None:
        """Tell what happens after ``version``, or without one begin with a list; ``tell`` may block."""
        pauses = _Pauses(self._pace, self._chance)
        resource, views = self._lists.resource(self.kind), views_of(self.kind)
        while not self._ended.is_set():
            if not version or resource is None:
                begun = time.monotonic()
                read = self._lists.read(self.kind, anew=True)
                version, resource, views = read.version if self._connection.native else "", read.resource, read.views
                tell(Relisted(kind=self.kind, listing=read.listing, resource_version=version))
                if read.version and not version:
                    pauses.until_due(time.monotonic() - begun, self._ended)
                    continue
            if resource is None or not version:
                pauses.wait(self._ended, absent=resource is None)
                continue
            begun = time.monotonic()
            self._watch(resource, views, version, tell)
            version = ""
            pauses.after(time.monotonic() - begun, self._ended)

    def _watch(self, resource: Resource, views: Sequence[View], version: str, tell: Tell) -> None:
        """Tell the changes after ``version``; return when only a new list helps."""
        self._streams = streams = Streams()
        if self._ended.is_set():
            return
        stands = _Stands(views, version)
        others = [
            threading.Thread(target=self._stay, args=(resource, view, stands, streams, tell), daemon=True)
            for view in views[1:]
        ]
        for one in others:
            one.start()
        self._stay(resource, views[0], stands, streams, tell)
        for one in others:
            one.join()

    def _stay(self, resource: Resource, view: View, stands: _Stands, streams: Streams, tell: Tell) -> None:
        """Watch one view again and again; when it must be listed anew, end the streams of the others too."""
        pauses = _Pauses(self._pace, self._chance)
        while not streams.over.is_set():
            before, begun = stands.at(view), time.monotonic()
            try:
                for news in self._news(resource, view, before, streams):
                    tell(stands.move(view, news))
            except Garbled:
                if stands.at(view) == before:
                    break
            except ApiError as error:
                if error.status in ANEW:
                    break
            moved = stands.at(view) != before
            pauses.after(self._pace.settled_seconds if moved else time.monotonic() - begun, streams.over)
        streams.end()

    def _news(self, resource: Resource, view: View, version: str, streams: Streams) -> Iterator[Changed | Reached]:
        seconds = self._pace.watch_seconds * self._chance.uniform(1, 2)
        query: dict[str, str | int] = {
            **view.query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": max(1, round(seconds)),
        }
        path, accept = resource.path(view.namespace), view.accept("PartialObjectMetadata")
        response = self._connection.open(path, query, accept, quiet_seconds=self._pace.quiet_seconds)
        with streams.reading(response):
            for line in lines_in(self._connection.chunks(response)):
                yield news_in(line, self.kind)


class _Stands:
    """Up to which version each view of a kind has been told; safe for the threads of the views."""

    def __init__(self, views: Sequence[View], version: str) -> None:
        self._begun = version
        self._versions = dict.fromkeys(views, version)
        self._lock = threading.Lock()

    def at(self, view: View) -> str:
        """Return where a view stands."""
        return self._versions[view]

    def move(self, view: View, news: Changed | Reached) -> News:
        """Note the version of ``news`` and return them with the one up to which every view has been told."""
        with self._lock:
            self._versions[view] = news.resource_version or self._versions[view]
            if len(self._versions) == 1:
                return news
            every = self._versions.values()
            least = min(every, key=int) if all(one.isdigit() for one in every) else self._begun
        return msgspec.structs.replace(news, resource_version=least)


class _Pauses:
    """Waits longer and longer until something works again."""

    def __init__(self, pace: Pace, chance: random.Random) -> None:
        self._pace = pace
        self._chance = chance
        self._next = pace.first_pause

    def after(self, lasted: float, ended: threading.Event) -> None:
        """Wait after something that lasted so many seconds; not at all when it went well for a while."""
        if lasted >= self._pace.settled_seconds:
            self._next = self._pace.first_pause
        else:
            self.wait(ended)

    def until_due(self, took: float, ended: threading.Event) -> None:
        """Wait until a list that took so many seconds is to be read again."""
        self._next = self._pace.first_pause
        ended.wait(max(self._pace.relist_seconds, took) * self._chance.uniform(0.5, 1.5))

    def wait(self, ended: threading.Event, *, absent: bool = False) -> None:
        """Wait until the next attempt, or until ``ended``; longer where the server does not know or forbids the kind."""
        seconds = self._pace.absent_pause if absent else self._next
        ended.wait(seconds * self._chance.uniform(0.5, 1.5))
        self._next = min(self._next * 2, self._pace.longest_pause)
