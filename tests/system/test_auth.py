"""Faults of accounts, tokens, certificates and clocks in a whole cluster: the right one first, its look-alike not."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from authorities import Authority
from clusters import Cluster, shop
from faults import complain, crash
from looking import NOON
from shop import NAMESPACE, patch, thing

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.settings import Settings

Expected = tuple[str, str]
CASES: dict[str, Callable[[Cluster], Expected]] = {}
CART, WEB, CHECKOUT, ORDERS = (f"deployment/shop/{name}" for name in ("cart", "web", "checkout", "orders"))
USER = "system:serviceaccount:shop:cart"
READER = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}
BY_PATH = "open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory"


def case(make: Callable[[Cluster], Expected]) -> Callable[[Cluster], Expected]:
    CASES[make.__name__] = make
    return make


def refused(user: str = USER, resource: str = "configmaps", place: str = 'in the namespace "shop"') -> str:
    return f'E0501 11:46:10 reflector.go:150] Failed to watch: {resource} is forbidden: User "{user}" cannot list resource "{resource}" in API group "" {place}'


def account(cluster: Cluster, rules: list[Any] | None = None, subject: dict[str, str] | None = None) -> None:
    """Let the cart run as an account of its own that is bound to a role."""
    cluster.spec_of_pods("cart", serviceAccountName="cart")
    subjects = [{"kind": "ServiceAccount", "name": "cart", "namespace": NAMESPACE, **(subject or {})}]
    cluster.add(thing("ServiceAccount", "cart"), thing("Role", "cart", rules=[READER] if rules is None else rules))
    cluster.add(thing("RoleBinding", "cart", subjects=subjects, roleRef={"kind": "Role", "name": "cart"}))


@case
def role_without_the_verb(cluster: Cluster) -> Expected:
    account(cluster, [{**READER, "verbs": ["get"]}])
    complain(cluster, "cart", refused())
    return "api-access-denied", CART


@case
def binding_in_another_namespace_s_name(cluster: Cluster) -> Expected:
    account(cluster, subject={"namespace": "store"})
    complain(cluster, "cart", refused())
    return "api-access-denied", CART


@case
def crash_for_a_permission(cluster: Cluster) -> Expected:
    account(cluster, [])
    crash(
        cluster, "cart", "Error", 1, f"2030-05-01T11:57:01Z INFO cart starts\n2030-05-01T11:57:02Z FATAL {refused()}\n"
    )
    return "api-access-denied", CART


@case
def account_without_token(cluster: Cluster) -> Expected:
    account(cluster)
    cluster.edit("ServiceAccount", "cart", automountServiceAccountToken=False)
    crash(cluster, "cart", "Error", 1, f"2030-05-01T11:57:02Z FATAL cannot configure client: {BY_PATH}\n")
    return "account-token-withheld", CART


@case
def called_as_nobody(cluster: Cluster) -> Expected:
    account(cluster)
    cluster.spec_of_pods("cart", automountServiceAccountToken=False)
    complain(cluster, "cart", refused("system:anonymous"))
    return "account-token-withheld", CART


def token_volume(audience: str, seconds: int) -> list[dict[str, Any]]:
    source = {"serviceAccountToken": {"audience": audience, "expirationSeconds": seconds, "path": "token"}}
    return [{"name": "token", "projected": {"sources": [source]}}]


def answers(cluster: Cluster, caller: str, callee: str, port: int, status: str) -> None:
    complain(
        cluster,
        caller,
        f"ERROR {status.title()}: requests.exceptions.HTTPError: {status} for url: http://{callee}:{port}/api",
    )


@case
def token_for_another_audience(cluster: Cluster) -> Expected:
    cluster.spec_of_pods("checkout", volumes=token_volume("store", 3600))
    complain(cluster, "orders", "ERROR JsonWebTokenError: jwt audience invalid. expected: orders")
    answers(cluster, "checkout", "orders", 8080, "401 Client Error: Unauthorized")
    return "token-invalid", CHECKOUT


@case
def token_read_once(cluster: Cluster) -> Expected:
    cluster.spec_of_pods("checkout", volumes=token_volume("orders", 600))
    complain(cluster, "orders", "ERROR io.jsonwebtoken.ExpiredJwtException: JWT expired at 2030-05-01T11:40:00Z")
    answers(cluster, "checkout", "orders", 8080, "401 Client Error: Unauthorized")
    return "token-invalid", CHECKOUT


@case
def one_caller_is_refused(cluster: Cluster) -> Expected:
    answers(cluster, "checkout", "cart", 7070, "401 Client Error: Unauthorized")
    return "service-access-denied", CHECKOUT


@case
def all_callers_are_refused(cluster: Cluster) -> Expected:
    answers(cluster, "checkout", "cart", 7070, "401 Client Error: Unauthorized")
    answers(cluster, "web", "cart", 7070, "401 Client Error: Unauthorized")
    return "service-refuses-callers", CART


@case
def issuer_gone(cluster: Cluster) -> Expected:
    complain(
        cluster,
        "orders",
        'ERROR java.lang.IllegalArgumentException: Unable to resolve the Configuration with the provided Issuer of "https://login.example/realms/shop"',
    )
    return "issuer-unreachable", ORDERS


@case
def clock_ahead(cluster: Cluster) -> Expected:
    lease = cluster.get("Lease", "node-b", "kube-node-lease")
    cluster.add(patch(lease, spec={"renewTime": "2030-05-01T12:14:57.000000Z"}))
    name = next(one for one in cluster.pods_of("cart") if cluster.get("Pod", one)["spec"]["nodeName"] == "node-b")
    lines = "".join(
        f'2030-05-01T11:{minute}:10Z ERROR Get "https://orders:8443/": x509: certificate has expired or is not yet valid: current time 2030-05-01T12:01:10Z is after 2030-05-01T12:00:00Z\n'
        for minute in range(46, 59)
    )
    cluster.logs[f"{NAMESPACE}/{name}/cart"] += lines
    return "clock-skew", "node/node-b"


SHOP_CA = Authority("shop authority", now=NOON)
OLD = {"begins": timedelta(days=-90), "ends": timedelta(hours=-1)}


def secured(cluster: Cluster, **dates: timedelta) -> None:
    """Let orders serve a certificate of the shop's authority from a secret that it mounts."""
    leaf = SHOP_CA.sign("orders", ["orders.shop.svc", "orders"], now=NOON, **dates)
    data = {"tls.crt": b64encode(leaf.pem).decode(), "tls.key": "***"}
    cluster.add(thing("Secret", "orders-tls", type="kubernetes.io/tls", data=data))
    cluster.spec_of_pods("orders", volumes=[{"name": "tls", "secret": {"secretName": "orders-tls"}}])


def trusting(cluster: Cluster, *authorities: Authority) -> None:
    """Let checkout mount the certificates of some authorities."""
    data = {"ca.crt": b"".join(one.pem for one in authorities).decode()}
    cluster.add(thing("ConfigMap", "authorities", data=data))
    cluster.spec_of_pods("checkout", volumes=[{"name": "ca", "configMap": {"name": "authorities"}}])


@case
def certificate_expired(cluster: Cluster) -> Expected:
    secured(cluster, **OLD)
    complain(
        cluster,
        "checkout",
        'ERROR Get "https://orders:8080/": x509: certificate has expired or is not yet valid: current time 2030-05-01T11:46:10Z is after 2030-05-01T11:00:00Z',
    )
    return "certificate-expired", "service/shop/orders"


@case
def certificate_renewed_and_not_reloaded(cluster: Cluster) -> Expected:
    secured(cluster)
    complain(
        cluster,
        "checkout",
        'ERROR Get "https://orders:8080/": x509: certificate has expired or is not yet valid: current time 2030-05-01T11:46:10Z is after 2030-05-01T11:00:00Z',
    )
    return "certificate-not-reloaded", "service/shop/orders"


@case
def certificate_of_the_future(cluster: Cluster) -> Expected:
    secured(cluster, begins=timedelta(days=1))
    complain(
        cluster,
        "checkout",
        'ERROR Get "https://orders:8080/": x509: certificate has expired or is not yet valid: current time 2030-05-01T11:46:10Z is before 2030-05-02T12:00:00Z',
    )
    return "certificate-not-yet-valid", "service/shop/orders"


@case
def certificate_for_another_name(cluster: Cluster) -> Expected:
    secured(cluster)
    complain(
        cluster,
        "checkout",
        'ERROR Get "https://orders:8080/": tls: failed to verify certificate: x509: certificate is valid for orders.old, not orders',
    )
    return "certificate-name-mismatch", "service/shop/orders"


@case
def authority_was_changed(cluster: Cluster) -> Expected:
    secured(cluster)
    trusting(cluster, Authority("last year's authority", now=NOON))
    complain(
        cluster,
        "checkout",
        'ERROR Get "https://orders:8080/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    )
    return "certificate-authority-unknown", CHECKOUT


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def diagnosed(installation: Installation, folder: Path, *faults: Callable[[Cluster], object]) -> Report:
    cluster = shop()
    for one in faults:
        one(cluster)
    path = cluster.write(folder)
    return anyio.run(lambda: diagnose_snapshot(installation, path)).report


def named(report: Report) -> list[Expected]:
    return [(one.cause, one.component) for one in report.hypotheses]


@pytest.mark.parametrize("name", CASES)
def test_the_fault_comes_first_with_confidence(installation: Installation, tmp_path: Path, name: str) -> None:
    expected: list[Expected] = []

    report = diagnosed(installation, tmp_path, lambda cluster: expected.append(CASES[name](cluster)))

    assert named(report)[:1] == expected
    assert report.verdict == "diagnosed"


def test_the_role_and_what_it_lacks_are_named(installation: Installation, tmp_path: Path) -> None:
    report = diagnosed(installation, tmp_path, role_without_the_verb)

    words = " ".join(one.because for one in report.hypotheses[0].proof)
    assert "role/shop/cart, which rolebinding/shop/cart gives it, has another verb: get" in words
    assert report.hypotheses[0].missing == ()


def allowed_by_now(cluster: Cluster) -> None:
    account(cluster)
    complain(cluster, "cart", refused())


def withheld_and_not_missed(cluster: Cluster) -> None:
    cluster.edit("ServiceAccount", "default", automountServiceAccountToken=False)


def little_apart(cluster: Cluster) -> None:
    lease = cluster.get("Lease", "node-b", "kube-node-lease")
    cluster.add(patch(lease, spec={"renewTime": "2030-05-01T11:59:25.000000Z"}))


def refused_now_and_then(cluster: Cluster) -> None:
    for app in ("checkout", "web"):
        for name in cluster.pods_of(app):
            cluster.logs[f"{NAMESPACE}/{name}/{app}"] += (
                "2030-05-01T11:58:10Z ERROR 401 Client Error: Unauthorized for url: http://cart:7070/api\n"
            )


def well_secured(cluster: Cluster) -> None:
    secured(cluster)
    trusting(cluster, SHOP_CA)


@pytest.mark.parametrize(
    "decoy", [well_secured, allowed_by_now, withheld_and_not_missed, little_apart, refused_now_and_then]
)
def test_what_looks_like_a_fault_is_none(
    installation: Installation, tmp_path: Path, decoy: Callable[[Cluster], None]
) -> None:
    report = diagnosed(installation, tmp_path, decoy)

    assert report.verdict == "unresolved", named(report)
