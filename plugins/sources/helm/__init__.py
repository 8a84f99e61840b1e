"""Helm releases as a source: decoded from what Helm keeps in the cluster, or told from the labels of objects."""

from sre_orchestrator.plugins.sources.helm.history import read_releases
from sre_orchestrator.plugins.sources.helm.source import HelmReleases, register_sources

__all__ = ["HelmReleases", "read_releases", "register_sources"]
