"""Progress of something long that is done in parts, where nobody looks at it."""

from __future__ import annotations


class Unwatched:
    """Progress that nobody looks at."""

    def expect(self, parts: int) -> None:
        """Say nothing."""

    def done(self, what: str) -> None:
        """Say nothing."""
