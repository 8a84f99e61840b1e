"""The auth agent on certificates that Secrets and ConfigMaps hold."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from authorities import Authority
from looking import NOON, look
from shop import pod, service, thing

from sre_orchestrator.plugins.agents.auth import AuthAgent
from sre_orchestrator.plugins.objects.config import Secret

Json = dict[str, Any]
ROOT = Authority("shop authority", now=NOON)
LOOKED_FOR = ("Secret", "ConfigMap", "Pod")


def leaf(**dates: timedelta) -> Authority:
    return ROOT.sign("cart", ["cart.shop.svc"], now=NOON, **dates)


def secret(*values: Authority, name: str = "cart-tls", key: str = "tls.crt", private: bytes = b"") -> Json:
    text = private + b"".join(one.pem for one in values)
    return thing("Secret", name, type="kubernetes.io/tls", data={key: b64encode(text).decode(), "tls.key": "LS0tLS1C"})


def mounting(kind: str = "secret", name: str = "cart-tls", pod_name: str = "cart") -> Json:
    source = {"secretName": name} if kind == "secret" else {"name": name}
    return pod(pod_name, labels={"app": pod_name}, spec={"volumes": [{"name": "v", kind: source}]})


def test_a_mounted_certificate_is_told_with_what_is_served_with_it(tmp_path: Path) -> None:
    seen = look(AuthAgent(), tmp_path, secret(leaf()), mounting(), service("cart", {"app": "cart"}), kinds=LOOKED_FOR)

    fact = seen.only("certificate.stored")
    assert fact.component == "secret/shop/cart-tls"
    assert fact.attributes == {
        "key": "tls.crt",
        "role": "server",
        "validity": "current",
        "starts_at": "2030-04-30T12:00:00Z",
        "expires_at": "2030-05-31T12:00:00Z",
        "subject": "CN=cart",
        "issuer": "CN=shop authority",
        "names": "cart.shop.svc",
        "used_by": "pod/shop/cart",
        "serves": "service/shop/cart",
    }
    assert ("certificate.stored", "namespace/shop") in seen.coverage


@pytest.mark.parametrize(
    ("dates", "validity"),
    [
        ({"begins": timedelta(days=-9), "ends": timedelta(days=-1)}, "expired"),
        ({"begins": timedelta(days=1), "ends": timedelta(days=9)}, "not-yet-valid"),
    ],
)
def test_dates_are_compared_with_the_time_of_the_incident(
    tmp_path: Path, dates: dict[str, timedelta], validity: str
) -> None:
    fact = look(AuthAgent(), tmp_path, secret(leaf(**dates)), mounting()).only("certificate.stored")

    assert (fact.attributes["validity"], fact.attributes["serves"]) == (validity, "pod/shop/cart")


def test_of_several_services_in_front_none_is_the_one(tmp_path: Path) -> None:
    services = [service(name, {"app": "cart"}) for name in ("cart", "cart-too")]

    fact = look(AuthAgent(), tmp_path, secret(leaf()), mounting(), *services).only("certificate.stored")

    assert fact.attributes["serves"] == "pod/shop/cart"


def test_an_ingress_serves_what_it_names(tmp_path: Path) -> None:
    ingress = thing("Ingress", "web", spec={"tls": [{"hosts": ["shop.example"], "secretName": "cart-tls"}]})
    elsewhere = thing("Ingress", "web", namespace="bank", spec={"tls": [{"secretName": "cart-tls"}]})

    fact = look(AuthAgent(), tmp_path, secret(leaf()), ingress, elsewhere).only("certificate.stored")

    assert (fact.attributes["used_by"], fact.attributes["serves"]) == ("ingress/shop/web", "ingress/shop/web")


def test_authorities_in_a_bundle_are_told_by_name(tmp_path: Path) -> None:
    old = Authority("old", now=NOON, begins=timedelta(days=-9), ends=timedelta(days=-1))
    bundle = thing("ConfigMap", "authorities", data={"ca.crt": (ROOT.pem + old.pem).decode(), "note": "hello"})
    cluster = thing("ConfigMap", "kube-root-ca.crt", data={"ca.crt": ROOT.pem.decode()})
    others = [mounting("configMap", "kube-root-ca.crt", "web"), thing("ConfigMap", "unused", data=bundle["data"])]

    seen = look(AuthAgent(), tmp_path, bundle, cluster, mounting("configMap", "authorities"), *others)

    found = [(one.component, one.attributes["subject"], one.attributes["validity"]) for one in seen.facts]
    assert sorted(found) == [
        ("configmap/shop/authorities", "CN=old", "expired"),
        ("configmap/shop/authorities", "CN=shop authority", "current"),
    ]
    assert {one.attributes["role"] for one in seen.facts} == {"authority"}


def test_projected_volumes_mount_too(tmp_path: Path) -> None:
    bundle = thing("ConfigMap", "authorities", data={"ca.crt": ROOT.pem.decode()})
    sources = [{"secret": {"name": "cart-tls"}}, {"configMap": {"name": "authorities"}}]
    mine = pod("cart", spec={"volumes": [{"name": "v", "projected": {"sources": sources}}]})

    seen = look(AuthAgent(), tmp_path, bundle, secret(leaf()), mine)

    assert {one.component for one in seen.facts} == {"secret/shop/cart-tls", "configmap/shop/authorities"}


@pytest.mark.parametrize(
    ("description", "gaps"),
    [("clients complain about the TLS certificate", ["the certificate in secret/shop/cart-tls"]), ("it is slow", [])],
)
def test_what_nobody_may_read_is_a_gap_where_the_incident_speaks_of_it(
    tmp_path: Path, description: str, gaps: list[str]
) -> None:
    masked = thing("Secret", "cart-tls", type="kubernetes.io/tls", data={"tls.crt": "***", "tls.key": "***"})
    unused = thing("Secret", "other", type="kubernetes.io/tls", data={"tls.crt": "***"})
    opaque = thing("Secret", "opaque", type="Opaque", data={"tls.crt": "***"})
    users = [mounting(), mounting(name="opaque", pod_name="web")]

    seen = look(AuthAgent(), tmp_path, masked, unused, opaque, *users, description=description)

    assert [one.what for one in seen.gaps] == gaps
    assert seen.of("certificate.stored") == []


@pytest.mark.parametrize("value", ['"***"', "null", '"LS0t*"', '"LS0tLS0="', "5", '"aGVsbG8="'])
def test_a_value_that_is_no_certificate_is_dropped(value: str) -> None:
    text = f'{{"metadata": {{"name": "s"}}, "data": {{"tls.crt": {value}, "other": "x"}}}}'

    read = msgspec.json.decode(text.encode(), type=Secret)

    assert read.certificates == {}
    assert read.keys == {"tls.crt", "other"}


def test_of_a_secret_nothing_but_its_certificates_stays() -> None:
    made = leaf()
    item = secret(made, private=made.private + b"password=hunter2\n", key="tls.crt")
    planted = {
        **item,
        "certificates": {"tls.crt": "planted"},
        "data": {**item["data"], "cert.pem": item["data"]["tls.crt"]},
    }

    read = msgspec.json.decode(msgspec.json.encode(planted), type=Secret)

    assert list(read.certificates) == ["tls.crt"]
    assert read.certificates["tls.crt"].strip() == made.pem.decode().strip()
    assert {bytes(one) for one in read.data.values()} == {b"null"}
