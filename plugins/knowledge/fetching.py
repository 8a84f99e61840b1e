"""Fetches runbooks from web servers: of hosts that the settings allow only, also after redirections, and bounded."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import httpx

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.core.settings import KnowledgeSettings

MOST_REDIRECTIONS = 5
REDIRECTED, FAILED = 300, 400
SHOWN = 300


class Page(Struct, frozen=True, kw_only=True):
    """What a server answered: the media type that it tells, and the bytes."""

    media_type: str
    content: bytes


def is_url(place: str) -> bool:
    """Say whether ``place`` is the address of a page, not a path."""
    return place.lower().startswith(("http://", "https://"))


def fetch(url: str, settings: KnowledgeSettings) -> Page:
    """Return the page at ``url``.

    Raises:
        InputError: its host is not allowed, it cannot be reached, answers with an error, or weighs too much.

    """
    client = httpx.Client(timeout=settings.timeout_seconds, trust_env=False, follow_redirects=False)
    here = url
    try:
        with client:
            for _ in range(MOST_REDIRECTIONS + 1):
                _allow(url, here, settings)
                with client.stream("GET", here) as answer:
                    if not REDIRECTED <= answer.status_code < FAILED:
                        return _page(url, answer, settings)
                    here = urljoin(here, answer.headers.get("location", ""))
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        what = f"{type(error).__name__}: {error}"[:SHOWN]
        raise InputError(
            without_secrets(f"{url}: cannot be fetched: {what}; see whether it can be reached from here")
        ) from error
    raise InputError(without_secrets(f"{url}: redirects more than {MOST_REDIRECTIONS} times; name the page itself"))


def _allow(url: str, here: str, settings: KnowledgeSettings) -> None:
    """Refuse a host that the settings do not name."""
    try:
        parts = urlsplit(here)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InputError(without_secrets(f"{url}: is no address: {error}; correct it")) from error
    if parts.username or parts.password:
        raise InputError(f"{without_secrets(url)}: holds a user or password; save the page as a file")
    name = f"[{host}]" if ":" in host else host
    known = {one.lower() for one in settings.allowed_hosts}
    if parts.scheme not in ("http", "https") or not known & {host, name, f"{name}:{port}"}:
        leads = "" if here == url else f" leads to {without_secrets(here)}, which"
        what = (
            f"{without_secrets(url)}:{leads} is of no allowed host; add {name or 'its host'} to knowledge.allowed_hosts"
        )
        raise InputError(what)


def _page(url: str, answer: httpx.Response, settings: KnowledgeSettings) -> Page:
    if answer.status_code >= FAILED:
        raise InputError(
            without_secrets(f"{url}: answers {answer.status_code}; see whether it is public, or save it as a file")
        )
    parts: list[bytes] = []
    left = settings.document_bytes
    for part in answer.iter_bytes():
        left -= len(part)
        if left < 0:
            raise InputError(without_secrets(f"{url}: {too_heavy(settings.document_bytes)}"))
        parts.append(part)
    return Page(media_type=answer.headers.get("content-type", ""), content=b"".join(parts))


def too_heavy(limit: int) -> str:
    """Say that a document weighs more than ``limit`` bytes, and what to do."""
    return f"weighs more than {limit} bytes (knowledge.document_bytes); split it, or raise that"
