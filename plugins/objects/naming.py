"""Compares names that people write differently: services, route ids, segments of paths."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

_NO_NAME = re.compile(r"^(?:v\d+|api|apis|rest|public|internal|services?|app|web|gateway|index|static)?$")
_WILD = re.compile(r"[*{}()$\\|?+<>].*")
MANY = 3
TELLING = 2


class ServiceNames:
    """What the services of a namespace are called in short, so that paths and ids can be compared with them."""

    def __init__(self, services: Sequence[str]) -> None:
        firsts = Counter(name.partition("-")[0] for name in services)
        self._shared = {word for word, count in firsts.items() if count >= MANY and 2 * count >= len(services)}
        self._known: dict[str, str] = {}
        for name in sorted(services):
            for short in self.shorts(name):
                self._known.setdefault(short, name)

    def named(self, term: str) -> str | None:
        """Return the service that a term names."""
        return next((self._known[one] for one in self.shorts(term) if one in self._known), None)

    def of_path(self, path: str) -> str | None:
        """Return the service that the first telling segment of a path names."""
        return next(filter(None, map(self.named, segments(path))), None)

    def same(self, term: str, service: str) -> bool:
        """Say whether a term names ``service``."""
        return bool(set(self.shorts(term)) & set(self.shorts(service)))

    def shorts(self, name: str) -> list[str]:
        """Return the comparable forms of a name: whole, and without the word that most services begin with."""
        first, _, rest = name.partition("-")
        forms = [name, rest] if rest and first in self._shared else [name]
        return [one for form in forms if (one := plain(form))]


def segments(path: str) -> Iterator[str]:
    """Yield the first segments of a path that can name something: no versions, wildcards or ``api``.

    >>> list(segments("/api/v1/orders/**")), list(segments("^/cart$"))
    (['orders'], ['cart'])
    """
    found = (_WILD.sub("", one).strip("^~=") for one in path.split("/"))
    yield from [one for one in found if not _NO_NAME.match(one.lower())][:TELLING]


@lru_cache(maxsize=8192)
def plain(name: str) -> str:
    """Return letters and digits in lower case without a ``service`` ending and a plural ``s``.

    >>> plain("Orders-Service"), plain("order_svc"), plain("address")
    ('order', 'order', 'address')
    """
    letters = re.sub(r"(?<=.)(?:services?|svc)$", "", re.sub(r"[^a-z0-9]", "", name.lower()))
    return re.sub(r"(?<=[a-rt-z]{2})s$", "", letters)
