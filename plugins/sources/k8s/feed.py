"""Follows kinds of objects, a thread each, and hands on in one place what they tell."""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.errors import SreError
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.sources.k8s.connection import Connection
from sre_orchestrator.plugins.sources.k8s.follower import Follower, News, Pace
from sre_orchestrator.plugins.sources.k8s.lists import Lists
from sre_orchestrator.plugins.sources.ports import Reached

TURN_SECONDS = 1.0
WAITING = 1000


class Feed:
    """The changes of one API server's objects; at most ``WAITING`` wait here, the rest where they come from."""

    def __init__(self, connection: Connection, lists: Lists, pace: Pace, chance: random.Random) -> None:
        self._connection = connection
        self._lists = lists
        self._pace = pace
        self._chance = chance

    def follow(
        self, kinds: Sequence[type[Object]], since: Mapping[type[Object], str], stop: threading.Event
    ) -> Iterator[News]:
        """Yield the changes, as ``ObjectFeed`` promises; in a quiet second, where the kind stands that was told of last.

        Raises:
            SreError: a kind cannot be followed, for a reason that is none of the server's.

        """
        waiting: queue.Queue[News | Failure] = queue.Queue(WAITING)
        done = threading.Event()

        def tell(news: News | Failure) -> None:
            while not done.is_set():
                try:
                    waiting.put(news, timeout=TURN_SECONDS)
                except queue.Full:
                    continue
                return

        followers = [Follower(kind, self._connection, self._lists, self._pace, self._chance) for kind in kinds]
        for one in followers:
            threading.Thread(
                target=_run, args=(one, since.get(one.kind, ""), tell), name=f"follow-{one.kind.__name__}", daemon=True
            ).start()
        try:
            yield from _told(waiting, stop)
        finally:
            done.set()
            for one in followers:
                one.end()


def _run(follower: Follower, version: str, tell: Callable[[News | Failure], None]) -> None:
    outcome = guarded(lambda: follower.run(version, tell))
    if isinstance(outcome, Failure):
        tell(Failure(why=f"{follower.kind.__name__} objects cannot be followed: {outcome.why}"))


def _told(waiting: queue.Queue[News | Failure], stop: threading.Event) -> Iterator[News]:
    last: Reached | None = None
    while not stop.is_set():
        try:
            news = waiting.get(timeout=TURN_SECONDS)
        except queue.Empty:
            if last:
                yield last
            continue
        if isinstance(news, Failure):
            raise SreError(news.why)
        if news.resource_version:
            last = Reached(kind=news.kind, resource_version=news.resource_version)
        yield news
