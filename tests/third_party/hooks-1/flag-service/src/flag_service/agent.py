"""The agent: which workloads call Flag Service, and how Flag Service says that it is."""

import re
from collections.abc import AsyncIterator, Iterator

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.plugins.objects.workloads import Deployment, StatefulSet, Workload
from sre_orchestrator.plugins.sources.ports import ClusterObjects

from flag_service.options import Options
from flag_service.source import StatusPage

KIND = "flag-service.status"
ADDRESS = re.compile(r"\w+://(?:[^/@\s]*@)?(?P<host>[\w.-]+)")


class StatusAgent:
    """Reports the troubles of Flag Service to the workloads that call it; concludes nothing."""

    name = "flag-service"
    description = "Flag Service, a service outside the cluster: outages, who calls it"
    examples = ("Flag Service is down", "calls to Flag Service fail or time out")
    kinds = frozenset({KIND})

    def __init__(self, options: Options) -> None:
        self._options = options

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield a fact for each workload in scope that calls Flag Service and each part that is not operational."""
        page = sources.find(StatusPage)
        if page is None:
            yield Gap(
                agent=self.name,
                what="whether Flag Service is down",
                why="nobody said where its status page is",
                remedy="set plugins: {flag-service: {url: https://…}}",
            )
            return
        observe = Observer(self.name, sources.cluster)
        troubled = [part for part in await page.parts() if part.status != "operational"]
        cluster = sources.need(ClusterObjects)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        for kind in (Deployment, StatefulSet):
            listed = await cluster.list(kind)
            for workload in listed.items:
                if workload.metadata.namespace not in scope.namespaces:
                    continue
                component = component_id(kind.__name__, workload.metadata.namespace, workload.metadata.name)
                for host, variable in self._calls(workload):
                    for part in troubled:
                        yield observe(
                            KIND,
                            component,
                            query=f"curl {self._options.url}/api/v2/components.json",
                            at=part.updated_at,
                            part=part.name,
                            status=part.status,
                            host=host,
                            variable=variable,
                        )
        for namespace in scope.namespaces:
            yield Coverage(kind=KIND, scope=f"namespace/{namespace}")

    def _calls(self, workload: Workload) -> Iterator[tuple[str, str]]:
        """Yield the hosts of Flag Service that environment variables name, and those variables."""
        for container in workload.spec.template.spec.containers:
            for variable in container.env:
                address = ADDRESS.match(variable.value)
                if address and f".{address['host']}".endswith(f".{self._options.domain}"):
                    yield address["host"], variable.name
