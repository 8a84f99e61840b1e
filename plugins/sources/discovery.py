"""Finds services in the cluster by the labels and names that charts and operators give them."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.core.settings import Endpoint
from sre_orchestrator.plugins.objects.network import Service, ServicePort
from sre_orchestrator.plugins.sources.http import HttpService, ServiceProblem
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Found, Listing

# Services of the same kind are tried in this order of their namespaces, then of the alphabet.
NAMESPACES = ("monitoring", "prometheus", "observability", "metrics", "logging", "loki", "openshift-monitoring", "victoria-metrics", "kube-system")  # fmt: skip
MOST_TRIED = 5
MOST_SECONDS = 10.0  # an agent that waits for this has others to ask
AGAIN_SECONDS = 60.0
SECURE = re.compile(r"https|tls", re.IGNORECASE)
SECURE_PORTS = frozenset({443, 6443, 8443, 9443})


class Mark(Struct, frozen=True, kw_only=True):
    """How one kind of service is known: a label with its value, or the whole name; then where its API is.

    ``ports`` are names and numbers, the first that the service has counts; ``prefix`` begins the path.
    """

    label: str = ""
    value: str = ""
    name: str = ""
    ports: tuple[str, ...]
    prefix: str = ""

    def fits(self, service: Service) -> bool:
        """Say whether ``service`` carries this mark."""
        labels = service.metadata.labels
        label = not self.label or re.fullmatch(self.value, labels.get(self.label, "")) is not None
        return label and (not self.name or re.fullmatch(self.name, service.metadata.name) is not None)

    @property
    def text(self) -> str:
        """Return the mark as words."""
        return f"label {self.label}" if self.label else "name"


class Wanted(Struct, frozen=True, kw_only=True):
    """What is looked for: the group of settings, the marks in order of preference, names that are something else.

    ``prefixes`` are tried after the mark's own when the path is not found.
    """

    key: str
    marks: tuple[Mark, ...]
    others: str
    prefixes: tuple[str, ...] = ("",)


class Candidate(Struct, frozen=True, kw_only=True):
    """A service that may be the one: its address, and how it was found."""

    address: str
    prefix: str
    how: str


def candidates(services: tuple[Service, ...], wanted: Wanted) -> Iterator[Candidate]:
    """Yield the services that may be the one, best first, each once."""
    others = re.compile(wanted.others)
    seen: set[tuple[str, str]] = set()
    for mark in wanted.marks:
        for service in sorted(filter(mark.fits, services), key=_preference):
            meta, port = service.metadata, _port(service, mark)
            place = (meta.namespace, meta.name)
            if port is None or others.search(meta.name) or service.spec.external_name or place in seen:
                continue
            seen.add(place)
            scheme = "https" if _secure(port) else "http"
            yield Candidate(
                address=f"{scheme}://{meta.name}.{meta.namespace}.svc:{port.port}",
                prefix=mark.prefix,
                how=f"service {meta.namespace}/{meta.name} by {mark.text}",
            )


class Located:
    """The service of ``wanted``: at the address in the settings, or found in the cluster when first asked for.

    ``probe`` asks a service for something small and returns its version; it raises ``ServiceProblem``.
    What was found is kept; that nothing was found is forgotten after a minute. Credentials of the settings
    go to an address of the settings only: whoever may create a service could else collect them.
    """

    def __init__(
        self,
        wanted: Wanted,
        endpoint: Endpoint,
        cluster: ClusterObjects | None,
        probe: Callable[[HttpService], str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wanted = wanted
        self._endpoint = endpoint
        self._cluster = cluster
        self._probe = probe
        self._clock = clock
        self._service: HttpService | None = None
        self._found = Found(name=wanted.key)
        self._missing: SourceMissing | None = None
        self._missed_at = 0.0
        self._lock = threading.Lock()

    async def service(self) -> HttpService:
        """Return the service.

        Raises:
            SourceMissing: settings name none and the cluster has none, or none answers.

        """
        with self._lock:
            if self._service:
                return self._service
            if self._missing and self._clock() - self._missed_at < AGAIN_SECONDS:
                raise self._missing
            try:
                self._service = await self._look()
            except SourceMissing as missing:
                self._missing, self._missed_at = missing, self._clock()
                raise
            return self._service

    async def describe(self) -> Found:
        """Return what was found, and what is wrong."""
        try:
            await self.service()
        except ServiceProblem as problem:
            return Found(
                name=self.wanted.key,
                address=self._found.address,
                how=self._found.how,
                problem=problem.why,
                remedy=problem.remedy,
            )
        except SourceMissing as missing:
            what, _, remedy = str(missing).partition("; ")
            return Found(name=self.wanted.key, problem=what, remedy=remedy)
        return self._found

    async def _look(self) -> HttpService:
        key = self.wanted.key
        if self._endpoint.url:
            self._found = Found(name=key, address=without_secrets(self._endpoint.url), how=f"{key}.url")
            return self._probed(HttpService(self._endpoint, key), f"{key}.url")
        first: ServiceProblem | None = None
        begun = self._clock()
        for candidate in await self._candidates():
            if self._clock() - begun > MOST_SECONDS:
                break
            try:
                return self._tried(candidate)
            except ServiceProblem as problem:
                if first is None:
                    first = problem
                    self._found = Found(name=key, address=candidate.address, how=candidate.how)
        raise first or SourceMissing(f"no {key} was found among the cluster's services; set {key}.url to its address")

    async def _candidates(self) -> list[Candidate]:
        listing = await self._cluster.list(Service) if self._cluster else Listing[Service](items=())
        found = list(candidates(listing.items, self.wanted))[:MOST_TRIED]
        if listing.gaps and not found:
            key = self.wanted.key
            raise SourceMissing(f"no {key} was found: services could not all be listed; set {key}.url to its address")
        return found

    def _tried(self, candidate: Candidate) -> HttpService:
        endpoint = Endpoint(timeout_seconds=self._endpoint.timeout_seconds, ca_file=self._endpoint.ca_file)
        problems: list[ServiceProblem] = []
        for prefix in dict.fromkeys((candidate.prefix, *self.wanted.prefixes)):
            try:
                return self._probed(HttpService(endpoint, self.wanted.key, candidate.address + prefix), candidate.how)
            except ServiceProblem as problem:
                problems.append(problem)
                if not problem.status:
                    break
        raise problems[0]

    def _probed(self, service: HttpService, how: str) -> HttpService:
        version = self._probe(service)
        address = without_secrets(service.address)
        self._found = Found(name=self.wanted.key, address=address, how=how, version=version)
        return service


def _preference(service: Service) -> tuple[int, str, str]:
    space = service.metadata.namespace
    return NAMESPACES.index(space) if space in NAMESPACES else len(NAMESPACES), space, service.metadata.name


def _port(service: Service, mark: Mark) -> ServicePort | None:
    for wanted in mark.ports:
        for port in service.spec.ports:
            if wanted in (port.name, str(port.port)):
                return port
    return next((port for port in service.spec.ports if port.protocol == "TCP"), None)


def _secure(port: ServicePort) -> bool:
    return port.port in SECURE_PORTS or bool(SECURE.search(f"{port.name} {port.app_protocol}"))
