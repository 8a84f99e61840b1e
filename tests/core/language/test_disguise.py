"""What names a customer's things does not leave, stays told apart, and comes back exactly."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sre_orchestrator.core.language.addresses import Addresses
from sre_orchestrator.core.language.disguise import Pseudonyms, pseudonyms_for
from sre_orchestrator.core.language.generic import GENERIC
from sre_orchestrator.core.language.names import terms_of
from sre_orchestrator.core.models import Component, Fact, Incident
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.core.vocabulary import Attribute, FactKind, Vocabulary

IDS = (
    "namespace/shop",
    "deployment/shop/cart",
    "service/shop/cart",
    "pod/shop/cart-6f8b9d7c5-xw9lm",
    "configmap/shop/cart-config",
    "deployment/shop/cart-legacy",
    "statefulset/shop/orders-db",
    "pod/shop/orders-db-0",
    "pod/shop/loner-7d9c8b6f5-x2k4z",
    "deployment/shop/redis",
    "deployment/shop/app-3",
    "deployment/shop/7",
    "node/ip-10-0-1-23.eu-west-1.compute.internal",
    "node/node-1",
    "persistentvolume/fast-disk",
)
TERMS = ("quota-cpu-exceeded", "pod.phase")


def disguise() -> Pseudonyms:
    incident = Incident(
        id="i1", description="", at=datetime(2030, 5, 1, tzinfo=UTC), namespace="shop", cluster="acme-prod"
    )
    return pseudonyms_for([Component(id=one) for one in IDS], incident, TERMS)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("deployment/shop/cart has no endpoints", "deployment/ns-1/app-1 has no endpoints"),
        ("pod cart-6f8b9d7c5-xw9lm of cart", "pod app-1-6f8b9d7c5-xw9lm of app-1"),
        ("pod loner-7d9c8b6f5-x2k4z", "pod app-1-7d9c8b6f5-x2k4z"),
        ("cart-config and cart-legacy", "app-1-config and app-2"),
        ("CART_HOST, Cart, cArT", "APP-1_HOST, App-1, app-2"),
        ("new CartService()", "new App-1Service()"),
        ("orders-db-0.orders-db.shop.svc.cluster.local", "app-1-0.app-1.ns-1.svc.cluster.local"),
        ("on ip-10-0-1-23.eu-west-1.compute.internal in acme-prod", "on node-2 in cluster-1"),
        ("10.0.1.5, 10.0.1.6, 10.0.2.5", "10.128.0.5, 10.128.0.6, 10.128.1.5"),
        ("192.168.7.1 172.20.0.9 100.64.0.1 8.8.8.8", "192.168.128.1 172.24.0.9 100.96.0.1 198.19.0.8"),
        (
            "fd12:3::1, fd12:3::2, 2a00:1450::5, fe80::9%eth0",
            "fd00:0:0:1::1, fd00:0:0:1::2, 2001:db8:0:2::3, fe80::4%eth0",
        ),
        ("bob@acme-pay.com at api.acme-pay.com", "user-1@host-1.com at api.host-1.com"),
        ("http://legacybox:8080/cart?x=1", "http://host-1:8080/app-1?x=1"),
        ("http://10.0.1.5/", "http://10.128.0.5/"),
        ("postgres://joe:hunter22@db.acme.internal:5432/x", "postgres://user-1:***@db.host-1.internal:5432/x"),
        ("amqp://joe:hunter22@legacybox", "amqp://user-1:***@host-1"),
        (
            "8A3f2c1e-1234-4abc-9def-0123456789ab = 8A3f2c1e-1234-4abc-9def-0123456789ab, 000012345678",
            "00000000-0000-4000-8000-000000000001 = 00000000-0000-4000-8000-000000000001, 000000000001",
        ),
        ("arn:aws:iam::123456789012:role/payer", "arn:aws:iam::000000000001:role/res-1"),
        ("arn:aws:s3:::takings/2030", "arn:aws:s3:::res-1/res-2"),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/cart:1.2",
            "000000000001.dkr.ecr.eu-west-1.amazonaws.com/repo-1/app-1:1.2",
        ),
        ("registry.acme.com:5000/team/x@sha256:ab", "registry.host-1.com:5000/repo-1/repo-2@sha256:ab"),
        ("cart at pool-10.0.1.5.", "app-1 at pool-10.128.0.5."),
        ("is it app-3, app-4 or node-1?", "is it app-1, app-2 or node-2?"),
        (r"{\"log\": \"a\ncart\tshop \u00e4 C:\\cart\"}", r"{\"log\": \"a\napp-1\tns-1 \u00e4 C:\\app-1\"}"),
        (r"raw \shop", r"raw \ns-1"),
    ],
)
def test_a_name_is_told_as_a_pseudonym_that_keeps_what_correlates(text: str, hidden: str) -> None:
    names = disguise()

    assert names.hide(text) == hidden
    assert names.restore(hidden) == without_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "a redis pod in kube-system is CrashLoopBackOff 3 times in 10m0s, exit code 137",
        "quota-cpu-exceeded, pod.phase, [f29c2389e6008]",
        "12:30:45 2030-05-01T12:00:00Z 512Mi 100m 0.5 v1.29.3",
        "127.0.0.1 0.0.0.0 169.254.169.254 255.255.255.0 224.0.0.1 ::1 :: ff02::1 999.1.1.1",
        "java.net.SocketException at core/redact.py:17 app.kubernetes.io/name docker.io/library/redis:7",
        "cart7 discarted carts",
        "user and app, ns or 7",
        "std::string a::zz ... -x. . @me a@ x:***@",
        "redis@sha256:abc http://a../ x://***@a",
        "arn:aws:",
    ],
)
def test_what_names_nobody_stays(text: str) -> None:
    assert disguise().hide(text) == text


def test_an_answer_is_restored_however_it_spells_a_pseudonym() -> None:
    names = disguise()
    names.hide("cart")

    assert names.restore("App-1, APP-1, app\u20111, app\\u002d1 and \\napp-1") == "Cart, CART, cart, cart and \\ncart"
    assert names.restore("app-7 is unknown, 10.128.0.9 too") == "app-7 is unknown, 10.128.0.9 too"


def test_a_text_that_imitates_pseudonyms_where_none_could_be_is_not_told() -> None:
    names = disguise()
    address = names.hide("10.0.1.5")

    hidden = names.hide(f"x{address} and cart")

    assert hidden == "text-1"
    assert names.restore(hidden) == f"x{address} and cart"


def test_what_was_masked_is_counted_without_values() -> None:
    names = disguise()
    names.hide("password=hunter22 of cart and cart at 10.0.0.7, a.acme.com, b@acme.com")

    assert names.masked() == {"addresses": 1, "hosts": 2, "names": 2, "secrets": 1, "users": 1}


def test_what_facts_name_is_hidden_though_the_cluster_has_no_such_thing() -> None:
    attributes = {
        "account": "payer-robot",
        "image": "acme/takings:1.2",
        "wanted": "app=kart,tier=backend",
        "target": "configmap/shop/cart-cfg",
        "container": "cart-6f8b9d7c5-xw9lm",
        "host": "10.0.0.1",
        "user": "joe",
        "nearest": "cart",
        "message": "lonely words",
        "name": "10.0.0.1",
        "count": 3,
    }
    names = disguise()
    names.learn([Fact(id="f0", kind="x", component="pod/shop/a", agent="x", attributes=attributes)])

    told = names.hide("payer-robot acme takings kart backend cart-cfg joe cart lonely 10.0.0.1")

    assert told == "app-1 app-2 app-4 app-5 backend app-6 user-1 app-7 lonely 10.128.0.1"


def test_what_the_program_itself_calls_things_are_terms() -> None:
    kind = FactKind(about="", component="pod", attributes={"how": Attribute(values=("gently",)), "count": Attribute()})

    assert [*terms_of(Vocabulary({"pod.left": kind}), ["oom"])] == ["oom", "pod.left", "how", "gently", "count"]


def test_networks_that_were_seen_are_taken_as_pseudonyms_last() -> None:
    addresses = Addresses()
    real = [f"192.168.{net}.1" for net in range(256)]
    addresses.see(" ".join(real))

    told = [addresses.pseudonym(one) for one in real]

    assert len(set(told)) == 256
    assert addresses.pseudonym("10.0.0.1") == "10.128.0.1"


NAMES = [*sorted({one.rpartition("/")[2] for one in IDS} - GENERIC - {"7"}), "shop", "acme-prod"]
PIECES = st.one_of(
    st.sampled_from(
        [*NAMES, *TERMS, "app-3", "node-1", "app-1", "ns-1", "App-2", "text-1", "pod", "redis", "10.128.0.5"]
    ),
    st.sampled_from(NAMES).map(str.upper),
    st.sampled_from(NAMES).map(str.capitalize),
    st.sampled_from(
        [" ", "/", ".", "-", "_", ":", "@", "\\n", "\\", '"', "://", "a", "x9", "\n", "\u00e9", "*", ",", "%"]
    ),
    st.ip_addresses().map(str),
    st.uuids().map(str),
    st.emails(),
    st.text(max_size=5),
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_what_is_hidden_is_restored_exactly(texts: list[str]) -> None:
    names = disguise()

    hidden = [names.hide(one) for one in texts]

    assert [names.restore(one) for one in hidden] == [without_secrets(one) for one in texts]


@given(
    st.lists(st.sampled_from([*NAMES, "and", "pod", "é", "10.1.2.3"]), max_size=8),
    st.sampled_from([" ", "/", ".", "_", ", "]),
)
def test_no_name_survives_in_any_case(words: list[str], between: str) -> None:
    text = between.join([*words, *map(str.upper, words)])
    names = disguise()

    for told in (names.hide(text), names.hide(json.dumps({"log": f"a\n{text}\t"}))):
        bare = re.sub(r"(?i)(?:app|ns|node|host|volume|cluster|user|repo)-\d+", "", told).lower()

        assert not [one for one in NAMES if re.search(rf"(?<![a-z0-9]){re.escape(one)}(?![a-z0-9])", bare)]


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6))
def test_a_name_has_one_pseudonym_and_shares_it_with_none(words: list[str]) -> None:
    names = disguise()

    told = {one: names.hide(one) for one in words}

    assert len(set(told.values())) == len(told)
    assert {one: names.hide(f"the {one}.") for one in words} == {one: f"the {told[one]}." for one in words}


@given(st.lists(st.ip_addresses(v=4), min_size=2, max_size=6))
def test_an_address_keeps_its_class_and_its_neighbours(addresses: list[IPv4Address]) -> None:
    names = disguise()
    told = {str(one): names.hide(str(one)) for one in addresses}

    for one, other in told.items():
        assert IPv4Address(one).is_loopback == IPv4Address(other).is_loopback
        assert any(IPv4Address(one) in net for net in PRIVATE) == any(IPv4Address(other) in net for net in PRIVATE)
    nets = {one.rpartition(".")[0]: other.rpartition(".")[0] for one, other in told.items()}
    assert len(set(nets.values())) == len(nets)


PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))


HOSTILE = [
    "a-", "a.", "a:", "a.com/", "://", "x://a:", "cart-", "\\n", "a@", "arn:aws:", "1.1.1.1.", "app-3", "App-3", "aA",
    "f:", "*@a", "x", "0000", "0000-", "\\", "a_", "a.com:1/a", "-.", "::", "1.",
]  # fmt: skip


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_text_takes_no_time(piece: str) -> None:
    text = piece * (40_000 // len(piece))
    names = disguise()

    assert names.restore(names.hide(text)) == text
