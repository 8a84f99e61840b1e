"""Reads one request from a line of an access log, in any of the common formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import msgspec

from sre_orchestrator.core.models import Struct

_METHODS = "GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS"
_SIGNS = ("tatus", "HTTP/", "GET /", "POST /", "PUT /", "DELETE /", "PATCH /", "response_code", "grpc.code", "[GIN]")
_NUMBER = r"\d+(?:\.\d+)?"
_COMMON = re.compile(
    rf'"(?P<method>{_METHODS}) (?P<path>[^\s"]+)(?: HTTP/[\d.]+)?"[ ,]+(?P<status>[1-5]\d\d)\b(?P<rest>.*)'
)
_ENVOY = re.compile(r'^ (?:-|[A-Z,]+) \S.*?\s(?:\d+) (?:\d+) (?P<ms>\d+) (?:\d+|-) "')
_TIME_FIELD = re.compile(
    rf"\b(?:rt|request_time|upstream_response_time|urt|duration|took|latency|elapsed)[=:]\s*\"?(?P<value>{_NUMBER})(?P<unit>ms|µs|us|ns|s)?\b"
)
_LAST_TIME = re.compile(rf"(?:^| )(?P<value>{_NUMBER})(?P<unit>ms|µs|us|s)$")
_HAPROXY = re.compile(
    rf'(?P<a>-?\d+)/(?P<b>-?\d+)/(?P<c>-?\d+)/(?P<d>-?\d+)/(?P<ms>\d+) (?P<status>[1-5]\d\d) .*"(?P<method>{_METHODS}) (?P<path>\S+)'
)
_GIN = re.compile(
    rf'\| +(?P<status>[1-5]\d\d) +\| +(?P<value>{_NUMBER})(?P<unit>ms|µs|us|ns|s) +\|.*?\| +(?P<method>[A-Z]+) +"?(?P<path>[^\s"]+)'
)
_BARE = re.compile(
    rf"\b(?P<method>{_METHODS}) (?P<path>/\S*)(?: HTTP/[\d.]+)? (?P<status>[1-5]\d\d)\b(?: (?P<value>{_NUMBER}) ?(?P<unit>ms|µs|us|s)\b)?"
)
_WORDED = re.compile(
    rf"\b(?P<method>{_METHODS}) (?P<path>/\S*).{{0,40}}?\bstatus[=: ]+(?P<status>[1-5]\d\d)\b(?:.{{0,20}}?\btime[=: ]+(?P<value>{_NUMBER}) ?(?P<unit>ms|s)\b)?"
)
_ASPNET = re.compile(
    rf"Request finished (?:HTTP/[\d.]+ )?(?P<method>[A-Z]+) https?://[^/\s]+(?P<path>/\S*).*?- (?P<status>[1-5]\d\d)\b.*? (?P<value>{_NUMBER})(?P<unit>ms)"
)
_LOGFMT = re.compile(r'(?P<key>[\w.]+)=(?:"(?P<quoted>[^"]*)"|(?P<plain>\S*))')
_DURATION = re.compile(rf"^(?P<value>{_NUMBER})\s*(?P<unit>ns|µs|us|ms|s|)$")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
_GRPC_CLIENT = frozenset({"InvalidArgument", "NotFound", "AlreadyExists", "PermissionDenied", "Unauthenticated", "FailedPrecondition", "OutOfRange", "ResourceExhausted", "Canceled", "Aborted"})  # fmt: skip
_STATUS = frozenset({
    "status", "status_code", "statuscode", "http.status", "http.status_code", "http.resp.status", "response_code",
    "http.response.status_code", "response.status", "response.status_code", "res.statuscode", "httprequest.status",
    "downstreamstatus", "responsestatus", "http_status", "http.statuscode", "sc-status", "responsecode",
})  # fmt: skip
_PATH = (
    "http.route", "route", "path", "uri", "http.path", "http.req.path", "http.target", "url.path", "request_uri",
    "requestpath", "request.path", "req.url", "request.uri", "url", "http.url", "requesturl", "httprequest.requesturl",
    "request.url", "endpoint",
)  # fmt: skip
_METHOD = (
    "method", "http.method", "http.req.method", "request_method", "requestmethod", "req.method", "request.method",
    "http.request.method", "httprequest.requestmethod", "verb",
)  # fmt: skip
_TIME = re.compile(
    r"(?:^|[._])(?:duration|latency|elapsed|took|response_?time|request_?time|time_?taken)(?P<unit>_?(?:ms|millis|milliseconds|s|sec|seconds|us|ns))?$"
)
_WHEN = ("timestamp", "time", "@timestamp", "ts", "@t", "start_time", "time_local", "starttime", "asctime", "datetime")
_IN_SECONDS = ("request_time", "upstream_response_time")
_NANOSECONDS = 1_000_000
MAX_DEPTH = 3


class Request(Struct, frozen=True, kw_only=True):
    """One request as logged: ``seconds`` is how long it took, ``None`` when the line does not say.

    ``time`` is the value of a time field, for lines that have fields.
    """

    method: str
    path: str
    status: int
    seconds: float | None = None
    time: str | float | None = None


def likely(line: str) -> bool:
    """Say whether ``line`` holds a word that a line of an access log has; cheap, to spare all other lines."""
    return any(sign in line for sign in _SIGNS)


def request_in(line: str) -> Request | None:
    """Return the request that ``line`` tells of, or ``None`` when it is no line of an access log.

    >>> one = request_in('10.0.0.1 - - [01/May/2030:12:00:00 +0000] "GET /cart?x=1 HTTP/1.1" 503 19 "-" "curl" rt=0.25')
    >>> one.path, one.status, one.seconds
    ('/cart?x=1', 503, 0.25)
    >>> request_in("the cart has 503 items") is None
    True
    """
    start = line.find("{")
    if start >= 0 and line.rstrip().endswith("}"):
        found = _from_json(line[start:])
        if found:
            return found
    for reader in _READERS:
        found = reader(line)
        if found:
            return found
    return None


def _from_json(text: str) -> Request | None:
    try:
        document = msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError:
        return None
    return _from_fields(dict(_fields(document, "", MAX_DEPTH)))


def _fields(node: Mapping[str, object], prefix: str, depth: int) -> Iterator[tuple[str, object]]:
    for key, value in node.items():
        name = f"{prefix}{key}".lower()
        if isinstance(value, dict) and depth > 1:
            yield from _fields(value, f"{name}.", depth - 1)
        else:
            yield name, value


def _from_fields(fields: Mapping[str, object]) -> Request | None:
    grpc = fields.get("grpc.code")
    if isinstance(grpc, str) and "grpc.method" in fields:
        path = f"/{fields.get('grpc.service', '')}/{fields['grpc.method']}"
        return Request(method="POST", path=path, status=grpc_status(grpc), seconds=_time(fields), time=_when(fields))
    status = next((_status(value) for key, value in fields.items() if key in _STATUS and _status(value)), 0)
    path = next((str(fields[key]) for key in _PATH if fields.get(key)), "")
    method = next((str(fields[key]) for key in _METHOD if fields.get(key)), "")
    whole = str(fields.get("request", "")).split(" ")
    if not path and len(whole) > 1:
        method, path = whole[0], whole[1]
    if not status or not path:
        return None
    return Request(method=method.upper(), path=path, status=status, seconds=_time(fields), time=_when(fields))


def _when(fields: Mapping[str, object]) -> str | float | None:
    value = next((fields[key] for key in _WHEN if key in fields), None)
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def _status(value: object) -> int:
    text = str(value)
    return int(text) if len(text) == 3 and text.isdigit() and "1" <= text[0] <= "5" else 0  # noqa: PLR2004 - HTTP's form


def grpc_status(code: str) -> int:
    """Return the HTTP status that stands for a gRPC code's class."""
    return 200 if code == "OK" else 400 if code in _GRPC_CLIENT else 503 if code == "Unavailable" else 500


def _time(fields: Mapping[str, object]) -> float | None:
    for key, value in fields.items():
        match = _TIME.search(key)
        found = _DURATION.match(str(value)) if match else None
        if match and found:
            unit = found["unit"] or _unit(match["unit"] or "", key, float(found["value"]))
            return round(float(found["value"]) * _SECONDS[unit], 6)
    return None


def _unit(suffix: str, key: str, number: float) -> str:
    """Return the unit of a bare number: of its name's ending, else of habit (nginx seconds, Go nanoseconds, else ms)."""
    plain = suffix.strip("_")
    if plain:
        return {"millis": "ms", "milliseconds": "ms", "sec": "s", "seconds": "s"}.get(plain, plain)
    if key.endswith(_IN_SECONDS):
        return "s"
    return "ns" if number > _NANOSECONDS else "ms"


def _common(line: str) -> Request | None:
    match = _COMMON.search(line)
    if match is None:
        return None
    rest = match["rest"]
    envoy = _ENVOY.match(rest)
    timed = None if envoy else _TIME_FIELD.search(rest) or _LAST_TIME.search(rest.rstrip())
    seconds = int(envoy["ms"]) / 1000 if envoy else _seconds(timed, "s")
    return Request(method=match["method"], path=match["path"], status=int(match["status"]), seconds=seconds)


def _seconds(match: re.Match[str] | None, unit: str) -> float | None:
    if match is None or match["value"] is None:
        return None
    return round(float(match["value"]) * _SECONDS[match["unit"] or unit], 6)


def _logfmt(line: str) -> Request | None:
    if "status" not in line.lower() and "grpc.code" not in line:
        return None
    pairs = {
        one["key"].lower(): one["plain"] if one["quoted"] is None else one["quoted"] for one in _LOGFMT.finditer(line)
    }
    return _from_fields(pairs) if pairs else None


def _plain(pattern: re.Pattern[str]) -> Callable[[str], Request | None]:
    def read(line: str) -> Request | None:
        match = pattern.search(line)
        if match is None:
            return None
        named = match.groupdict()
        seconds = int(named["ms"]) / 1000 if named.get("ms") else _seconds(match, "ms") if "value" in named else None
        return Request(method=match["method"], path=match["path"], status=int(match["status"]), seconds=seconds)

    return read


_READERS: tuple[Callable[[str], Request | None], ...] = (
    _common, _plain(_HAPROXY), _plain(_GIN), _plain(_ASPNET), _plain(_BARE), _logfmt, _plain(_WORDED)
)  # fmt: skip
