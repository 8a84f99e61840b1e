"""What the chart renders is what Kubernetes accepts: each documented combination, each Helm, each version."""

from __future__ import annotations

import pytest
from helm import COMBINATIONS, HELMS, KUBERNETES, Manifest, complaints, manifests, template
from jsonschema import Draft202012Validator

WITHOUT_IMAGE_VOLUMES = {f"1.{minor}" for minor in range(28, 33)}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
SERVICE_MONITOR = {  # what the operator's definition says of the fields used here
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "monitoring.coreos.com/v1"},
        "kind": {"const": "ServiceMonitor"},
        "metadata": {"type": "object", "properties": {"name": {"type": "string"}, "labels": TEXTS}},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["endpoints", "selector"],
            "properties": {
                "selector": {"type": "object", "properties": {"matchLabels": TEXTS}},
                "endpoints": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "port": {"const": "http"},
                            "path": {"const": "/metrics"},
                            "interval": {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"},
                        },
                    },
                },
            },
        },
    },
}


def wrong(manifest: Manifest, kubernetes: str) -> list[str]:
    if manifest["kind"] == "PrometheusRule":  # tests/chart/test_alerts.py has promtool look at it
        return [] if set(manifest) == {"apiVersion", "kind", "metadata", "spec"} else ["unknown fields"]
    if manifest["kind"] == "ServiceMonitor":
        return [error.message for error in Draft202012Validator(SERVICE_MONITOR).iter_errors(manifest)]
    return complaints(manifest, kubernetes)


@pytest.mark.parametrize("combination", COMBINATIONS)
@pytest.mark.parametrize("version", HELMS)
def test_every_combination_fits_every_version_of_kubernetes(version: str, combination: str) -> None:
    for kubernetes in KUBERNETES:
        done = template(version, combination=combination, kubernetes=kubernetes)

        if combination == "image-volumes" and kubernetes in WITHOUT_IMAGE_VOLUMES:
            assert done.returncode != 0
            assert f"Kubernetes v{kubernetes}.0 has no image volumes; 1.33 has" in done.stderr
            continue
        assert done.returncode == 0, done.stderr
        for manifest in manifests(done.stdout):
            assert wrong(manifest, kubernetes) == [], f"{kubernetes}: {manifest['kind']}"


@pytest.mark.parametrize("version", HELMS)
def test_kubernetes_before_1_28_is_refused(version: str) -> None:
    done = template(version, kubernetes="1.27")

    assert done.returncode != 0
    assert "incompatible with Kubernetes v1.27.0" in done.stderr


def test_the_schemas_find_what_is_wrong() -> None:
    good = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}
    typing_error = {**good, "spec": {"ports": [{"prot": 80}]}}

    assert complaints(good, "1.28") == []
    assert len(complaints(typing_error, "1.28")) == 2
    with pytest.raises(FileNotFoundError):
        complaints({**good, "kind": "Servise"}, "1.28")
