"""Pseudonyms for addresses that keep what is told from them: private or public, and which are of one network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPV4 = re.compile(r"(?<![A-Za-z0-9.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)", re.ASCII)
IPV6 = re.compile(r"(?<![\w:])[0-9A-Fa-f]*+:[0-9A-Fa-f:]++(?!\w|\.\d)", re.ASCII)
# Where pseudonyms are taken from: the class of the address itself, for public ones what is nobody's (RFC 2544, RFC 1112).
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
_NOBODYS = (IPv4Network("198.18.0.0/15"), IPv4Network("240.0.0.0/5"))
_LOCAL6 = IPv6Network("fc00::/7")
_NET = 8
_ENDS = frozenset({0, 255})  # "any", masks and broadcasts


class Addresses:
    """Pseudonyms of one incident; what is the same everywhere (loopback, link-local, masks) stays."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._used: set[int] = set()
        self._nets: dict[int, int] = {}
        self._nets6: dict[int, int] = {}
        self._free: dict[tuple[IPv4Network, ...], Iterator[int]] = {}
        self._count = 0

    def see(self, text: str) -> None:
        """Note the networks of ``text``: no pseudonym is to be one of them."""
        for match in IPV4.finditer(text):
            if address := _parsed(match[0]):
                self._seen.add(int(address) >> _NET)

    def pseudonym(self, spelled: str) -> str | None:
        """Return another address of the same class, ``None`` where it stays or is none; the last byte of IPv4 stays."""
        address = _parsed(spelled)
        if isinstance(address, IPv6Address):
            return self._six(address)
        if address is None or _everywhere(address):
            return None
        net = int(address) >> _NET
        if net not in self._nets:
            own = tuple(one for one in _PRIVATE if address in one) or _NOBODYS
            self._nets[net] = next(self._free.setdefault(own, self._unseen(own)))
            self._used.add(self._nets[net])
        return str(IPv4Address((self._nets[net] << _NET) + int(address) % (1 << _NET)))

    def _unseen(self, pools: tuple[IPv4Network, ...]) -> Iterator[int]:
        """Return the networks, from the middle of the class on; those that were seen only when no other is left."""
        return (
            net
            for seen in (False, True)
            for net in _middle_first(pools)
            if net not in self._used and (net in self._seen) is seen
        )

    def _six(self, address: IPv6Address) -> str | None:
        if address.is_loopback or address.is_unspecified or address.is_multicast:
            return None
        self._count += 1
        if address.is_link_local:
            return str(IPv6Address((0xFE80 << 112) + self._count))
        net = self._nets6.setdefault(int(address) >> 64, len(self._nets6) + 1)
        prefix = 0xFD00 << 112 if address in _LOCAL6 else 0x20010DB8 << 96
        return str(IPv6Address(prefix + (net << 64) + self._count))


def _middle_first(pools: tuple[IPv4Network, ...]) -> Iterator[int]:
    for pool in pools:
        first, many = int(pool.network_address) >> _NET, pool.num_addresses >> _NET
        yield from (first + (many // 2 + number) % many for number in range(many))


def _parsed(spelled: str) -> IPv4Address | IPv6Address | None:
    try:
        return IPv6Address(spelled) if ":" in spelled else IPv4Address(spelled)
    except ValueError:
        return None


def _everywhere(address: IPv4Address) -> bool:
    return address.is_loopback or address.is_link_local or address.is_multicast or int(address) >> 24 in _ENDS
