"""Events of both APIs, core/v1 and events.k8s.io/v1, under one set of names."""

from __future__ import annotations

from datetime import datetime

from sre_orchestrator.plugins.objects.meta import Object, Part, Time


class Involved(Part, frozen=True, kw_only=True):
    """The object that an event is about."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    field_path: str = ""


class EventSource(Part, frozen=True, kw_only=True):
    """Who reported."""

    component: str = ""
    host: str = ""


class EventSeries(Part, frozen=True, kw_only=True):
    """A repeated event."""

    count: int = 0
    last_observed_time: Time | None = None


class Event(Object, frozen=True, kw_only=True):
    """An event; read ``about``, ``text``, ``times``, ``first`` and ``last`` whichever API it came from."""

    type: str = ""
    reason: str = ""
    message: str = ""
    note: str = ""
    count: int | None = None
    series: EventSeries | None = None
    involved_object: Involved | None = None
    regarding: Involved | None = None
    source: EventSource | None = None
    reporting_component: str = ""
    reporting_controller: str = ""
    first_timestamp: Time | None = None
    last_timestamp: Time | None = None
    event_time: Time | None = None

    @property
    def about(self) -> Involved:
        """Return the object it is about."""
        return self.involved_object or self.regarding or Involved()

    @property
    def text(self) -> str:
        """Return the message."""
        return self.message or self.note

    @property
    def times(self) -> int:
        """Return how often it was seen."""
        return max(self.count or 0, self.series.count if self.series else 0, 1)

    @property
    def first(self) -> datetime | None:
        """Return when it was first seen."""
        return self.first_timestamp or self.event_time or self.metadata.creation_timestamp

    @property
    def last(self) -> datetime | None:
        """Return when it was last seen."""
        series = self.series.last_observed_time if self.series else None
        return series or self.last_timestamp or self.event_time or self.first

    @property
    def reporter(self) -> str:
        """Return the component that reported it."""
        return self.reporting_component or self.reporting_controller or (self.source.component if self.source else "")
