"""Tells people by the tokens of an OpenID Connect issuer: signed with one of its keys, by it, for us, and not over."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import structlog

from sre_orchestrator.api.service.ports import Caller
from sre_orchestrator.api.service.security.claims import caller_named, shaped
from sre_orchestrator.api.service.security.gate import Unsettled
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.settings import Endpoint, OidcAuth
from sre_orchestrator.plugins.sources.http import HttpService, ServiceProblem

AGAIN_SECONDS = 10.0  # a token that names an unknown key does not make us ask more often
LEEWAY_SECONDS = 30
DISCOVERY = "/.well-known/openid-configuration"
SIGNING = frozenset({"RSA", "EC", "OKP"})  # never a symmetric key, whatever the issuer publishes
KEY = "service.auth.oidc"
log = structlog.get_logger()


class _Discovery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    issuer: str
    jwks_uri: str


class OidcWay:
    """By tokens of one issuer (``gate.Way``)."""

    def __init__(self, settings: OidcAuth, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._keys = _Keys(settings, clock)

    def caller(self, token: str) -> Caller | None:
        """Return whose token it is; the issuer is asked for keys only about tokens that say they are its."""
        if not shaped(token):
            return None
        try:
            header = jwt.get_unverified_header(token)
            said = jwt.decode(token, options={"verify_signature": False})
            if said.get("iss") != self._settings.issuer or header.get("alg") not in self._settings.algorithms:
                return None
            key = self._keys.key(str(header.get("kid", "")))
            return self._caller(self._verified(token, key)) if key else None
        except (jwt.PyJWTError, ValueError, TypeError):
            return None

    def _verified(self, token: str, key: jwt.PyJWK) -> Mapping[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=list(self._settings.algorithms),
            audience=self._settings.audience,
            issuer=self._settings.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud", self._settings.name_claim]},
        )

    def _caller(self, claims: Mapping[str, Any]) -> Caller | None:
        name, groups = claims[self._settings.name_claim], claims.get(self._settings.groups_claim, [])
        if not isinstance(name, str) or not name:
            return None
        among = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        named = [one for one in among if isinstance(one, str)]
        return caller_named("oidc", name, named, self._settings.allowed)


class _Keys:
    """The keys of the issuer, read again when they are old or one is missing."""

    def __init__(self, settings: OidcAuth, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._tried_at = self._read_at = -math.inf
        self._lock = threading.Lock()

    def key(self, name: str) -> jwt.PyJWK | None:
        """Return the key of that name; without a name, the only one there is.

        Raises:
            Unsettled: the issuer does not say what its keys are, and what it said before is too old.

        """
        with self._lock:
            now = self._clock()
            old = now - self._read_at > self._settings.keys_seconds
            if (old or self._found(name) is None) and now - self._tried_at > AGAIN_SECONDS:
                self._tried_at = now
                old = not self._read(now) and old
            if old:
                raise Unsettled("the issuer of tokens does not say what its keys are; try again")
            return self._found(name)

    def _found(self, name: str) -> jwt.PyJWK | None:
        if not name and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(name)

    def _read(self, now: float) -> bool:
        try:
            self._keys = self._fetched()
        except ServiceProblem as problem:
            log.error("the keys of the issuer cannot be read", why=str(problem))
            return False
        self._read_at = now
        return True

    def _fetched(self) -> Mapping[str, jwt.PyJWK]:
        url = self._settings.jwks_url or self._discovered()
        service = self._service(url)
        document = service.decoded(service.get(""), dict[str, Any])
        return dict(_usable(document.get("keys")))

    def _discovered(self) -> str:
        service = self._service(self._settings.issuer.rstrip("/") + DISCOVERY)
        found = service.decoded(service.get(""), _Discovery)
        if found.issuer != self._settings.issuer:
            remedy = "write service.auth.oidc.issuer exactly as tokens carry it"
            raise ServiceProblem(f"{KEY} {service.address}", f"is about another issuer, {found.issuer[:100]}", remedy)
        return found.jwks_uri

    def _service(self, url: str) -> HttpService:
        endpoint = Endpoint(url=url, timeout_seconds=self._settings.timeout_seconds, ca_file=self._settings.ca_file)
        return HttpService(endpoint, KEY)


def _usable(keys: object) -> list[tuple[str, jwt.PyJWK]]:
    """Return the keys that sign tokens, by name; one that cannot be read is left out."""
    found = []
    for one in keys if isinstance(keys, list) else []:
        if not isinstance(one, dict) or one.get("kty") not in SIGNING or one.get("use", "sig") != "sig":
            continue
        try:
            found.append((str(one.get("kid", "")), jwt.PyJWK.from_dict(one)))
        except (jwt.PyJWTError, ValueError, TypeError):
            log.warning("a key of the issuer cannot be read", kid=str(one.get("kid", ""))[:60])
    return found
