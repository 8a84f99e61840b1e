"""Asks the name servers of the place that this runs in, within a time; the door to dnspython."""

from __future__ import annotations

import dns.exception
import dns.resolver

TRIES = 3


class UnresolvedError(Exception):
    """A name has no address; the words say why."""


class Names:
    """Resolves names as programs in this place do: by its name servers and search list."""

    def __init__(self, timeout: float, resolver: dns.resolver.Resolver | None = None) -> None:
        self._timeout = timeout
        self._resolver = resolver

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses of ``name``, those of IPv6 where it has no others.

        Raises:
            UnresolvedError: it has none, or nobody answers within the time.

        """
        try:
            resolver = self._resolver or dns.resolver.Resolver()
            resolver.timeout = self._timeout / TRIES
            return self._asked(resolver, name, "A") or self._asked(resolver, name, "AAAA")
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as error:
            raise UnresolvedError(f"could not resolve {name}: no such host") from error
        except dns.resolver.LifetimeTimeout as error:
            raise UnresolvedError(f"could not resolve {name}: no name server answers in time") from error
        except dns.exception.DNSException as error:
            raise UnresolvedError(f"could not resolve {name}: {error}") from error

    def _asked(self, resolver: dns.resolver.Resolver, name: str, kind: str) -> tuple[str, ...]:
        answer = resolver.resolve(name, kind, lifetime=self._timeout, search=True, raise_on_no_answer=kind == "AAAA")
        return tuple(record.address for record in answer)
