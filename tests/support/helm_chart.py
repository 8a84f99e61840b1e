"""A tiny chart and a real helm that installs it into the API of ``helm_api``."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import anyio
from extras import program
from helm_api import Cluster
from shop import write_snapshot

from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.sources.ports import ReleaseHistory
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

Json = dict[str, Any]
CHART = "apiVersion: v2\nname: cart\nversion: {version}\nappVersion: {app}\n"
VALUES = """\
replicas: 2
image: {repository: registry.example/shop/cart, tag: 1.4.2}
memory: 512Mi
database: {host: orders-db, password: from-the-chart}
"""
WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}", labels: {app: cart, helm.sh/chart: "{{ .Chart.Name }}-{{ .Chart.Version }}"}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec:
      containers:
        - name: app
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          ports: [{containerPort: 8080}]
          env: [{name: DB_HOST, value: {{ .Values.database.host }}}]
          resources: {limits: {memory: {{ .Values.memory }}}}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: "{{ .Release.Name }}"}
spec: {selector: {app: cart}, ports: [{port: 80, targetPort: 8080}]}
"""
SETTINGS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-settings"}
data:
  app.properties: |
    db.host={{ .Values.database.host }}
    pool=10
---
apiVersion: v1
kind: Secret
metadata: {name: "{{ .Release.Name }}-db"}
stringData: {password: {{ .Values.database.password }}}
"""
MIGRATION = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-migrate"
  annotations: {helm.sh/hook: "pre-upgrade", helm.sh/hook-delete-policy: before-hook-creation}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: migrate, image: registry.example/shop/cart-migrate:1.4.2}]}
"""


def write_chart(folder: Path, version: str = "0.3.0", app: str = "1.4.2") -> Path:
    """Write the chart and return its folder."""
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    (folder / "Chart.yaml").write_text(CHART.format(version=version, app=app), encoding="utf-8")
    (folder / "values.yaml").write_text(VALUES, encoding="utf-8")
    for name, text in (("app", WORKLOAD), ("service", SERVICE), ("settings", SETTINGS), ("migration", MIGRATION)):
        (folder / "templates" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


LISTED = (
    "Deployment", "StatefulSet", "DaemonSet", "Service", "ConfigMap", "Secret", "Job", "CronJob", "Pod", "ReplicaSet",
    "HorizontalPodAutoscaler", "Ingress", "Event",
)  # fmt: skip


class Helm:
    """A real helm of one version with a home of its own."""

    def __init__(self, version: str, address: str, folder: Path, namespace: str = "shop") -> None:
        self.version = version
        self.chart = write_chart(folder / "cart")
        self._program = program(f"helm-{version}")
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
            "clusters": [{"name": "test", "cluster": {"server": address}}],
            "users": [{"name": "test", "user": {}}],
        }
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(config), encoding="utf-8")
        self._environment = {"HOME": str(folder), "KUBECONFIG": str(self.kubeconfig), "PATH": os.environ["PATH"]}

    def __call__(self, *words: str, driver: str = "", fails: bool = False) -> str:
        """Run helm and return what it prints."""
        environment = self._environment | ({"HELM_DRIVER": driver} if driver else {})
        done = subprocess.run(
            [self._program, *words], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode != 0) == fails, done.stderr + done.stdout
        return done.stderr if fails else done.stdout

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """Start helm and return its process."""
        return subprocess.Popen([self._program, *words], env=self._environment, stderr=subprocess.DEVNULL)

    def install(self, *words: str, **more: Any) -> str:
        """Install the chart as ``cart``."""
        return self("install", "cart", str(self.chart), "--disable-openapi-validation", *words, **more)

    def upgrade(self, *words: str, **more: Any) -> str:
        """Upgrade it."""
        return self("upgrade", "cart", str(self.chart), "--disable-openapi-validation", *words, **more)

    def json(self, *words: str) -> Any:
        """Return what helm prints as JSON."""
        return json.loads(self(*words, "-o", "json"))


def recorded(cluster: Cluster, folder: Path, *, contents: bool = True, **more: Any) -> Path:
    """Write what is in ``cluster`` as a snapshot; without ``contents``, of Secrets and their like the labels only."""
    items = [json.loads(json.dumps(one)) for _, found in cluster.kinds() for one in found]
    for one in items:
        if not contents and one["metadata"].get("labels", {}).get("owner") == "helm":
            one["data"] = {"release": "***"}
    kinds = [kind for kind in LISTED if all(kind != one["kind"] for one in items)]
    return write_snapshot(folder, *items, kinds=kinds, **more)


def releases_in(path: Path, *namespaces: str) -> ReleaseHistory:
    """Return the releases of a snapshot."""
    with open_snapshot(path, SnapshotLimits()) as snapshot:
        return anyio.run(snapshot.releases, namespaces or ("shop",))
