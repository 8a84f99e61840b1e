"""Reads the address of a database: what it is, where, as whom; the password is kept out of every text."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from sre_orchestrator.core.databases import FAMILIES, NO_ADDRESS, is_address
from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.settings import DatabaseAccess
from sre_orchestrator.plugins.objects.addresses import service_of

PORTS = {"postgres": 5432, "mysql": 3306, "redis": 6379, "rabbitmq": 15672}
SECURE = frozenset({"rediss", "rabbitmq+https"})
LONGEST = 4096


class Address(Struct, frozen=True, kw_only=True):
    """Where a database is and who asks; ``secure``: by TLS. ``name`` is the database, the number of one, or a virtual host."""

    family: str
    host: str
    port: int
    user: str = ""
    password: str = ""
    name: str = ""
    secure: bool = False

    def __repr__(self) -> str:
        """Show no password."""
        return f"{self.family} {self.host}:{self.port}"

    def without_password(self, text: str) -> str:
        """Return ``text`` with the password replaced, wherever a server or a library quotes it."""
        return text.replace(self.password, "***") if self.password else text


def address_of(access: DatabaseAccess) -> Address:
    """Return the address that settings name, with the password of its file; files are read now.

    Raises:
        SourceMissing: a file cannot be read or the address is none; the text holds neither address nor password.

    """
    text = _content(access.url_file, f"databases {access.name}: url_file") if access.url_file else access.url
    if not is_address(text):
        raise SourceMissing(f"databases {access.name}: {NO_ADDRESS}")
    parts = urlsplit(text)
    family = FAMILIES[parts.scheme]
    password = unquote(parts.password or "")
    if access.password_file:
        password = _content(access.password_file, f"databases {access.name}: password_file")
    return Address(
        family=family,
        host=parts.hostname or "",
        port=parts.port or PORTS[family],
        user=unquote(parts.username or ""),
        password=password,
        name=unquote(parts.path.strip("/")),
        secure=parts.scheme in SECURE or bool(access.ca_file),
    )


def component_of(access: DatabaseAccess) -> str:
    """Return the component that settings name, else the service of the cluster that the address does, else ``""``."""
    if access.component:
        return access.component
    try:
        service = service_of(address_of(access).host, "")
    except SourceMissing:
        return ""
    return f"service/{service[0]}/{service[1]}" if service and service[0] and not service[0].isdecimal() else ""


def _content(file: str, key: str) -> str:
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise SourceMissing(f"{key}: {file}: {why}; name a readable file, such as a key of a mounted Secret") from error
    if not text or len(text) > LONGEST or "\n" in text:
        raise SourceMissing(f"{key}: {file}: is empty or more than one line; write one value into it")
    return text
