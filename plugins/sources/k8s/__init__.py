"""A running cluster as a source: the Kubernetes API, read only."""

from sre_orchestrator.plugins.sources.k8s.cluster import Cluster, open_cluster

__all__ = ["Cluster", "open_cluster"]
