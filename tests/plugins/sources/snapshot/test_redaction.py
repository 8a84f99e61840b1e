"""What a recording leaves out."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import pytest
from authorities import Authority

from sre_orchestrator.plugins.sources.snapshot.redaction import pruned, redacted, redacted_text

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----"


def config(text: str) -> str:
    item = {"metadata": {"name": "app"}, "data": {"app.yaml": text}}
    return str(redacted(item, "ConfigMap")["data"]["app.yaml"])


def test_of_a_secret_only_the_names_of_its_keys_stay() -> None:
    item = {
        "metadata": {"name": "db"},
        "type": "Opaque",
        "data": {"user": "YXBw", "password": "aHVudGVyMg=="},
        "stringData": {"note": "plain"},
    }

    assert redacted(item, "Secret") == {
        "metadata": {"name": "db"},
        "type": "Opaque",
        "data": {"user": "***", "password": "***"},
        "stringData": {"note": "***"},
    }


def test_certificates_are_public_and_stay_where_they_usually_are() -> None:
    made = Authority("cart")
    value = b64encode(made.private + made.pem).decode()
    item = {"metadata": {}, "data": {"tls.crt": value, "tls.key": value, "ca.crt": "***", "other.crt": value}}

    kept = redacted(item, "Secret")["data"]

    assert b64decode(kept["tls.crt"]).strip() == made.pem.strip()
    assert {key: one for key, one in kept.items() if key != "tls.crt"} == {
        "tls.key": "***",
        "ca.crt": "***",
        "other.crt": "***",
    }
    assert redacted({"metadata": {}, "data": {"tls.crt": 5}}, "Secret")["data"] == {"tls.crt": "***"}


def test_what_was_applied_and_who_manages_fields_is_dropped() -> None:
    notes = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "shop"}
    item = {"metadata": {"name": "a", "managedFields": [{}], "annotations": notes}}

    assert redacted(item, "Pod") == {"metadata": {"name": "a", "annotations": {"team": "shop"}}}


def test_of_configuration_it_is_kept_who_wrote_it_and_when() -> None:
    write = {"manager": "kubectl-edit", "operation": "Update", "time": "2030-05-01T11:50:00Z"}
    fields = [write | {"fieldsV1": {"f:data": {"f:secret": {}}}}, {"manager": "old"}, "odd"]

    assert redacted({"metadata": {"managedFields": fields}}, "ConfigMap")["metadata"] == {"managedFields": [write]}
    assert redacted({"metadata": {"managedFields": "odd"}}, "Secret")["metadata"] == {}


def test_annotations_that_name_a_secret_stay_and_those_that_hold_one_do_not() -> None:
    notes = {"nginx.ingress.kubernetes.io/auth-secret": "shop/users", "tool/api-token": "abcdef", "odd": 1}

    kept = redacted({"metadata": {"annotations": notes}}, "Ingress")["metadata"]["annotations"]

    assert kept == {"nginx.ingress.kubernetes.io/auth-secret": "shop/users", "tool/api-token": "***", "odd": 1}


def test_values_of_the_environment_and_arguments_that_are_secrets_are_masked() -> None:
    container: dict[str, Any] = {
        "name": "web",
        "args": ["--password", "hunter2", "--token=hunter2", "--port", "8080", 5],
        "env": [
            {"name": "DB_PASSWORD", "value": "hunter2"},
            {"name": "DB_URL", "value": "postgres://app:hunter2@db/shop"},
            {"name": "DB_PASSWORD_FROM", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
            {"name": "PORT", "value": "8080"},
        ],
    }

    spec = redacted({"metadata": {}, "spec": {"containers": [container]}}, "Pod")["spec"]

    [kept] = spec["containers"]
    assert kept["args"] == ["--password", "***", "--token=***", "--port", "8080", 5]
    assert [one.get("value") for one in kept["env"]] == ["***", "postgres://app:***@db/shop", None, "8080"]
    assert kept["env"][2]["valueFrom"] == {"secretKeyRef": {"name": "db", "key": "password"}}


def test_settings_of_other_kinds_that_are_secrets_are_masked_and_names_of_secrets_are_not() -> None:
    spec = {"password": "hunter2", "secretName": "tls", "secret": "users", "token": "", "replicas": 2}

    kept = redacted({"metadata": {}, "spec": spec}, "Database")["spec"]

    assert kept == {"password": "***", "secretName": "tls", "secret": "users", "token": "", "replicas": 2}


def test_a_key_of_a_configmap_that_is_a_secret_is_masked_whole() -> None:
    data = {"password": "correct horse", "release": "stable", "port": "5432", "odd": 1}
    item = {"metadata": {}, "data": data, "binaryData": {"keystore": "AAAA"}}

    kept = redacted(item, "ConfigMap")

    assert kept["data"] == {"password": "***", "release": "stable", "port": "5432", "odd": 1}
    assert kept["binaryData"] == {"keystore": "***"}


def test_the_payload_of_a_release_in_a_configmap_is_masked() -> None:
    item = {"metadata": {"labels": {"owner": "helm", "name": "web"}}, "data": {"release": "H4sI"}}

    assert redacted(item, "ConfigMap")["data"] == {"release": "***"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("password: hunter2\nport: 5432", "password: '***'\nport: 5432"),
        ("db: {password: hunter2, port: 5432}", "db: {password: '***', port: 5432}"),
        ("db.password=hunter2\ndb.port=5432", "db.password=***\ndb.port=5432"),
        ('{"password": "hunter2", "port": 5432}', '{"password": "***", "port": 5432}'),
        ("secret:\n  name: users", "secret:\n  name: users"),
        ("token: |\n  hunter2\n\n  more\nport: 1", "token: |\n  ***\n\n  ***\nport: 1"),
        ("- password: >-\n    hunter2\n- port: 1", "- password: >-\n    ***\n- port: 1"),
        ("url: postgres://app:hunter2@db/shop", "url: postgres://app:***@db/shop"),
        ("note: *** stars ***", "note: *** stars ***"),
    ],
)
def test_settings_files_keep_their_form(text: str, kept: str) -> None:
    assert config(text) == kept


def test_a_private_key_is_masked_over_its_lines() -> None:
    assert redacted_text(f"before\n{PEM}\nafter") == (
        "before\n-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----\nafter"
    )


def test_text_without_secrets_is_kept_as_it_is() -> None:
    text = "GET /cart 500\r\nretry in 5s\n\n\tat Main.java:1\n"

    assert redacted_text(text) == text


def test_an_object_without_metadata_gets_empty_ones() -> None:
    assert redacted({"metadata": None, "spec": {}}, "Pod") == {"spec": {}, "metadata": {}}


def test_only_definitions_lose_their_schemas() -> None:
    versions = [{"name": "v1", "served": True, "schema": {"openAPIV3Schema": {}}}]
    item = {"spec": {"group": "g", "versions": versions}}

    assert pruned(item, "CustomResourceDefinition")["spec"] == {
        "group": "g",
        "versions": [{"name": "v1", "served": True}],
    }
    assert pruned(item, "Other") is item
    assert pruned({"spec": None}, "CustomResourceDefinition") == {"spec": None}
