"""Writes what is generated in README.md and docs/reference: cog calls these; alone, it prints a schema (``openapi``: the API's)."""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import msgspec
import typer

from sre_orchestrator.api.cli.main import app
from sre_orchestrator.api.doctor import Checkup
from sre_orchestrator.api.render import text
from sre_orchestrator.api.scaffold import project_files
from sre_orchestrator.api.service.dispatch import InProcess, Silent
from sre_orchestrator.api.service.intake.routes import Doors
from sre_orchestrator.api.service.investigators import Live
from sre_orchestrator.api.service.mcp.schemas import schema_of
from sre_orchestrator.api.service.mcp.tools import TOOLS
from sre_orchestrator.api.service.rest.described import described
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.service.telemetry import Telemetry
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core import hookspecs, weigh
from sre_orchestrator.core.models import Cause, Report
from sre_orchestrator.core.settings import PREFIX, Settings, read_settings
from sre_orchestrator.core.vocabulary import FactKind, load_vocabulary
from sre_orchestrator.plugins.sources.http_series import SERVERS
from sre_orchestrator.plugins.sources.k8s.permissions import rights
from sre_orchestrator.plugins.sources.prometheus.table import load_table
from sre_orchestrator.rules import reader
from sre_orchestrator.rules.book import RuleBook, load_book
from sre_orchestrator.rules.model import Conclude, Rule
from sre_orchestrator.rules.templates import FILTERS

WEIGHTS = {
    "PRIOR": "where every hypothesis begins",
    "REPEATED": "factor for each further derivation",
    "MAX_PROOF": "bound of all proof together, for and against each",
    "SYMPTOMS": "times the share of symptoms that are explained",
    "NO_SYMPTOM": "no symptom is explained",
    "NAMED": "the incident names a component within reach",
    "WORDS": "the incident's words fit the symptoms of the cause",
    "CHANGED": "the blamed object changed before its first symptom",
    "UNDECIDED": "less for each condition that nobody could decide",
    "MAX_UNDECIDED": "bound of those together",
    "EXPLAINED_WEAK": "less when another hypothesis explains it and no strong rule proves it",
    "EXPLAINED_STRONG": "less when another hypothesis explains it although a strong rule proves it",
    "CHANGE_ALONE": "at most, for a cause of category `change`: a change is never the proof by itself",
}
KEYS = {
    "id": "equals the file name; lower-case words joined by `-`",
    "title": "one line: what is wrong",
    "status": "`experimental`, `stable` or `deprecated`",
    "why": "why these facts prove it, for the reader of a proof",
    "references": "addresses of documentation",
    "when": "the conditions: `all`, `any`, `count`, `none`",
    "then": "one conclusion or a list: `cause` or `against`, or `derive`",
    "tests": "at least one that fires and one that stays silent",
}
OPERATORS = {
    "not": "is there and differs",
    "gt": "is greater",
    "gte": "is greater or equal",
    "lt": "is less",
    "lte": "is less or equal",
    "in": "is one of a list",
    "matches": "a regular expression is found in it; named groups become attributes",
    "contains": "holds a text",
    "exists": "`true`: is there, `false`: is not",
    "before": "is a time before another",
    "after": "is a time after another",
    "within_seconds": "`|ref` only: `[name.attribute, seconds]`, at most so far from another time",
}
SETTINGS = {
    "state_dir": "where state and caches are kept",
    "snapshot": "the recorded incident that sources read",
    "namespace": "where to look",
    "agent_timeout_seconds": "how long an agent may take; what it has reported by then is kept",
    "concurrent_agents": "how many agents work at a time",
    "rounds": "how often agents may be asked further questions",
    "round_budget_seconds": "no further round begins after this time",
    "window_minutes": "how far before the incident a change or symptom still belongs to it",
    "confidence_floor": "the verdict is `diagnosed` from this confidence of the first hypothesis",
    "engine": "which rule engine runs",
    "plugins": "what plugins are told, by their names: `{acme-pay: {url: https://status.acme-pay.example}}`",
    "block_plugins": "names of plugins that are not loaded",
    "trace_plugins": "print every call of a hook",
    "rule_folders": "folders of further rules",
    "signal_folders": "folders of further [signals](signals.md) of metrics",
    "metrics_matchers": 'what tells this cluster from others in Prometheus, such as `cluster="prod"`',
    "helm_history": "read what Helm keeps of its releases, which are contents of Secrets: values, manifests, hooks",
    "replica": "which of several services on one database this is; the first one, 0, opens incidents that `--watch` finds",
    "snapshot_limits.unpacked_bytes": "how much an archive may unpack to",
    "snapshot_limits.files": "how many files an archive may hold",
    "snapshot_limits.log_line_bytes": "where a log line is cut",
    "cluster.kubeconfig": "the kubeconfig; by default `KUBECONFIG`, `~/.kube/config`, then the account of the pod",
    "cluster.context": "the context of the kubeconfig; by default its current one",
    "cluster.timeout_seconds": "how long one request to the Kubernetes API may take",
    "cluster.page_size": "how many objects one page of a list holds",
    "cluster.log_bytes": "how much of one container's log is read at most",
    "twin.batch_seconds": "how long changes of a live cluster are gathered before they are written in one transaction",
    "twin.relist_seconds": "how often the kinds of a cluster are listed again where nobody tells of changes: through an MCP server",
    "twin.history_days": "how long the twin remembers what has changed",
    "twin.most_mib": "beyond this size the twin forgets the oldest changes sooner",
    "prometheus.url": "address of Prometheus, Thanos, Mimir or VictoriaMetrics; by default looked for in the cluster",
    "alertmanager.url": "address of Alertmanager; by default looked for in the cluster",
    "probes.enabled": "whether services and ingresses are connected to; by default where it runs in a pod of the cluster",
    "probes.per_second": "how many connections are begun in a second",
    "probes.most": "how many targets are connected to in one look",
    "auth.issuers": "issuers of tokens (`https://login.example/realms/shop`) whose configuration and keys are asked for, where `probes` allow it",
    "auth.endpoints": "addresses (`HOST:PORT`) whose certificates are looked at, where `probes` allow it",
    "auth.ca_file": "authorities (PEM) that are trusted in these checks, beside those of this place and of the cluster",
    "auth.timeout_seconds": "how long a connection, a handshake or an answer may take in these checks",
    "databases": "databases, caches and brokers that are asked how they are: `name`, `url` or `url_file`, and more (how-to: diagnose databases)",
    "probes.timeout_seconds": "how long a name, a connection, a handshake or an answer may take",
    "knowledge.folders": "folders of runbooks: a service reads them when it starts, `runbooks ingest` where it names none",
    "knowledge.allowed_hosts": "hosts (`HOST` or `HOST:PORT`) that runbooks may be fetched from; none by default",
    "knowledge.timeout_seconds": "how long fetching a page may wait for its host",
    "knowledge.document_bytes": "how much a runbook may weigh",
    "knowledge.unpacked_bytes": "how much a DOCX may unpack to",
    "knowledge.pages": "how many pages of a PDF are read",
    "knowledge.documents": "how many documents one ingestion takes",
    "knowledge.links": "a YAML file of confirmed links from alerts to runbooks and causes, as `runbooks link` proposes",
    "knowledge.stale_days": "after how many days without a review a runbook is marked as stale",
    "model.use": "the language model that may help: `llama_cpp:/models/model.gguf` or `openai:NAME`; none by default",
    "model.required": "do not start without it; as set here, a model that cannot be opened is a gap in each report",
    "model.base_url": "address of an OpenAI-compatible server; by default OpenAI's",
    "model.api_key_file": "file that holds its key; without it the variable `OPENAI_API_KEY`",
    "model.headers": "headers of every request to it",
    "model.ca_file": "file with the authorities to trust (PEM)",
    "model.steps": "what it may do at most, as far as it passed `models check`",
    "model.suggest": "for an unresolved incident, show causes that it thinks possible, as unproven",
    "model.tokens": "how many tokens, prompts and answers together, one incident may cost",
    "model.seconds": "how long its answers may take together in one incident",
    "model.call_seconds": "how long one answer may take",
    "model.redact": "hide names, hosts and addresses from it; by default from any but a model of this machine",
    "model.context_tokens": "how much a local model holds of a prompt and its answer; its memory grows with it",
    "model.threads": "how many threads a local model computes with; by default one a core, at most four",
    "model.embedder": "the model that compares texts, of incidents and runbooks, such as `llama_cpp:/models/minilm.gguf`; words alone by default",
    "loki.url": "address of Loki; by default looked for in the cluster",
    "watch.interval_seconds": "how long after the beginning of a round the next one begins",
    "watch.window_minutes": "how far back a round looks",
    "watch.open_after": "in how many rounds a symptom must be seen to open an incident",
    "watch.open_within": "of how many rounds, the last ones",
    "watch.close_after_seconds": "how long all symptoms of an incident must be gone until it is closed",
    "watch.repeats": "how often an event or a restart must have happened to be a symptom",
    "watch.settle_seconds": "pods and claims that are younger may be unready without being a symptom",
    "watch.group_seconds": "related symptoms without a known cause are one incident when they begin within this time",
    "watch.skip_agents": "agents that rounds do not ask; an opened incident is diagnosed by all",
    "mcp_servers": "MCP servers that are asked as agents: `name`, `command` or `url`, `preset`, `tools`, and more (how-to: MCP servers)",
    "user_flows": "user flows that are held to an objective: name, and host, route, namespace or services (how-to: declare user flows)",
    "service.database_url": "where incidents are kept: `postgresql://…` for several replicas; by default SQLite in the state folder",
    "service.database_url_file": "a file that holds this address with its password, such as a mounted Secret",
    "service.workers": "how many incidents are investigated at a time",
    "service.attempts": "how often an investigation is tried that was cut off or took too long",
    "service.incident_seconds": "how long one investigation may take",
    "service.stalled_seconds": "on PostgreSQL: how long a replica may give no sign of life before others take up its investigations",
    "service.queue": "on PostgreSQL: whose incidents these replicas investigate, where the services of several clusters share a database: a name for each cluster",
    "service.grace_seconds": "how long running investigations may go on when the service is asked to end",
    "service.retention_days": "how long finished incidents are kept",
    "service.body_bytes": "how large a request may be",
    "service.bundle_bytes": "how large a bundle to replay may be",
    "service.alert_bytes": "how large a request with alerts may be",
    "service.new_alert_incidents": "how many incidents alerts may open within a minute; what comes beyond is one incident, a storm",
    "service.runbook_bytes": "how large a runbook may be",
    "service.most_runbooks": "how many runbooks are kept",
    "service.pagerduty_secret_file": "what PagerDuty signs its webhooks with, a secret a line; then unsigned ones are refused",
    "service.public_url": "where people reach the service; links in notifications begin with it",
    "service.open_metrics": "whether `/metrics` needs no key, as the chart sets; else it needs one that may read",
    "service.auth": "who comes in beside API keys of `keys create`: keys in files, service accounts of Kubernetes, tokens of an OIDC issuer (how-to: secure the service)",
    "service.requests": "what requests may cost: how many a second and at a time, sizes, and how slow (how-to: secure the service)",
    "service.notify": "who is told of finished incidents: `kind`, `url` or `url_file`, and more (how-to: notify)",
}
ENDPOINT = {
    "timeout_seconds": "how long one request may take",
    "bearer_token_file": "file that holds a bearer token",
    "username": "name for basic authentication",
    "password_file": "file that holds its password",
    "ca_file": "file with the authorities to trust (PEM)",
    "client_certificate_file": "file with our certificate (PEM)",
    "client_key_file": "file with its key (PEM)",
    "headers": "headers of every request, such as `X-Scope-OrgID`",
}


def hooks() -> str:
    """Return the hooks and the protocols of what they return."""
    specified = [one for name, one in vars(hookspecs).items() if name.startswith("register_")]
    lines = []
    for one in specified:
        lines += [f"### `{one.__name__}{inspect.signature(one)}`".replace("'", ""), "", str(inspect.getdoc(one)), ""]
    for protocol in (hookspecs.Agent, hookspecs.Source, hookspecs.Recordable, hookspecs.AlertFormat):
        lines += [f"### `{protocol.__name__}`", "", "```python", inspect.getsource(protocol).strip(), "```", ""]
    return "\n".join(lines)


def hooks_version() -> str:
    """Return which version the hooks have, and the oldest that works."""
    oldest = f"; plugins made for version {hookspecs.OLDEST_HOOKS} and later work"
    return f"The hooks have version {hookspecs.HOOKS}{oldest if hookspecs.OLDEST_HOOKS < hookspecs.HOOKS else ''}."


def plugin_tree() -> str:
    """Return the files of the project that ``plugin new`` makes."""
    paths = [path for path, _ in project_files() if "/cluster-resources/" not in path]
    return "\n".join(["```text", *paths, "```"])


def plugin_file(path: str) -> str:
    """Return a file of the project that ``plugin new`` makes."""
    text = dict(project_files())[path].decode()
    language = {".py": "python", ".md": "markdown"}.get(Path(path).suffix, Path(path).suffix[1:])
    fence = "````" if "```" in text else "```"
    return f"{fence}{language}\n{text}{fence}"


def command_line() -> str:
    """Return every command with its arguments and options."""
    return "\n".join(_command(typer.main.get_command(app), "sre-orchestrator"))


def vocabulary() -> str:
    """Return every fact kind with its attributes."""
    lines = []
    for name, kind in sorted(load_vocabulary().kinds.items()):
        lines += [f"### `{name}`", "", kind.about, "", _about_kind(kind), ""]
        rows = [
            (f"`{attribute}`", declared.type, declared.unit, declared.about, ", ".join(declared.values))
            for attribute, declared in kind.attributes.items()
        ]
        lines += [*_table(("attribute", "type", "unit", "what it says", "values"), rows), ""]
    return "\n".join(lines)


def api() -> str:
    """Return every operation of the service, by tag: parameters, bodies, answers."""
    found = described()
    lines = []
    for tag in found["tags"]:
        lines += [f"## {tag['name'].capitalize()}", "", tag["description"], ""]
        for path, methods in sorted(found["paths"].items()):
            for method, one in methods.items():
                lines += _operation(f"{method.upper()} {path}", one) if tag["name"] in one["tags"] else ()
    return "\n".join(lines)


def _operation(address: str, one: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"### `{address}`", "", f"`{one['operationId']}`: {one['description']}", "")
    rows = [
        (f"`{found['name']}`", found["in"], _type(found["schema"]), found["description"])
        for found in one.get("parameters", ())
    ]
    yield from _table(("parameter", "in", "type", "what it says"), rows)
    taken: dict[str, list[str]] = {}
    for media, body in one.get("requestBody", {}).get("content", {}).items():
        taken.setdefault(_named(body), []).append(f"`{media}`")
    for named, media_types in taken.items():
        yield from ("", f"Body: {', '.join(media_types)}{named}.")
    status, answer = next(one for one in one["responses"].items() if one[0].startswith("2"))
    shown = "".join(f" `{media}`{_named(body)}." for media, body in answer.get("content", {}).items())
    yield from ("", f"Answers {status}: {answer['description']}{shown}")
    headers = ", ".join(f"`{name}`" for name in answer.get("headers", ()))
    yield from ((f"Headers: {headers}.", "") if headers else ("",))


def _named(body: Mapping[str, Any]) -> str:
    return f", {_type(body['schema'])}" if body["schema"] else ""


def tools() -> str:
    """Return the tools for assistants: what each is told to be, what it asks and answers."""
    lines = []
    for name, tool in TOOLS.items():
        asked, given = schema_of(tool.asks), schema_of(tool.answers)
        needed = asked.get("required", [])
        rows = [
            (f"`{field}`", "required" if field in needed else _default(one), one.get("description", ""))
            for field, one in asked["properties"].items()
        ]
        lines += [f"## `{name}`", "", f"{tool.about} Needs the scope `{tool.needs}`.", ""]
        lines += [*_table(("asks for", "default", "what it is"), rows), ""]
        lines += [f"Answers {', '.join(f'`{field}`' for field in given['properties'])}. {_flat(given)}", ""]
    return "\n".join(lines)


def _default(field: Mapping[str, Any]) -> str:
    return f"`{field['default']}`" if field.get("default") not in {None, ""} else ""


def _flat(described: Mapping[str, Any]) -> str:
    return " ".join(str(described.get("description", "")).replace("``", "`").split())


def causes() -> str:
    """Return an index of the cause catalogue."""
    rows = [
        (f"[`{cause.id}`](causes/{cause.category}.md#{cause.id})", cause.title, cause.category)
        for _, cause in sorted(load_book(load_vocabulary()).causes.items())
    ]
    return "\n".join([*_table(("cause", "what it is", "category"), rows), ""])


def causes_of(category: str) -> str:
    """Return the causes of a category: what proves each, its look-alikes, and what to do."""
    book = load_book(load_vocabulary())
    if not (Path(__file__).parent / "reference" / "causes" / f"{category}.md").exists():
        raise SystemExit(f"docs/reference/causes/{category}.md is lacking")
    lines = []
    for _, cause in sorted(book.causes.items()):
        if cause.category == category:
            lines += _cause(cause, book)
    return "\n".join(lines)


def rule_keys() -> str:
    """Return the keys and operators of a rule file; fails when the reader knows others than are described here."""
    _same(KEYS, reader.TOP)
    _same(OPERATORS, reader.OPERATORS)
    return "\n".join(
        [
            *_table(("key", "what it holds"), [(f"`{key}`", about) for key, about in KEYS.items()]),
            "",
            *_table(("operator", "the attribute …"), [(f"`{name}`", about) for name, about in OPERATORS.items()]),
            "",
            f"Filters in texts: {', '.join(f'`{name}`' for name in FILTERS)}.",
            "",
        ]
    )


def rules() -> str:
    """Return the rules of the built-in book."""
    rows = [
        (f"`{rule.id}`", rule.title, ", ".join(f"`{one}`" for one in sorted(_concluded(rule))))
        for rule in load_book(load_vocabulary()).rules
    ]
    return "\n".join([*_table(("rule", "title", "speaks for or against"), rows), ""])


def settings() -> str:
    """Return every setting; fails when one is not described here."""
    known: dict[str, Any] = {}
    for one in msgspec.structs.fields(Settings):
        group = one.default if isinstance(one.default, msgspec.Struct) else None
        known |= (
            {f"{one.name}.{part.name}": part for part in msgspec.structs.fields(group)} if group else {one.name: one}
        )
    described = {name: SETTINGS.get(name) or ENDPOINT.get(name.rpartition(".")[2], "") for name in known}
    _same({name: about for name, about in described.items() if about} | SETTINGS, known)
    rows = []
    for name, one in known.items():
        value = one.default_factory() if one.default is msgspec.NODEFAULT else one.default
        default = "the platform's state folder" if name == "state_dir" else f"`{msgspec.json.encode(value).decode()}`"
        variable = "" if "." in name else f"`{PREFIX}{name.upper()}`"
        rows.append((f"`{name}`", default, variable, described[name]))
    return "\n".join([*_table(("key", "default", "environment", "what it sets"), rows), ""])


def figures() -> str:
    """List the figures of a service, as it tells them."""
    installation = Installation(Settings())
    with TemporaryDirectory() as folder, closing(open_database("", Path(folder))) as store:
        dispatcher = InProcess(store, Live(installation), Silent(), limits=installation.settings.service)
        service = Service(installation=installation, store=store, dispatcher=dispatcher)
        telemetry = Telemetry.of(installation)
        telemetry.attach(service, Doors(service))
        known = [one for one in telemetry.figures.registry.collect() if one.name.startswith("sre_orchestrator")]
    rows = []
    for one in known:
        own = telemetry.figures.labels.get(one.name)
        labels = tuple(one.samples[0].labels) if own is None else own
        name = {"counter": f"{one.name}_total", "info": f"{one.name}_info"}.get(one.type, one.name)
        rows.append((f"`{name}`", one.type, ", ".join(f"`{label}`" for label in labels), one.documentation))
    return "\n".join(_table(("figure", "type", "labels", "what it tells"), sorted(rows)))


def signals() -> str:
    """Return what is read of each signal."""
    lines = []
    for name, rows in load_table().rows.items():
        about = "; ".join(row.about for row in rows)
        lines += [f"### `{name}`", "", f"{about}.", ""]
        read = [(f"`{metric}`", f"`{more}`" if more else "") for row in rows for metric, more in row.read.items()]
        lines += [*_table(("read as stored", "only"), read), ""] if read else []
        tried = [(f"`{' '.join(one.query.split())}`", f"`{one.name}`") for row in rows for one in row.tried]
        lines += [*_table(("else computed, the first that can be", "called"), tried), ""] if tried else []
    return "\n".join(lines)


def http_series() -> str:
    """Return which series of requests are understood, and the labels that say what they are about."""
    rows = [
        (
            row.server,
            "<br>".join(f"`{one}`" for one in (row.requests, row.durations) if one),
            ", ".join(f"`{one}`" for one in row.codes),
            ", ".join(f"`{one}`" for one in (*row.routes, *row.hosts)),
        )
        for row in SERVERS
    ]
    return "\n".join([*_table(("of", "counter of requests, durations", "status", "route, host"), rows), ""])


def weights() -> str:
    """Return the constants of the ranking; fails when one is not described here."""
    constants = {name: value for name, value in vars(weigh).items() if name.isupper() and name != "WEIGHT"}
    _same(WEIGHTS, constants)
    rows = [(name, f"{value:+.1f}", "a rule of this strength") for name, value in weigh.WEIGHT.items()]
    rows += [(f"`{name}`", f"{value:+.2f}", WEIGHTS[name]) for name, value in constants.items()]
    return "\n".join([*_table(("term", "log odds", "when"), rows), ""])


def report() -> str:
    """Return every struct of the report with its fields."""
    return _structs(schema())


def checkup() -> str:
    """Return every struct of a checkup with its fields."""
    return _structs(msgspec.json.schema(Checkup))


def permissions() -> str:
    """Return what the program reads through the Kubernetes API."""
    rows = [
        (f"`{one.resource}`", f"`{one.group}`" * bool(one.group), ", ".join(one.verbs), "optional" * one.optional)
        for one in rights()
    ]
    return "\n".join([*_table(("resource", "API group", "verbs", ""), rows), ""])


def _structs(made: Mapping[str, Any]) -> str:
    lines = []
    for name, definition in sorted(made["$defs"].items()):
        lines += [f"### {name}", "", " ".join(definition.get("description", "").split()), ""]
        rows = [
            (f"`{field}`", _type(value), "" if field in definition.get("required", ()) else "optional")
            for field, value in definition["properties"].items()
        ]
        lines += [*_table(("field", "type", ""), rows), ""]
    return "\n".join(lines)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a report."""
    made = msgspec.json.schema(Report)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Report of SRE-Orchestrator", **made}


def demo_excerpt() -> str:
    """Return the beginning of what ``sre-orchestrator demo`` prints: the first hypothesis, and what is ruled out."""
    folder = Path(str(files("sre_orchestrator.api"))) / "demo" / "shop"
    bundle = anyio.run(lambda: diagnose_snapshot(Installation(read_settings(None, os.environ)), folder))
    sections = text(bundle.report).split("\n\n")
    kept = [one for one in sections if one.startswith(("1.", "Ruled out", "Next steps"))]
    return "\n".join(["```text", "\n\n".join([sections[0].splitlines()[0], *kept]), "```", ""])


def _command(command: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - typer exports no types of its commands
    inside = getattr(command, "commands", {})
    if not inside or command.invoke_without_command:
        usage = command.get_usage(command.make_context(path, [], resilient_parsing=True))
        yield from (f"## `{path}`", "", "```text", usage, "", inspect.cleandoc(command.help or ""), "```", "")
        yield from _table(("argument or option", "default", "what it says"), list(_parameters(command)))
        yield ""
    for name, one in inside.items():
        if not one.hidden:
            yield from _command(one, f"{path} {name}")


def _parameters(command: Any) -> Iterator[tuple[str, ...]]:  # noqa: ANN401
    for one in command.params:
        names = one.opts if one.param_type_name == "option" else [one.metavar or one.name.upper()]
        default = (
            ""
            if one.required or one.default in (None, "", False)
            else f"`{getattr(one.default, 'value', one.default)}`"
        )
        yield ", ".join(f"`{name}`" for name in names), default, getattr(one, "help", None) or ""


def _about_kind(kind: FactKind) -> str:
    roles = [f"symptom ({kind.symptom})"] * bool(kind.symptom) + ["change"] * kind.change + ["derived"] * kind.derived
    agents = ", ".join(kind.agents) or "rules"
    return f"About: {kind.component}. Emitted by: {agents}." + (f" Counts as: {', '.join(roles)}." if roles else "")


def _cause(cause: Cause, book: RuleBook) -> Iterator[str]:
    yield from (f"## `{cause.id}`", "", f"**{cause.title}.** {cause.about}", "")
    yield f"Blamed on: {cause.blamed_on}. Shows as: {', '.join(cause.symptoms)}."
    yield from ("", "### What proves it", "")
    yield from _speaking(cause, book.rules)
    others = {*cause.confused_with, *(one.id for one in book.causes.values() if cause.id in one.confused_with)}
    yield from ("", "### Look-alikes", "")
    for name in sorted(others):
        other = book.causes[name]
        page = "" if other.category == cause.category else f"{other.category}.md"
        yield f"- [`{name}`]({page}#{name}): {other.about}"
    yield from ("", "### What to do", "")
    for step in cause.remedy:
        yield f"1. {step.text.rstrip('.')}" + (f": `{step.command}`" if step.command else "")
    yield from ("", f"Read: {', '.join(f'<{one}>' for one in cause.references)}", "")


def _speaking(cause: Cause, book: Iterable[Rule]) -> Iterator[str]:
    """Return a line for each rule that speaks for the cause, then for those against it, the strongest first."""
    found = [
        (then.polarity != "for", -weigh.WEIGHT[then.strength], rule.id, rule, then)
        for rule in book
        for then in rule.then
        if isinstance(then, Conclude) and then.cause == cause.id
    ]
    for against, _, name, rule, then in sorted(found, key=lambda one: one[:3]):
        side = "against it, " if against else ""
        yield f"- {rule.title} ({side}{then.strength}, `{name}`). {' '.join(rule.why.split())}"


def _concluded(rule: Rule) -> set[str]:
    return {one.cause for one in rule.then if isinstance(one, Conclude)}


def _same(described: Mapping[str, str], known: Iterable[str]) -> None:
    if described.keys() != set(known):
        raise SystemExit(f"docs/generate.py describes {sorted(described.keys() ^ set(known))} wrongly or not at all")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Return a Markdown table; columns that hold nothing are left out."""
    kept = [n for n in range(len(head)) if any(row[n] for row in rows)]
    if not kept:
        return []
    lines = [[head[n] for n in kept], ["---"] * len(kept), *([row[n] for n in kept] for row in rows)]
    return ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines]


def _type(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        return str(value["$ref"].rpartition("/")[2])
    if "anyOf" in value:
        return " or ".join(_type(one) for one in value["anyOf"])
    if "enum" in value:
        return ", ".join(f"`{one}`" for one in value["enum"])
    inner = value.get("items") or value.get("additionalProperties")
    plain = value.get("format") or str(value.get("type", "any"))
    return f"{plain} of {_type(inner)}" if isinstance(inner, dict) else plain


if __name__ == "__main__":
    print(json.dumps(described() if sys.argv[1:] == ["openapi"] else schema(), indent=1))
