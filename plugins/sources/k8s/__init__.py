"""A running cluster as a source: the Kubernetes API, read only."""

from sre_orchestrator.plugins.sources.k8s.cluster import Cluster, open_cluster
from sre_orchestrator.plugins.sources.k8s.tokens import ClusterTokens

__all__ = ["Cluster", "ClusterTokens", "open_cluster"]
