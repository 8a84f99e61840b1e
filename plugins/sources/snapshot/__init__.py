"""A recorded incident as a source: a folder or archive in the support-bundle layout."""

from sre_orchestrator.plugins.sources.snapshot.source import Snapshot, open_snapshot

__all__ = ["Snapshot", "open_snapshot"]
