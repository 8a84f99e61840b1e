"""Image references, and what a runtime's complaint about a pull says."""

from __future__ import annotations

import re

from sre_orchestrator.core.models import Struct

DOCKER_HUB = "docker.io"
_FAILURES = tuple(
    (failure, re.compile(pattern, re.IGNORECASE))
    for failure, pattern in (
        ("never-pull", r"ErrImageNeverPull|pull policy of Never"),
        (
            "invalid-name",
            r"InvalidImageName|invalid reference format|invalid tag format|couldn't parse image|could not parse reference"
            r"|repository name must be|failed to apply default image tag|short-name \S+ did not resolve",
        ),
        (
            "rate-limited",
            r"toomanyrequests|too many requests|pull rate limit|rate limit (?:exceeded|reached)|rate exceeded",
        ),
        (
            "unresolvable",
            r"no such host|server misbehaving|name resolution|name or service not known|could not resolve host"
            r"|getaddrinfo|\blookup \S+(?: on \S+)?: ",
        ),
        ("no-space", r"no space left on device|disk quota exceeded"),
        (
            "wrong-platform",
            r"no matching manifest for|no match for platform|does not match the (?:specified|expected|host) platform"
            r"|no image found in (?:manifest list|image index) for architecture|image operating system",
        ),
        (
            "tls",
            r"x509|certificate (?:signed|has|is|verif|required)|bad certificate|server gave HTTP response to HTTPS client|\btls: ",
        ),
        (
            "timeout",
            r"i/o timeout|deadline exceeded|Client\.Timeout|handshake timeout|timed out|context canceled|waiting for connection"
            r"|no route to host|network is unreachable|connection reset|unexpected EOF|: EOF\b",
        ),
        ("refused", r"connection refused"),
        (
            "unavailable",
            r"RegistryUnavailable|50[0234] (?:Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out)"
            r"|(?:status|status code)[^\n]{0,200}: 50[0234]\b",
        ),
        (
            "denied",
            r"pull access denied|no pull access|unauthorized|authentication required|authorization failed|failed to authorize"
            r"|insufficient_scope|no basic auth credentials|incorrect username or password|invalid username/password"
            r"|access (?:to the resource is |forbidden|is )?denied|\bdenied: |40[13] (?:Forbidden|Unauthorized)"
            r"|(?:status|status code)[^\n]{0,200}: 40[13]\b|\bforbidden\b",
        ),
        (
            "not-found",
            r"not found|manifest.unknown|name.unknown|does not exist|NotFound|404 |no such (?:image|manifest)|\bnot exist\b",
        ),
    )
)
_AMBIGUOUS = re.compile(
    r"does not exist or|may not exist|insufficient_scope|anonymous token|requested access to the resource is denied"
    r"|unauthorized to access repository|access to the requested resource is not authorized|authorization failed"
    r"|unexpected status (?:code )?from (?:HEAD|GET) request",
    re.IGNORECASE,
)


class Image(Struct, frozen=True, kw_only=True):
    """The parts of an image reference, Docker Hub's defaults filled in."""

    registry: str
    path: str
    name: str
    tag: str

    @property
    def repository(self) -> str:
        """Return registry, path and name."""
        return "/".join(filter(None, (self.registry, self.path, self.name)))


def parse_image(text: str) -> Image:
    """Return the parts of an image reference; of a digest, the digest is the tag.

    >>> parse_image("redis:alpine")
    Image(registry='docker.io', path='library', name='redis', tag='alpine')
    >>> parse_image("registry.example:5000/shop/cart").repository
    'registry.example:5000/shop/cart'
    """
    named, _, digest = text.partition("@")
    first, slash, rest = named.partition("/")
    if not slash or not (set(".:") & set(first) or first == "localhost"):
        first, rest = DOCKER_HUB, named if slash else f"library/{named}"
    path, _, last = rest.rpartition("/")
    name, _, tag = last.partition(":")
    return Image(registry=first, path=path, name=name, tag=digest or tag or "latest")


def pull_failure(text: str) -> str:
    """Return why an image could not be pulled, ``other`` when the text does not tell.

    >>> pull_failure('dial tcp: lookup registry.example on 10.0.0.10:53: no such host')
    'unresolvable'
    """
    return next((failure for failure, pattern in _FAILURES if pattern.search(text)), "other")


def may_not_exist(text: str) -> bool:
    """Say whether a denial fits a repository that does not exist as well: registries hide which it is."""
    return bool(_AMBIGUOUS.search(text))
