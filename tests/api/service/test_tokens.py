"""Tokens: those of an OIDC issuer, signed by it, for us and not over; those that the API server of Kubernetes knows."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from api_server import Server
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from http_services import Asked, Reply, Service, answering
from http_services import said as reply
from secured import INCIDENTS, USED, Secured, asking
from structlog.testing import capture_logs

from sre_orchestrator.api.service.security import accounts, oidc
from sre_orchestrator.api.service.security.accounts import AccountWay
from sre_orchestrator.api.service.security.gate import Unsettled
from sre_orchestrator.api.service.security.mounted import gate_for, ways_of
from sre_orchestrator.api.service.security.oidc import OidcWay
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.core.errors import SettingsError, SourceMissing
from sre_orchestrator.core.settings import AccountAuth, Allowed, Auth, ClusterAccess, OidcAuth, Settings, read_settings
from sre_orchestrator.core.settings import Service as Limits
from sre_orchestrator.plugins.sources.k8s import ClusterTokens

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
JWKS = "/keys"
PUBLIC = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
SHOP = "system:serviceaccount:shop:reporter"
ALLOWED = (
    Allowed(name="eve", scopes=("admin",)),
    Allowed(group="sre", scopes=("read", "report"), namespaces=("shop",)),
    Allowed(group="all", scopes=("read",)),
)


class Clock:
    """A clock that tests move."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


def jwk(key: Any, kid: str) -> dict[str, Any]:
    """Return the public half of a key as the issuer publishes it."""
    algorithm = (
        jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    )
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


class Issuer:
    """An OIDC issuer on loopback."""

    def __init__(self) -> None:
        self.keys: list[Any] = [jwk(RSA, "one"), jwk(CURVE, "curve")]
        self.status = 200
        self.service = Service("")

    def script(self) -> dict[str, Callable[[Asked], Reply]]:
        """Return what it answers."""
        return {JWKS: lambda _: reply({"keys": self.keys}, self.status), oidc.DISCOVERY: lambda _: self._discovery()}

    def _discovery(self) -> Reply:
        return reply({"issuer": self.url, "jwks_uri": self.url + JWKS, "scopes_supported": ["openid"]})

    @property
    def url(self) -> str:
        """Return what it calls itself."""
        return self.service.address

    def token(self, key: Any = RSA, kid: str = "one", alg: str = "RS256", **claims: Any) -> str:
        """Return a token that is valid unless ``claims`` say otherwise; ``None`` leaves a claim out."""
        now = int(time.time())
        usual = {"iss": self.url, "aud": "sre", "sub": "ann", "groups": ["sre"], "iat": now, "exp": now + 600}
        token = jwt.encode({k: v for k, v in (usual | claims).items() if v is not None}, key, alg, {"kid": kid})
        USED.append(token.rpartition(".")[2])
        return token

    def way(self, clock: Callable[[], float] = Clock(), **more: Any) -> OidcWay:  # noqa: B008 - never moved
        """Return the way by its tokens."""
        return OidcWay(OidcAuth(issuer=self.url, audience="sre", allowed=ALLOWED, **more), clock)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    with answering(made.script()) as made.service:
        yield made


def unsigned(header: dict[str, Any], payload: dict[str, Any], secret: bytes = b"") -> str:
    """Return a token as an attacker writes it: with no signature, or an HMAC by ``secret``."""
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, payload)]
    text = b".".join(parts)
    mac = hmac.new(secret, text, hashlib.sha256).digest() if secret else b""
    return (text + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def test_a_valid_token_is_a_caller_with_what_the_first_entry_allows(issuer: Issuer) -> None:
    way = issuer.way()

    ann, eve = way.caller(issuer.token()), way.caller(issuer.token(CURVE, "curve", "ES256", sub="eve"))
    stranger = way.caller(issuer.token(groups=["elsewhere", 7]))

    assert ann is not None
    assert eve is not None
    assert stranger is not None
    assert (ann.name, ann.scopes, ann.namespaces) == ("oidc:ann", {"read", "report"}, ("shop",))
    assert (eve.scopes, eve.namespaces) == ({"admin"}, ())
    assert (stranger.name, stranger.scopes) == ("oidc:ann", frozenset())


def test_keys_are_read_once(issuer: Issuer) -> None:
    way = issuer.way()

    for _ in range(3):
        way.caller(issuer.token())

    assert issuer.service.paths == [f"GET {oidc.DISCOVERY}", f"GET {JWKS}"]


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"exp": None},
        {"aud": "other"},
        {"aud": None},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"nbf": 10**11},
        {"sub": None},
        {"sub": ""},
        {"exp": "soon"},
    ],
)
def test_a_token_of_another_time_place_or_issuer_is_nobody(issuer: Issuer, claims: dict[str, Any]) -> None:
    assert issuer.way().caller(issuer.token(**claims)) is None


def test_a_token_that_was_not_signed_by_the_issuer_is_nobody(issuer: Issuer) -> None:
    way, good = issuer.way(), issuer.token()
    payload = jwt.decode(good, options={"verify_signature": False})
    forged = {
        "another key": issuer.token(OTHER),
        "another key of its own name": issuer.token(OTHER, "two"),
        "alg none": unsigned({"alg": "none", "kid": "one"}, payload),
        "no signature": good.rpartition(".")[0] + ".",
        "public key as a secret": unsigned({"alg": "HS256", "kid": "one"}, payload, PUBLIC),
        "HMAC that says RS256": unsigned({"alg": "RS256", "kid": "one"}, payload, PUBLIC),
        "RSA that says ES256": unsigned({"alg": "ES256", "kid": "one"}, payload, PUBLIC),
        "algorithm that is not allowed": issuer.token(alg="RS512"),
        "key in the header": jwt.encode(payload, OTHER, "RS256", {"kid": "one", "jwk": jwk(OTHER, "one")}),
        "other claims": ".".join((good.split(".")[0], issuer.token(sub="eve").split(".")[1], good.split(".")[2])),
        "no token": "a.b.c",
        "too long": issuer.token(long="x" * 20_000),
        "a list": unsigned({"alg": "RS256"}, [1]),  # type: ignore[arg-type] - an attacker keeps to no types
    }

    assert {name: way.caller(token) for name, token in forged.items()} == dict.fromkeys(forged)


def test_a_symmetric_or_broken_key_that_the_issuer_publishes_is_not_used(issuer: Issuer) -> None:
    secret = base64.urlsafe_b64encode(b"s" * 32).rstrip(b"=").decode()
    issuer.keys = [{"kty": "oct", "k": secret, "kid": "one", "alg": "HS256"}, {"kty": "RSA", "kid": "bad"}, "x"]
    payload = jwt.decode(issuer.token(), options={"verify_signature": False})

    for alg in ("HS256", "RS256"):
        assert issuer.way().caller(unsigned({"alg": alg, "kid": "one"}, payload, b"s" * 32)) is None


def test_a_new_key_is_found_and_an_old_one_forgotten(issuer: Issuer) -> None:
    clock = Clock()
    way = issuer.way(clock)
    old, new = issuer.token(), issuer.token(OTHER, "two")
    before = way.caller(old), way.caller(new)
    issuer.keys = [jwk(OTHER, "two")]
    at_once = way.caller(new)
    clock.now += oidc.AGAIN_SECONDS + 1

    after = way.caller(new), way.caller(old)

    assert (before[0] is None, before[1]) == (False, None)
    assert at_once is None
    assert (after[0] is None, after[1]) == (False, None)


def test_without_a_name_the_only_key_is_meant(issuer: Issuer) -> None:
    issuer.keys = issuer.keys[:1]

    assert issuer.way().caller(issuer.token(kid="")) is not None


def test_an_issuer_that_is_away_is_no_reason_to_trust_old_keys(issuer: Issuer) -> None:
    clock = Clock()
    way = issuer.way(clock, jwks_url=issuer.url + JWKS, keys_seconds=60)
    way.caller(issuer.token())
    issuer.status = 403
    clock.now += 30

    still = way.caller(issuer.token()), way.caller(issuer.token(OTHER, "two"))
    clock.now += 60

    assert (still[0] is None, still[1]) == (False, None)
    for _ in range(2):
        with pytest.raises(Unsettled):
            way.caller(issuer.token())


def test_a_discovery_of_another_issuer_is_not_believed(issuer: Issuer) -> None:
    other = f"{issuer.url}/tenant"
    script = {"/tenant" + oidc.DISCOVERY: reply({"issuer": issuer.url, "jwks_uri": issuer.url + JWKS})}
    with answering(script) as service:
        way = OidcWay(OidcAuth(issuer=f"{service.address}/tenant", audience="sre"), Clock())
        with capture_logs() as logs, pytest.raises(Unsettled):
            way.caller(issuer.token(iss=f"{service.address}/tenant"))

    assert other not in str(logs)
    assert "another issuer" in str(logs)


def test_a_token_opens_the_service_for_what_its_groups_may(issuer: Issuer, tmp_path: Path) -> None:
    secured = Secured(tmp_path, ways=[issuer.way()])
    with asking(secured) as client:

        def asked(method: str, **claims: Any) -> int:
            bearer = {"Authorization": f"Bearer {issuer.token(**claims)}"}
            body = {"description": "x"} if method == "POST" else None
            return client.request(method, INCIDENTS, headers=bearer, json=body).status_code

        answers = [asked("POST"), asked("GET", groups="all"), asked("POST", groups="all"), asked("GET", groups=[])]
        refused = asked("GET", aud="other")

    assert answers == [202, 200, 403, 403]
    assert refused == 401


class Cluster:
    """The tokens of an API server on loopback."""

    def __init__(self, status: dict[str, Any], code: int = 201) -> None:
        self.status = status
        self.code = code
        self.asked: list[dict[str, Any]] = []

    def __call__(self, asked: Asked) -> Reply:
        """Answer a review."""
        self.asked.append(json.loads(asked.body))
        body = {"kind": "TokenReview", "spec": json.loads(asked.body)["spec"], "status": self.status}
        return reply(body if self.code < 300 else {"message": f"no: {asked.body}"}, self.code)


@contextmanager
def tokens(cluster: Cluster, folder: Path) -> Iterator[ClusterTokens]:
    with answering({REVIEWS: cluster}) as service:
        path = Server(service.address).kubeconfig(folder, user={"token": "ours"})
        yield ClusterTokens(ClusterAccess(kubeconfig=str(path), timeout_seconds=2))


KNOWN = {
    "authenticated": True,
    "user": {"username": SHOP, "groups": ["system:serviceaccounts", "system:serviceaccounts:shop"]},
    "audiences": ["sre-orchestrator"],
}
ACCOUNTS = AccountAuth(enabled=True, allowed=(Allowed(group="system:serviceaccounts:shop", scopes=("report",)),))


def test_the_api_server_says_whose_token_it_is_and_is_asked_once_a_while(tmp_path: Path) -> None:
    cluster, clock = Cluster(KNOWN), Clock()
    with tokens(cluster, tmp_path) as reviewed:
        way = AccountWay(reviewed, ACCOUNTS, clock)
        callers = [way.caller("h.p.s") for _ in range(3)]
        clock.now += ACCOUNTS.remember_seconds + 1
        cluster.status = {"authenticated": False}
        after = way.caller("h.p.s")

    assert callers[0] is not None
    assert (callers[0].name, callers[0].scopes) == (f"kubernetes:{SHOP}", {"report"})
    assert callers[1:] == callers[:1] * 2
    assert after is None
    assert [one["spec"] for one in cluster.asked] == [{"token": "h.p.s", "audiences": ["sre-orchestrator"]}] * 2


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"authenticated": False, "error": "expired"},
        KNOWN | {"audiences": []},
        KNOWN | {"audiences": ["https://kubernetes.default.svc"]},
        KNOWN | {"user": {}},
    ],
)
def test_a_token_that_is_denied_or_for_others_is_nobody(status: dict[str, Any], tmp_path: Path) -> None:
    with tokens(Cluster(status), tmp_path) as reviewed:
        assert AccountWay(reviewed, ACCOUNTS).caller("h.p.s") is None


def test_answers_without_number_are_not_all_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "MOST_REMEMBERED", 2)
    cluster = Cluster(KNOWN)
    with tokens(cluster, tmp_path) as reviewed:
        way = AccountWay(reviewed, ACCOUNTS, Clock())
        for one in ("a.p.s", "b.p.s", "c.p.s", "c.p.s", "a.p.s"):
            way.caller(one)

    assert [one["spec"]["token"][0] for one in cluster.asked] == ["a", "b", "c", "a"]


def test_what_is_no_token_is_not_asked_about(tmp_path: Path) -> None:
    cluster = Cluster(KNOWN)
    with tokens(cluster, tmp_path) as reviewed:
        assert [AccountWay(reviewed, ACCOUNTS).caller(one) for one in ("guess", "a.b", "a.b." + "c" * 20_000)] == [
            None
        ] * 3

    assert cluster.asked == []


def test_an_api_server_that_does_not_let_us_ask_is_told_in_the_log_only(tmp_path: Path) -> None:
    with tokens(Cluster({}, 403), tmp_path) as reviewed, capture_logs() as logs, pytest.raises(Unsettled) as told:
        AccountWay(reviewed, ACCOUNTS).caller("h.secret.s")

    assert 'resources: ["tokenreviews"], verbs: ["create"]' in str(logs)
    assert "h.secret.s" not in str(logs) + str(told.value)


def test_an_api_server_that_is_away_lets_nobody_in_and_nothing_is_remembered(tmp_path: Path) -> None:
    with tokens(Cluster(KNOWN), tmp_path) as reviewed:
        pass  # its server is gone now
    way = AccountWay(reviewed, ACCOUNTS)
    secured = Secured(tmp_path / "state", ways=[way])
    with asking(secured) as client:
        answer = client.get(INCIDENTS, headers={"Authorization": "Bearer h.p.s"})

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"


def test_an_answer_that_is_no_review_is_none(tmp_path: Path) -> None:
    with answering({REVIEWS: Reply(201, b"<html>")}) as service:
        path = Server(service.address).kubeconfig(tmp_path)
        with pytest.raises(SourceMissing, match="no TokenReview"):
            ClusterTokens(ClusterAccess(kubeconfig=str(path))).review("h.p.s", ["a"])


def test_settings_name_the_ways_and_close_the_gate(tmp_path: Path) -> None:
    both = Auth(oidc=OidcAuth(issuer="https://issuer.example", audience="sre"), service_accounts=ACCOUNTS)
    settings = Settings(service=Limits(auth=both))
    store = open_database("", tmp_path)

    assert [type(one) for one in ways_of(settings)] == [OidcWay, AccountWay]
    assert not gate_for(settings, store.keys, "0.0.0.0").open
    assert not gate_for(settings, store.keys, "127.0.0.1").open


@pytest.mark.parametrize(
    ("auth", "why"),
    [
        ("{oidc: {issuer: 'https://i.example'}}", "no audience"),
        ("{oidc: {issuer: 'http://i.example', audience: a}}", "https"),
        ("{oidc: {issuer: 'https://i.example', audience: a, algorithms: [HS256]}}", "HS256"),
        ("{oidc: {issuer: 'https://i.example', audience: a, algorithms: [none]}}", "none"),
        ("{oidc: {allowed: [{scopes: [read]}]}}", "no group and no name"),
        ("{service_accounts: {audiences: []}}", "audiences"),
    ],
)
def test_settings_that_would_let_in_too_many_are_refused(auth: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        read_settings(None, {"SRE_ORCHESTRATOR_SERVICE": f"{{auth: {auth}}}"})
