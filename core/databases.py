"""Which databases, caches and brokers can be asked, by the schemes of their addresses."""

from __future__ import annotations

from urllib.parse import urlsplit

FAMILIES = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "redis": "redis",
    "rediss": "redis",
    "valkey": "redis",
    "rabbitmq+http": "rabbitmq",
    "rabbitmq+https": "rabbitmq",
}
NO_ADDRESS = (
    f"its address cannot be used; give one such as postgresql://USER@HOST:5432/NAME, with one of {', '.join(FAMILIES)}"
)


def is_address(url: str) -> bool:
    """Say whether ``url`` names a host and is of a family that can be asked.

    >>> is_address("postgresql://reader@db.shop:5432/shop"), is_address("oracle://db"), is_address("redis://")
    (True, False, False)
    """
    try:
        parts = urlsplit(url)
        return parts.scheme in FAMILIES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
