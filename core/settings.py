"""Settings: one struct, from a TOML or YAML file and the environment; unknown keys are refused."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Annotated, Literal

import msgspec
import platformdirs

from sre_orchestrator.core.databases import NO_ADDRESS, is_address
from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.core.errors import SettingsError
from sre_orchestrator.core.mcp_servers import McpServer
from sre_orchestrator.core.models import Struct, Verdict

PREFIX = "SRE_ORCHESTRATOR_"
Positive = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]


class SnapshotLimits(Struct, frozen=True, kw_only=True):
    """Bounds on what an archive may unpack to (bytes, files) and on one log line (bytes)."""

    unpacked_bytes: Positive = 4 * 1024**3
    files: Positive = 200_000
    log_line_bytes: Positive = 64 * 1024


class ClusterAccess(Struct, frozen=True, kw_only=True):
    """How the Kubernetes API is reached: a kubeconfig (default: ``KUBECONFIG``, ``~/.kube/config``, then the pod's account)."""

    kubeconfig: str = ""
    context: str = ""
    timeout_seconds: Seconds = 20.0
    page_size: Positive = 500
    log_bytes: Positive = 4 * 1024**2


class Endpoint(Struct, frozen=True, kw_only=True):
    """An HTTP service; without ``url`` it is looked for in the cluster. Credentials are files, read at each use."""

    url: str = ""
    timeout_seconds: Seconds = 20.0
    bearer_token_file: str = ""
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    client_certificate_file: str = ""
    client_key_file: str = ""
    headers: dict[str, str] = {}


class ProbeLimits(Struct, frozen=True, kw_only=True):
    """Active checks of services and ingresses: whether, how many a second and in one look, and how long each may take."""

    enabled: bool | None = None
    per_second: Positive = 50
    most: Positive = 100
    timeout_seconds: Seconds = 2.0


class AuthChecks(Struct, frozen=True, kw_only=True):
    """What is asked beside the cluster, as far as ``probes`` allow it: issuers of tokens, and addresses that speak TLS.

    ``issuers`` are addresses as in the ``iss`` of their tokens, ``endpoints`` are ``HOST:PORT``; ``ca_file`` holds the
    authorities (PEM) that are trusted beside those of this place and of the cluster.
    """

    issuers: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^https?://[^/\s@]+(/\S*)?$")], ...], msgspec.Meta(max_length=20)
    ] = ()
    endpoints: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^[^/\s@]+:\d{1,5}$")], ...], msgspec.Meta(max_length=50)
    ] = ()
    ca_file: str = ""
    timeout_seconds: Seconds = 3.0


class Objective(Struct, frozen=True, kw_only=True):
    """What a user flow promises: the share of requests without 5xx, and how long 95 of 100 requests take at most."""

    availability: Ratio | None = None
    latency_seconds: Seconds | None = None

    @property
    def allowed(self) -> float | None:
        """Return the share of requests that may fail."""
        return None if self.availability is None else round(1 - self.availability, 9)


class UserFlow(Struct, frozen=True, kw_only=True):
    """A user flow as its owner declares it: requests to a host, a route (``/orders/*``) or to services."""

    name: str
    host: str = ""
    route: str = ""
    namespace: str = ""
    services: tuple[str, ...] = ()
    objective: Objective = Objective()


class Watch(Struct, frozen=True, kw_only=True):
    """How ``watch`` looks and when it opens and closes incidents (``core.detect``).

    A symptom opens an incident when it was seen in ``open_after`` of the last ``open_within`` rounds; an incident
    closes when none of its symptoms was seen for ``close_after_seconds``. An event or a restart is a symptom from
    ``repeats`` times; what is younger than ``settle_seconds`` (a pod, a claim) is still starting. What begins
    within ``group_seconds`` and is related belongs together where no cause tells it.
    """

    interval_seconds: Seconds = 30.0
    window_minutes: Annotated[float, msgspec.Meta(gt=0, le=1440)] = 10.0
    open_after: Positive = 3
    open_within: Positive = 5
    close_after_seconds: Annotated[float, msgspec.Meta(ge=0)] = 300.0
    repeats: Positive = 3
    settle_seconds: Annotated[float, msgspec.Meta(ge=0)] = 120.0
    group_seconds: Annotated[float, msgspec.Meta(ge=0)] = 300.0
    skip_agents: tuple[str, ...] = ("logs", "connectivity")

    def __post_init__(self) -> None:
        """Refuse what would never open anything."""
        if self.open_after > self.open_within:
            raise ValueError("watch.open_after is more than watch.open_within; give as many rounds at least")


class TwinKeeping(Struct, frozen=True, kw_only=True):
    """How the twin of a live cluster is kept: how often it is written and read, and what history it holds (days, MiB)."""

    batch_seconds: Seconds = 0.5
    relist_seconds: Seconds = 60.0
    history_days: Annotated[float, msgspec.Meta(gt=0)] = 7.0
    most_mib: Positive = 512


class Allowed(Struct, frozen=True, kw_only=True):
    """What the members of ``group``, or the one who is called ``name``, may do, and where (no namespaces: everywhere)."""

    group: str = ""
    name: str = ""
    scopes: tuple[Literal["read", "report", "admin"], ...] = ("read",)
    namespaces: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = ()

    def __post_init__(self) -> None:
        """Refuse what fits nobody, or says two things."""
        if bool(self.group) == bool(self.name):
            raise ValueError("service.auth: an entry of allowed has no group and no name, or both; give one of them")


class AccountAuth(Struct, frozen=True, kw_only=True):
    """Kubernetes service accounts: the API server is asked about their tokens, which must be for one of ``audiences``.

    Its answers are remembered for ``remember_seconds``. The first of ``allowed`` that fits says what they may do.
    """

    enabled: bool = False
    audiences: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("sre-orchestrator",)
    remember_seconds: Seconds = 30.0
    allowed: tuple[Allowed, ...] = ()


class OidcAuth(Struct, frozen=True, kw_only=True):
    """Tokens of an OpenID Connect issuer, for ``audience``; symmetric algorithms are not to be had.

    The issuer's keys are at ``jwks_url`` (default: where its discovery document says) and are read again after
    ``keys_seconds``, or when a token names a new one. The first of ``allowed`` that fits says what somebody may do.
    """

    issuer: str = ""
    audience: str = ""
    jwks_url: str = ""
    algorithms: tuple[Literal["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"], ...] = ("RS256", "ES256")
    name_claim: str = "sub"
    groups_claim: str = "groups"
    keys_seconds: Seconds = 600.0
    timeout_seconds: Seconds = 5.0
    ca_file: str = ""
    allowed: tuple[Allowed, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would let in tokens for others, or keys that anybody on the way can change."""
        if self.issuer and not self.audience:
            raise ValueError("service.auth.oidc: has no audience; name the one that tokens for this service carry")
        for url in filter(None, (self.issuer, self.jwks_url)):
            if not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:", "http://[::1]:")):
                raise ValueError("service.auth.oidc: an address is not safe; begin issuer and jwks_url with https://")


class FileKey(Struct, frozen=True, kw_only=True):
    """An API key that is in a ``file``, read at each use: who has it is called ``name``, and may do ``scopes``."""

    name: str
    file: str
    scopes: tuple[Literal["read", "report", "admin"], ...] = ("read",)
    namespaces: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = ()


class Auth(Struct, frozen=True, kw_only=True):
    """Who else comes in beside API keys that ``sre-orchestrator keys`` makes.

    With ``start_closed`` the service starts where others reach it and nobody can come in yet: the first key is made
    beside it.
    """

    start_closed: bool = False
    keys: tuple[FileKey, ...] = ()
    service_accounts: AccountAuth = AccountAuth()
    oidc: OidcAuth = OidcAuth()


class RequestLimits(Struct, frozen=True, kw_only=True):
    """What requests may cost: how many a second (of a caller, of an address) and at a time, sizes, and how slow a body.

    ``trusted_proxies`` are the addresses (comma-separated) whose ``X-Forwarded-For`` says who really asks. Twice the
    rate may come at once. Where everybody may do everything (this machine only, no keys), there are no rates.
    """

    per_caller: Seconds = 200.0
    per_address: Seconds = 500.0
    concurrent: Positive = 256
    header_bytes: Positive = 16 * 1024
    query_bytes: Positive = 8 * 1024
    body_seconds: Seconds = 30.0
    trusted_proxies: str = ""


TOLD = (
    *("incident", "url", "description", "namespace", "cluster", "seen", "verdict"),
    *("cause", "component", "title", "because", "summary", "confidence", "remedy", "gaps"),
)


class Notify(Struct, frozen=True, kw_only=True):
    """Somebody who is told of finished incidents, all of them or those with one of ``verdicts``.

    Files of secrets are read at each use; ``name`` (default: the kind) tells two of the same kind apart. ``template`` is
    what a chat is told, with ``$name`` (one of ``TOLD``) for what is known of the incident.
    """

    kind: Literal["slack", "webhook", "cloudevents"]
    name: str = ""
    url: str = ""
    url_file: str = ""
    secret_file: str = ""
    verdicts: tuple[Verdict, ...] = ("diagnosed", "unresolved")
    timeout_seconds: Seconds = 10.0
    template: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be told."""
        template = Template(self.template)
        if self.template and self.kind != "slack":
            raise ValueError(f"service.notify {self.key}: template is for chats; leave it out, or give kind slack")
        if not template.is_valid() or (unknown := sorted(set(template.get_identifiers()) - set(TOLD))):
            wrong = f"${unknown[0]}" if template.is_valid() else "a $ without a name"
            raise ValueError(
                f"service.notify {self.key}: template holds {wrong}; known are {', '.join(TOLD)}, and $$ for a dollar"
            )
        if bool(self.url) == bool(self.url_file):
            raise ValueError(f"service.notify {self.key}: has no address, or two; give url or url_file")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ValueError(f"service.notify {self.key}: url is no address of a web service; begin it with https://")

    @property
    def key(self) -> str:
        """Return what it is told from others by."""
        return self.name or self.kind


class Service(Struct, frozen=True, kw_only=True):
    """How ``serve`` works: where it keeps incidents, how many it investigates at a time, how long and how often."""

    database_url: str = ""
    database_url_file: str = ""
    queue: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9.-]{0,40}$")] = ""
    workers: Positive = 2
    attempts: Positive = 3
    incident_seconds: Seconds = 300.0
    grace_seconds: Seconds = 30.0
    stalled_seconds: Seconds = 30.0
    retention_days: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    body_bytes: Positive = 1024**2
    alert_bytes: Positive = 16 * 1024**2
    bundle_bytes: Positive = 16 * 1024**2
    new_alert_incidents: Positive = 20
    runbook_bytes: Positive = 256 * 1024
    most_runbooks: Positive = 1000
    pagerduty_secret_file: str = ""
    notify: tuple[Notify, ...] = ()
    auth: Auth = Auth()
    requests: RequestLimits = RequestLimits()
    public_url: str = ""
    open_metrics: bool = False

    def __post_init__(self) -> None:
        """Refuse two databases, and targets that cannot be told from each other."""
        if self.database_url and self.database_url_file:
            raise ValueError("service: has two databases; give database_url or database_url_file")
        names = [one.key for one in self.notify]
        if len(set(names)) < len(names):
            raise ValueError("service.notify: two have the same name; give each a name of its own")


class DatabaseAccess(Struct, frozen=True, kw_only=True):
    """A database, cache or broker that may be asked how it is: only ever read, over one connection at a time.

    Its address is ``url`` or what ``url_file`` holds, read at each use, and says by its scheme what it is: ``postgresql``,
    ``mysql``, ``mariadb``, ``redis``, ``rediss``, ``rabbitmq+http`` or ``rabbitmq+https`` (the management API).
    ``password_file`` has the password where the address has none. ``component`` is the workload or service whose
    database this is; by default the service that the address names. ``timeout_seconds`` is for connecting and for each
    statement; a whole look takes three times that at most.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[\w.-]{1,63}$")]
    url: str = ""
    url_file: str = ""
    password_file: str = ""
    ca_file: str = ""
    component: Annotated[str, msgspec.Meta(pattern=r"^([a-z]+/[^/\s]+/[^/\s]+)?$")] = ""
    timeout_seconds: Seconds = 5.0

    def __post_init__(self) -> None:
        """Refuse what leads nowhere, or to two places; an address may hold a password, so none is shown."""
        if bool(self.url) == bool(self.url_file):
            raise ValueError(f"databases {self.name}: has no address, or two; give url or url_file")
        if self.url and not is_address(self.url):
            raise ValueError(f"databases {self.name}: {NO_ADDRESS}")


class ModelSettings(Struct, frozen=True, kw_only=True):
    """Which language model may help, in what, and how much it may cost an incident.

    ``use`` names it as ``KIND:NAME``: ``llama_cpp:/models/model.gguf`` or ``openai:NAME`` (of the server at
    ``base_url``). It takes part in those of ``steps`` for which it passed its examination. ``redact`` hides names from
    it (default: from any but a model of this machine); secrets are always hidden. If it is ``required``, a model that
    cannot be opened is an error, else a gap.
    """

    use: str = ""
    required: bool = False
    base_url: str = ""
    api_key_file: str = ""
    headers: dict[str, str] = {}
    ca_file: str = ""
    steps: tuple[Literal["read", "ask", "narrate"], ...] = ("read", "ask", "narrate")
    suggest: bool = False
    tokens: Positive = 3000
    seconds: Seconds = 60.0
    call_seconds: Seconds = 30.0
    redact: bool | None = None
    context_tokens: Positive = 4096
    threads: Positive | None = None
    embedder: str = ""


class KnowledgeSettings(Struct, frozen=True, kw_only=True):
    """Which runbooks are read, and how much of them.

    ``folders`` are ingested when a service starts, and by ``runbooks ingest`` where it names none. Pages are fetched from ``allowed_hosts`` only (``HOST`` or
    ``HOST:PORT``). A document weighs ``document_bytes`` at most, and ``unpacked_bytes`` where it is an archive; of a PDF
    ``pages`` are read. What was last reviewed more than ``stale_days`` ago is marked as stale. ``links`` is a file that
    says which runbook an alert is for and which causes it may have (``runbooks link`` proposes them).
    """

    folders: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    timeout_seconds: Seconds = 20.0
    document_bytes: Positive = 16 * 1024**2
    unpacked_bytes: Positive = 64 * 1024**2
    pages: Positive = 300
    documents: Positive = 20_000
    stale_days: Positive = 365
    links: str = ""


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that can be set; each key is also ``SRE_ORCHESTRATOR_<KEY>`` in the environment."""

    state_dir: str = msgspec.field(default_factory=lambda: platformdirs.user_state_dir("sre-orchestrator"))
    snapshot: str = ""
    namespace: str = ""
    agent_timeout_seconds: Seconds = 30.0
    concurrent_agents: Positive = 8
    rounds: Annotated[int, msgspec.Meta(ge=0)] = 2
    round_budget_seconds: Seconds = 120.0
    window_minutes: Annotated[float, msgspec.Meta(ge=0, le=525_600)] = 60.0
    confidence_floor: Ratio = 0.5
    engine: Literal["semi-naive", "durable-rules"] = "semi-naive"
    plugins: dict[str, dict[str, object]] = {}
    block_plugins: tuple[str, ...] = ()
    trace_plugins: bool = False
    rule_folders: tuple[str, ...] = ()
    signal_folders: tuple[str, ...] = ()
    metrics_matchers: str = ""
    helm_history: bool = False
    replica: Annotated[int, msgspec.Meta(ge=0)] = 0
    snapshot_limits: SnapshotLimits = SnapshotLimits()
    cluster: ClusterAccess = ClusterAccess()
    twin: TwinKeeping = TwinKeeping()
    prometheus: Endpoint = Endpoint()
    alertmanager: Endpoint = Endpoint()
    loki: Endpoint = Endpoint()
    service: Service = Service()
    user_flows: tuple[UserFlow, ...] = ()
    watch: Watch = Watch()
    probes: ProbeLimits = ProbeLimits()
    auth: AuthChecks = AuthChecks()
    databases: Annotated[tuple[DatabaseAccess, ...], msgspec.Meta(max_length=100)] = ()
    model: ModelSettings = ModelSettings()
    knowledge: KnowledgeSettings = KnowledgeSettings()
    mcp_servers: Annotated[tuple[McpServer, ...], msgspec.Meta(max_length=50)] = ()

    def __post_init__(self) -> None:
        """Refuse databases that cannot be told from each other."""
        names = [one.name for one in self.databases]
        if len(set(names)) < len(names):
            raise ValueError("databases: two have the same name; give each a name of its own")


_DEFAULTS = {one.name: {} if one.default_factory is dict else one.default for one in msgspec.structs.fields(Settings)}


def read_settings(path: Path | None, environment: Mapping[str, str], **overrides: object) -> Settings:
    """Read settings: file, then environment, then ``overrides`` that are not ``None``.

    Raises:
        SettingsError: the file or a variable cannot be used; the message names it.

    """
    values: dict[str, object] = _file(path) if path else {}
    for key in Settings.__struct_fields__:
        text = environment.get(PREFIX + key.upper())
        if text is not None:
            values[key] = _value(key, text)
    values |= {key: value for key, value in overrides.items() if value is not None}
    try:
        return _with_database(msgspec.convert(values, Settings, strict=False))
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path or 'environment'}: {error}; see docs/reference/settings.md for the keys") from error


def _with_database(settings: Settings) -> Settings:
    """Return ``settings`` with the address that ``service.database_url_file`` holds."""
    file = settings.service.database_url_file
    if not file:
        return settings
    try:
        url = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"service.database_url_file: {error}; name a readable file with an address") from error
    if not url:
        raise SettingsError(f"service.database_url_file: {file} is empty; write postgresql://… into it")
    service = msgspec.structs.replace(settings.service, database_url=url, database_url_file="")
    return msgspec.structs.replace(settings, service=service)


def _value(key: str, text: str) -> object:
    """Return the value of a variable: words are separated by commas, a group of settings is YAML such as ``{files: 9}``."""
    default = _DEFAULTS[key]
    if isinstance(default, tuple) and "{" not in text:
        return [part.strip() for part in text.split(",") if part.strip()]
    if not isinstance(default, Struct | tuple | dict):
        return text
    try:
        return read_yaml(text.encode(), object)
    except DocumentError as error:
        raise SettingsError(f"{PREFIX}{key.upper()}: {error}") from error


def _file(path: Path) -> dict[str, object]:
    try:
        text = path.read_bytes()
        if path.suffix == ".toml":
            return tomllib.loads(text.decode())
        return read_yaml(text, dict[str, object])
    except (OSError, ValueError, DocumentError) as error:
        raise SettingsError(f"{path}: {error}; give a readable TOML or YAML file") from error
