"""Values: documented combinations pass, anything else is refused where it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helm import CHART, COMBINATIONS, HELMS, helm, template, values

from sre_orchestrator.core.settings import Auth, Service, Settings

REFUSED = {  # values → what the message names, in Helm 3's and Helm 4's words
    "replicas=2": "existingSecret",
    "replicas=0": "replicas",
    "replcas=1": "replcas",
    "image.tag=latest": "tag",
    "image.digest=sha256:12": "digest",
    "image.pullPolicy=Sometimes": "pullPolicy",
    "rbac.mode=everything": "mode",
    "rbac.mode=namespaced": "namespaces",
    "rbac.namespaces={shop}": "namespaces",
    "rbac.verbs={create}": "verbs",
    "rbac.extraRules[0].apiGroups={apps},rbac.extraRules[0].resources={*}": "resources",
    "rbac.extraRules[0].apiGroups={},rbac.extraRules[0].resources={secrets}": "resources",
    "rbac.extraRules[0].apiGroups={apps},rbac.extraRules[0].resources={a},rbac.extraRules[0].verbs={delete}": "verbs",
    "rbac.extraRules[0].apiGroups={},rbac.extraRules[0].resources={pods/exec}": "resources",
    "serviceAccount.create=false": "name",
    "model.from.claim=a,model.from.imageVolume=b:1": "from",
    "model.from.configMap=a": "configMap",
    "model.from.image.reference=models:1": "path",
    "plugins.from.imageVolume=plugins:latest": "imageVolume",
    "settings.state_dir=/tmp": "state_dir",
    "settings.helm_history=true": "helm_history",
    "settings.promtheus.url=http://here": "promtheus",
    "settings.service.databse=x": "databse",
    "settings.service.database_url=postgresql://a:b@c/d": "database_url",
    "settings.service.auth.start_closed=false": "start_closed",
    "settings.service.auth.service_accounts.enabled=true": "service_accounts",
    "auth.serviceAccounts.enabled=maybe": "enabled",
    "auth.serviceAccounts.allowed[0].name=a": "scopes",
    "auth.serviceAccounts.allowed[0].scopes={read}": "name",
    "auth.keys[0].name=a,auth.keys[0].secret=b,auth.keys[0].scopes={read}": "key",
    "auth.keys[0].name=a,auth.keys[0].secret=b,auth.keys[0].key=../c,auth.keys[0].scopes={read}": "key",
    "auth.keys[0].name=a,auth.keys[0].secret=b,auth.keys[0].key=c,auth.keys[0].scopes={write}": "scopes",
    "resources.limits=null": "limits",
    "persistence.size=big": "size",
    "persistence.accessMode=ReadWriteMany": "accessMode",
    "service.port=70000": "port",
    "networkPolicy.egress.apiServer.cidrs={}": "cidrs",
    "user=0": "user",
    "securityContext.privileged=true": "securityContext",
}


@pytest.mark.parametrize("changed", REFUSED)
@pytest.mark.parametrize("version", HELMS)
def test_what_makes_no_sense_is_refused(version: str, changed: str) -> None:
    done = template(version, sets=(changed,))

    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr
    assert REFUSED[changed] in done.stderr


def test_each_setting_can_be_given() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    given_otherwise = {"state_dir", "helm_history", "snapshot", "replica"}

    known = set(schema["properties"]["settings"]["properties"])

    assert known == set(Settings.__struct_fields__) - given_otherwise, (
        "add it to `settings` in chart/values.schema.json"
    )


def test_each_setting_of_the_service_can_be_given() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    service = schema["properties"]["settings"]["properties"]["service"]["properties"]
    by_database, by_auth = {"database_url", "database_url_file"}, {"start_closed", "keys", "service_accounts"}

    assert set(service) == set(Service.__struct_fields__) - by_database, "add it to `settings.service` in the schema"
    assert set(service["auth"]["properties"]) == set(Auth.__struct_fields__) - by_auth


@pytest.mark.parametrize("version", HELMS)
def test_lint_has_nothing_to_say(version: str) -> None:
    for combination in COMBINATIONS:
        done = helm(version, "lint", "--strict", str(CHART), "--values", str(values(combination)))

        assert done.returncode == 0, done.stdout + done.stderr
        assert "[WARNING]" not in done.stdout


@pytest.mark.parametrize("version", HELMS)
def test_the_package_holds_the_chart_and_no_examples(version: str, tmp_path: Path) -> None:
    done = helm(version, "package", str(CHART), "--destination", str(tmp_path))
    (package,) = tmp_path.glob("sre-orchestrator-*.tgz")

    again = helm(version, "template", "sre", str(package))

    assert done.returncode == 0, done.stderr
    assert again.stdout == helm(version, "template", "sre", str(CHART)).stdout
