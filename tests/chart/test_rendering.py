"""What each value does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm import CHART, COMBINATIONS, HELMS, Manifest, helm, manifests, one_of, template, values

from sre_orchestrator.core.settings import Allowed, Auth, FileKey, Settings, read_settings
from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.registry import KINDS, Listed
from sre_orchestrator.plugins.sources.k8s.raw import DEFINITIONS

SETTINGS = "/etc/sre-orchestrator/settings.yaml"
pytestmark = pytest.mark.parametrize("version", HELMS)


def rendered(version: str, combination: str = "default", *sets: str) -> tuple[Manifest, ...]:
    done = template(version, combination=combination, sets=sets)
    assert done.returncode == 0, done.stderr
    return manifests(done.stdout)


def pod_of(documents: tuple[Manifest, ...]) -> Manifest:
    pod: Manifest = one_of(documents, "StatefulSet")["spec"]["template"]["spec"]
    return pod


def egress(documents: tuple[Manifest, ...]) -> list[Any]:
    rules: list[Any] = one_of(documents, "NetworkPolicy")["spec"]["egress"]
    return rules


def readable(role: Manifest) -> set[tuple[str, str]]:
    return {(group, one) for rule in role["rules"] for group in rule["apiGroups"] for one in rule["resources"]}


def settings_of(documents: tuple[Manifest, ...], folder: Path) -> Settings:
    path = folder / "settings.yaml"
    (text,) = [one["data"]["settings.yaml"] for one in documents if "settings.yaml" in one.get("data", {})]
    given = json.loads(text)
    given["service"].pop("database_url_file", None)  # it is read at once, and is not there
    path.write_text(json.dumps(given), encoding="utf-8")
    return read_settings(path, {})


def needed(listed: Listed) -> tuple[str, str]:
    return listed.group, listed.plural


def test_the_cluster_role_reads_every_kind_but_secrets(version: str) -> None:
    role = readable(one_of(rendered(version), "ClusterRole"))

    assert {needed(listed) for kind, listed in KINDS.items() if kind is not Secret} - role == set()
    assert ("", "pods/log") in role
    assert needed(DEFINITIONS) in role
    assert {("", "events"), ("events.k8s.io", "events")} <= role
    assert ("", "secrets") not in role


def test_the_right_to_ask_whose_a_token_is_goes_with_the_way_in(version: str) -> None:
    def asks(combination: str, *sets: str) -> bool:
        roles = [one for one in rendered(version, combination, *sets) if one["kind"] == "ClusterRole"]
        return any(("authentication.k8s.io", "tokenreviews") in readable(role) for role in roles)

    assert asks("default")
    assert not asks("oidc")
    assert not asks("namespaced")
    chosen = rendered(version, "namespaced", "auth.serviceAccounts.enabled=true")
    assert readable(one_of(chosen, "ClusterRole")) == {("authentication.k8s.io", "tokenreviews")}
    assert one_of(chosen, "ClusterRoleBinding")["subjects"][0]["namespace"] == "tools"


def test_a_namespaced_installation_reads_its_namespaces_and_nothing_else(version: str) -> None:
    documents = rendered(version, "namespaced")
    roles = [one for one in documents if one["kind"] == "Role"]
    bindings = [one for one in documents if one["kind"] == "RoleBinding"]

    assert not [one for one in documents if one["kind"].startswith("ClusterRole")]
    assert [role["metadata"]["namespace"] for role in roles] == ["shop", "payments"]
    assert [one["metadata"]["namespace"] for one in bindings] == ["shop", "payments"]
    assert {subject["namespace"] for one in bindings for subject in one["subjects"]} == {"tools"}
    of_the_cluster = {needed(listed) for listed in KINDS.values() if not listed.namespaced}
    assert not [role for role in roles if readable(role) & of_the_cluster]
    namespaced = {needed(listed) for kind, listed in KINDS.items() if listed.namespaced and kind is not Secret}
    assert namespaced - readable(roles[0]) == set()


def test_the_history_of_helm_takes_secrets_and_the_setting(version: str, tmp_path: Path) -> None:
    documents = rendered(version, "helm-history")
    secrets = [rule for rule in one_of(documents, "ClusterRole")["rules"] if "secrets" in rule["resources"]]

    assert secrets == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}]
    assert settings_of(documents, tmp_path).helm_history
    assert not settings_of(rendered(version), tmp_path).helm_history


def test_a_plugin_may_read_a_kind_of_its_own(version: str) -> None:
    assert ("acme.io", "queues") in readable(one_of(rendered(version, "plugins-claim"), "ClusterRole"))


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_the_program_takes_the_settings_of_every_combination(version: str, combination: str, tmp_path: Path) -> None:
    given = yaml.safe_load(values(combination).read_text(encoding="utf-8"))

    settings = settings_of(rendered(version, combination), tmp_path)

    assert settings.state_dir == "/var/lib/sre-orchestrator"
    assert settings.namespace == ",".join(given.get("rbac", {}).get("namespaces", ()))


def test_settings_arrive_as_they_were_given(version: str, tmp_path: Path) -> None:
    documents = rendered(version, "own-rules")

    settings = settings_of(documents, tmp_path)

    assert settings.snapshot_limits.unpacked_bytes == 1_073_741_824
    assert settings.block_plugins == ("storage",)
    mounted = ("/etc/sre-orchestrator/rules/shop-rules", "/etc/sre-orchestrator/rules/platform.rules")
    assert settings.rule_folders == ("/plugins/acme/rules", *mounted)
    (container,) = pod_of(documents)["containers"]
    assert set(mounted) <= {mount["mountPath"] for mount in container["volumeMounts"]}


def test_changed_settings_restart_the_pods(version: str) -> None:
    def checksum(*sets: str) -> str:
        pod = one_of(rendered(version, "default", *sets), "StatefulSet")["spec"]["template"]
        return str(pod["metadata"]["annotations"]["checksum/settings"])

    assert checksum() == checksum("replicas=1")
    assert checksum() != checksum("settings.rounds=3")


def test_the_container_serves_and_watches_and_is_asked_whether_it_is_well(version: str) -> None:
    (container,) = pod_of(rendered(version))["containers"]

    assert container["command"][:3] == ["sre-orchestrator", "serve", "--watch"]
    assert {"--host=0.0.0.0", "--port=8080", f"--settings={SETTINGS}"} <= set(container["command"])
    assert container["startupProbe"]["httpGet"] == container["livenessProbe"]["httpGet"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}


def test_who_calls_is_in_the_own_namespace_or_named(version: str) -> None:
    def callers(combination: str) -> list[Any]:
        (rule,) = one_of(rendered(version, combination), "NetworkPolicy")["spec"]["ingress"]
        return [rule["ports"], *rule["from"]]

    port = [{"port": "http", "protocol": "TCP"}]
    assert callers("default") == [port, {"podSelector": {}}]
    assert callers("narrow-network") == [port, {"podSelector": {}}, {"namespaceSelector": named("platform")}]
    assert callers("monitored") == [port, {"podSelector": {}}, {"namespaceSelector": named("observability")}]


def test_calls_go_to_names_api_server_and_what_is_read(version: str) -> None:
    names = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    everywhere = {"to": [{"namespaceSelector": {}}]}

    assert egress(rendered(version))[0] == names
    assert egress(rendered(version))[2:] == [everywhere]
    _, api_server, monitoring = egress(rendered(version, "narrow-network"))
    assert api_server["ports"] == [{"port": 6443, "protocol": "TCP"}]
    assert [one["ipBlock"]["cidr"] for one in api_server["to"]] == ["10.96.0.1/32", "172.18.0.2/32"]
    assert monitoring == {"to": [{"podSelector": {}}, {"namespaceSelector": named("monitoring")}]}
    assert egress(rendered(version, "namespaced"))[2]["to"][1] == {"namespaceSelector": named("shop", "payments")}
    assert egress(rendered(version, "replicas"))[3]["ports"] == [{"port": 5432, "protocol": "TCP"}]


def named(*namespaces: str) -> Manifest:
    key = "kubernetes.io/metadata.name"
    return {"matchExpressions": [{"key": key, "operator": "In", "values": list(namespaces)}]}


def test_behind_a_narrow_policy_nothing_is_probed_unless_settings_say_so(version: str, tmp_path: Path) -> None:
    narrow, asked = (
        settings_of(rendered(version, "narrow-network", *sets), tmp_path)
        for sets in ((), ("settings.probes.enabled=true",))
    )

    assert settings_of(rendered(version), tmp_path).probes.enabled is None
    assert narrow.probes.enabled is False
    assert asked.probes.enabled is True


def mounted_secrets(documents: tuple[Manifest, ...]) -> dict[str, str]:
    """Return where each Secret is mounted."""
    pod = pod_of(documents)
    names = {one["name"]: one["secret"]["secretName"] for one in pod["volumes"] if "secret" in one}
    return {
        names[one["name"]]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"] if one["name"] in names
    }


def test_replicas_share_a_database(version: str) -> None:
    documents = rendered(version, "replicas")
    (text,) = [one["data"]["settings.yaml"] for one in documents if "settings.yaml" in one.get("data", {})]
    given = json.loads(text)
    place = "/etc/sre-orchestrator/secrets/sre-orchestrator-database"

    assert one_of(documents, "StatefulSet")["spec"]["replicas"] == 3
    assert mounted_secrets(documents) == {"sre-orchestrator-database": place}
    (number,) = [
        one["valueFrom"]["fieldRef"]["fieldPath"]
        for one in pod_of(documents)["containers"][0]["env"]
        if one["name"] == "SRE_ORCHESTRATOR_REPLICA"
    ]
    assert number == "metadata.labels['apps.kubernetes.io/pod-index']"
    assert given["service"]["database_url_file"] == f"{place}/url"
    assert one_of(documents, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_state_is_on_a_claim_or_lost(version: str) -> None:
    kept, lost = (one_of(rendered(version, one), "StatefulSet") for one in ("placed", "ephemeral"))
    (claim,) = kept["spec"]["volumeClaimTemplates"]

    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["resources"]["requests"]["storage"] == "10Gi"
    assert "volumeClaimTemplates" not in lost["spec"]
    assert {"name": "state", "emptyDir": {"sizeLimit": "2Gi"}} in lost["spec"]["template"]["spec"]["volumes"]


def test_a_model_comes_from_where_it_is_said(version: str) -> None:
    def model(combination: str) -> Manifest:
        pod = pod_of(rendered(version, combination))
        (volume,) = [one for one in pod["volumes"] if one["name"] == "model"]
        mounts = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "model"]
        assert mounts == [{"name": "model", "mountPath": "/models", "readOnly": True}]
        return volume

    copying = pod_of(rendered(version, "airgapped-images"))["initContainers"][0]

    assert model("airgapped-claim")["persistentVolumeClaim"] == {"claimName": "models", "readOnly": True}
    assert model("image-volumes")["image"]["reference"] == "registry.internal/models/small:1"
    assert model("airgapped-images")["emptyDir"] == {}
    assert copying["image"] == "registry.internal/models/small:1"
    assert copying["command"] == ["cp", "-R", "/models/.", "/model/"]


def test_the_own_account_may_call_unless_only_keys_or_an_issuer_do(version: str, tmp_path: Path) -> None:
    def auth(combination: str) -> Auth:
        return settings_of(rendered(version, combination), tmp_path).service.auth

    own = Allowed(name="system:serviceaccount:tools:sre-sre-orchestrator", scopes=("read", "report"))
    shop = Allowed(group="system:serviceaccounts:shop", scopes=("read", "report"), namespaces=("shop",))
    assert auth("default").service_accounts.allowed == (own,)
    assert auth("default").service_accounts.enabled
    assert auth("callers").service_accounts.allowed == (shop, own)
    assert auth("placed").service_accounts.allowed[0].name == "system:serviceaccount:tools:reader"
    assert auth("oidc").oidc.issuer == "https://login.example.org"
    for combination in ("namespaced", "oidc"):
        assert not auth(combination).service_accounts.enabled
        assert auth(combination).start_closed


def test_keys_of_callers_are_where_their_secret_is_mounted(version: str, tmp_path: Path) -> None:
    documents = rendered(version, "callers")
    place = "/etc/sre-orchestrator/secrets/callers"

    assert settings_of(documents, tmp_path).service.auth.keys == (
        FileKey(name="alertmanager", file=f"{place}/alertmanager", scopes=("report",)),
        FileKey(name="shop", file=f"{place}/shop", scopes=("read",), namespaces=("shop",)),
    )
    assert mounted_secrets(documents) == {"callers": place, "slack": "/etc/sre-orchestrator/secrets/slack"}


def test_the_test_comes_in_as_the_own_account_where_accounts_may(version: str) -> None:
    accounts, none = (one_of(rendered(version, one), "Pod")["spec"] for one in ("placed", "namespaced"))
    (source,) = accounts["volumes"][0]["projected"]["sources"]

    assert accounts["serviceAccountName"] == "reader"
    assert source == {"serviceAccountToken": {"audience": "sre-orchestrator", "path": "token"}}
    assert accounts["containers"][0]["command"][-2:] == ["/token/token", "http://sre-diagnosis:80"]
    assert "volumes" not in none
    assert none["containers"][0]["command"][-1] == "http://sre-sre-orchestrator:8080"
    assert none["containers"][0]["command"][-2] != "/token/token"


def test_metrics_are_open_where_they_are_scraped(version: str, tmp_path: Path) -> None:
    assert settings_of(rendered(version, "monitored"), tmp_path).service.open_metrics
    assert not settings_of(rendered(version), tmp_path).service.open_metrics


def test_secrets_are_mounted_for_the_settings_that_name_them(version: str, tmp_path: Path) -> None:
    documents = rendered(version, "monitored")

    file = Path(settings_of(documents, tmp_path).prometheus.bearer_token_file)

    assert str(file.parent) in mounted_secrets(documents).values()


def test_the_platform_may_choose_the_user(version: str) -> None:
    chosen, ours = (pod_of(rendered(version, one))["securityContext"] for one in ("openshift", "default"))

    assert {ours[key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {65532}
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(chosen)
    assert chosen["runAsNonRoot"] is True
    assert pod_of(rendered(version, "default", "user=1000660000"))["securityContext"]["fsGroup"] == 1_000_660_000


def test_a_digest_wins_over_a_tag(version: str) -> None:
    (container,) = pod_of(rendered(version, "airgapped-claim"))["containers"]

    assert container["image"].startswith("registry.internal:5000/sre/sre-orchestrator@sha256:")


def test_two_releases_do_not_meet(version: str) -> None:
    def names(release: str, namespace: str) -> set[tuple[str, str]]:
        done = helm(version, "template", release, str(CHART), "--namespace", namespace)
        cluster = {"ClusterRole", "ClusterRoleBinding"}
        return {(one["kind"], one["metadata"]["name"]) for one in manifests(done.stdout) if one["kind"] in cluster}

    assert names("sre", "a").isdisjoint(names("sre", "b"))
    assert names("one", "a").isdisjoint(names("two", "a"))


def test_names_become_what_labels_hold(version: str) -> None:
    name = one_of(rendered(version, "default", "fullnameOverride=" + "a" * 51 + ".b"), "StatefulSet")["metadata"][
        "name"
    ]

    assert name == "a" * 51


def test_the_defaults_are_written_down_and_known_to_the_schema(version: str) -> None:
    shown = yaml.safe_load(helm(version, "show", "values", str(CHART)).stdout)
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))

    assert set(shown) == set(schema["properties"]) - {"global"}
