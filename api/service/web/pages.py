"""Serves the web page: one document, and its parts under an address that changes with them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import PathParameter

from sre_orchestrator.api.service.rest.parameters import IfNoneMatch, is_known
from sre_orchestrator.api.service.security.door import OPEN

FOLDER = Path(__file__).parent / "static"
DOCUMENT = "index.html"
MEDIA = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
KEPT = "public, max-age=31536000, immutable"  # the address names the content
Part = Annotated[str, PathParameter(max_length=100)]


@dataclass(frozen=True, kw_only=True)
class Site:
    """The files, and the digest of all of them."""

    digest: str
    files: dict[str, bytes]


@cache
def site() -> Site:
    """Read the files, once."""
    files = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in MEDIA}
    digest = hashlib.blake2b(b"\0".join([one for pair in files.items() for one in (pair[0].encode(), pair[1])]))
    name = digest.hexdigest()[:16]
    return Site(digest=name, files={**files, DOCUMENT: files[DOCUMENT].replace(b"@digest@", name.encode())})


@get("/", opt={OPEN: True}, include_in_schema=False, sync_to_thread=False)
def page(if_none_match: IfNoneMatch = "") -> Response[bytes | None]:
    """Return the document; it is asked for again at each visit."""
    tag = f'"{site().digest}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Security-Policy": POLICY}
    if is_known(tag, if_none_match):
        return Response(None, status_code=304, headers=headers)
    return Response(site().files[DOCUMENT], media_type="text/html", headers=headers)


@get("/web/{digest:str}/{name:str}", opt={OPEN: True}, include_in_schema=False, sync_to_thread=False)
def part(digest: Part, name: Part) -> Response[bytes]:
    """Return a script, the style or the icon; browsers keep it, for its address changes with it."""
    found = site().files.get(name) if digest == site().digest else None
    if found is None or name == DOCUMENT:
        raise NotFoundException("there is no such part of the web page; load the page again")
    return Response(
        found,
        media_type=MEDIA[Path(name).suffix],
        headers={"ETag": f'"{digest}"', "Cache-Control": KEPT, "Content-Security-Policy": POLICY},
    )


ROUTES = (page, part)
