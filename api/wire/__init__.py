"""The Kubernetes wire protocol over a store of objects: read-only, so that real clients can look at a snapshot."""

from sre_orchestrator.api.wire.kubeconfig import write_kubeconfig
from sre_orchestrator.api.wire.recorded import store_of
from sre_orchestrator.api.wire.server import serving
from sre_orchestrator.api.wire.store import Store

__all__ = ["Store", "serving", "store_of", "write_kubeconfig"]
