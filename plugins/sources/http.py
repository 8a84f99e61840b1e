"""The door to HTTP services: credentials, time-outs, retries, and a bound on what an answer may weigh."""

from __future__ import annotations

import http
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import httpx
import msgspec

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.core.settings import Endpoint
from sre_orchestrator.plugins.sources.retries import repeated

T = TypeVar("T")
Parameters = Sequence[tuple[str, str]]
MOST_BYTES = 64 * 1024**2
MOST_CONNECT_SECONDS = 5.0
LONGEST_LEFT_ALONE_SECONDS = 5.0
SHOWN = 200
# A form that a proxy refuses is asked for in the address where it fits.
LONGEST_ADDRESS = 6000
BUSY = frozenset({429, 500, 502, 503, 504})
# A query that took too long would take as long again.
NOT_AGAIN = ("timeout", "canceled", "timed out")
FORM_REFUSED = frozenset({403, 405})
REDIRECTED, FAILED = 300, 400


class ServiceProblem(SourceMissing):
    """A service cannot be reached or did not answer as it should; its text says where, what, and what to do.

    ``status`` is that of the answer, 0 where there was none; ``body`` the beginning of what it said; ``wait``
    for how many seconds it wants to be left alone, 0 where it does not say.
    """

    def __init__(
        self, where: str, why: str, remedy: str, *, status: int = 0, body: str = "", wait: float = 0.0
    ) -> None:
        super().__init__(without_secrets(f"{where}: {why}; {remedy}"))
        self.why = without_secrets(why)
        self.remedy = remedy
        self.status = status
        self.body = body
        self.wait = wait


class HttpService:
    """One service at ``address``, with the credentials of ``endpoint``; safe to use from several threads.

    ``key`` names the group of settings, for what to do when something is wrong. Files of
    credentials are read at each request, certificates again when they change.
    """

    def __init__(self, endpoint: Endpoint, key: str, address: str = "") -> None:
        self.key = key
        self.address = (address or endpoint.url).rstrip("/")
        self.timeout_seconds = endpoint.timeout_seconds
        self._endpoint = endpoint
        self._client: httpx.Client | None = None
        self._certificates: tuple[float, ...] = ()
        self._without_forms = False
        self._lock = threading.Lock()

    def get(self, path: str, parameters: Parameters = ()) -> bytes:
        """Return the body of the answer.

        Raises:
            ServiceProblem: there is none, it is an error, or larger than ``MOST_BYTES``.

        """
        return self._tried("GET", path, parameters)

    def post(self, path: str, parameters: Parameters = ()) -> bytes:
        """Return the body of the answer to a form; where forms are refused, ``get`` it.

        Raises:
            ServiceProblem: as ``get``.

        """
        if self._without_forms:
            return self.get(path, parameters)
        try:
            return self._tried("POST", path, parameters)
        except ServiceProblem as problem:
            if problem.status not in FORM_REFUSED or sum(len(value) for _, value in parameters) > LONGEST_ADDRESS:
                raise
        answer = self.get(path, parameters)
        self._without_forms = True
        return answer

    def decoded(self, body: bytes, kind: type[T]) -> T:
        """Return JSON as ``kind``.

        Raises:
            ServiceProblem: it is something else, such as the page of a login.

        """
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if body.lstrip()[:1] == b"<":
                why, remedy = (
                    "answers with a web page, not with JSON",
                    (f"set {self.key}.url to the service itself, with its path prefix and not behind a login"),
                )
            else:
                why, remedy = f"the answer cannot be read: {error}", f"see whether {self.key}.url is the right service"
            raise ServiceProblem(f"{self.key} {self.address}", why, remedy, body=_shown(body)) from error

    def _tried(self, method: str, path: str, parameters: Parameters) -> bytes:
        try:
            for attempt in repeated(_again, timeout=self._endpoint.timeout_seconds):
                with attempt:
                    return self._asked(method, path, parameters)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise self._unreached(path, error) from error
        raise AssertionError  # pragma: no cover - an attempt returns or raises

    def _asked(self, method: str, path: str, parameters: Parameters) -> bytes:
        form = method == "POST"
        fields = _grouped(parameters)
        with self._opened().stream(
            method,
            self.address + path,
            params=None if form else fields,
            data=fields if form else None,
            headers=self._headers(),
            auth=self._basic(),
        ) as answer:
            body = self._body(answer)
        if answer.status_code >= REDIRECTED:
            raise self._refused(path, answer, body)
        return body

    def _body(self, answer: httpx.Response) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in answer.iter_bytes():
            size += len(part)
            if size > MOST_BYTES:
                raise ServiceProblem(
                    f"{self.key} {self.address}",
                    f"an answer is larger than {MOST_BYTES // 1024**2} MiB and was left unread",
                    "ask about fewer namespaces or a shorter time",
                    status=answer.status_code,
                )
            parts.append(part)
        return b"".join(parts)

    def _opened(self) -> httpx.Client:
        with self._lock:
            files = (self._endpoint.ca_file, self._endpoint.client_certificate_file, self._endpoint.client_key_file)
            changed = tuple(Path(one).stat().st_mtime for one in files if one)
            if self._client is None or changed != self._certificates:
                seconds = self._endpoint.timeout_seconds
                self._client = httpx.Client(
                    timeout=httpx.Timeout(seconds, connect=min(seconds, MOST_CONNECT_SECONDS)),
                    verify=self._trust() if self.address.startswith("https") else False,  # no certificate without TLS
                    limits=httpx.Limits(max_keepalive_connections=0),  # nothing is left open that somebody must close
                    trust_env=False,
                    headers={"Accept": "application/json", **self._endpoint.headers},
                )
                self._certificates = changed
            return self._client

    def _trust(self) -> ssl.SSLContext:
        endpoint = self._endpoint
        if endpoint.ca_file:
            context = ssl.create_default_context(cafile=endpoint.ca_file)
        else:
            context = httpx.create_ssl_context()
            context.load_default_certs()  # beside those that come with httpx, what the image trusts
        if endpoint.client_certificate_file:
            context.load_cert_chain(endpoint.client_certificate_file, endpoint.client_key_file or None)
        return context

    def _headers(self) -> dict[str, str]:
        token = self._endpoint.bearer_token_file
        return {"Authorization": f"Bearer {_secret(token)}"} if token else {}

    def _basic(self) -> tuple[str, str] | None:
        endpoint = self._endpoint
        if not endpoint.username:
            return None
        return endpoint.username, _secret(endpoint.password_file) if endpoint.password_file else ""

    def _refused(self, path: str, answer: httpx.Response, body: bytes) -> ServiceProblem:
        status = answer.status_code
        said = _shown(body)
        phrase = http.HTTPStatus(status).phrase if status in _STATUSES else ""
        why = f"answers {status} {phrase}".rstrip() + (f" ({said})" if said and not said.startswith("<") else "")
        remedy = self._what_to_do(status, said)
        if status < FAILED:
            why = f"answers with a redirection to {answer.headers.get('location', 'another place')}"
            remedy = f"set {self.key}.url to where it leads, or to the service behind the login"
        after = answer.headers.get("retry-after", "")
        wait = min(float(after), LONGEST_LEFT_ALONE_SECONDS) if after.isdecimal() else 0.0
        return ServiceProblem(f"{self.key} {self.address}{path}", why, remedy, status=status, body=said, wait=wait)

    def _what_to_do(self, status: int, said: str) -> str:
        key = self.key
        if "org id" in said:
            return f"name the tenant in {key}.headers (X-Scope-OrgID)"
        remedies: dict[int, str] = {
            http.HTTPStatus.UNAUTHORIZED: f"set {key}.bearer_token_file, or {key}.username and {key}.password_file,"
            " or a client certificate",
            http.HTTPStatus.FORBIDDEN: f"let the account of {key}.bearer_token_file read, or name its tenant in {key}.headers",
            http.HTTPStatus.NOT_FOUND: f"give the path prefix in {key}.url, {PREFIXES.get(key, 'if the service has one')}",
            http.HTTPStatus.TOO_MANY_REQUESTS: "try again later, or raise the limit of requests there",
        }
        return remedies.get(status, f"look at the log of {key}")

    def _unreached(self, path: str, error: Exception) -> ServiceProblem:
        where = f"{self.key} {self.address}{path}"
        causes = list(_causes(error))
        if any(isinstance(one, ssl.SSLCertVerificationError) for one in causes):
            return ServiceProblem(
                where, f"its certificate is not trusted: {error}", f"set {self.key}.ca_file to the authority's (PEM)"
            )
        if any(isinstance(one, socket.gaierror) for one in causes):
            return ServiceProblem(
                where,
                "its name is not known here",
                f"outside the cluster forward its port (kubectl port-forward) and set {self.key}.url to that",
            )
        if isinstance(error, httpx.TimeoutException):
            return ServiceProblem(
                where,
                f"no answer within {self._endpoint.timeout_seconds:g} s",
                f"raise {self.key}.timeout_seconds, or see whether a network policy lets us in",
            )
        if isinstance(error, OSError | ssl.SSLError):
            return ServiceProblem(where, f"{error}", f"give readable files under {self.key} in the settings")
        if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
            return ServiceProblem(where, f"{error}", f"begin {self.key}.url with http:// or https://")
        return ServiceProblem(
            where, f"cannot be reached: {error}", f"see whether it runs, and whether {self.key}.url is right"
        )


PREFIXES: Mapping[str, str] = {
    "prometheus": "such as /prometheus, or /select/0/prometheus for a VictoriaMetrics cluster",
    "alertmanager": "such as /alertmanager",
    "loki": "without /loki/api, which is added",
}
_STATUSES = frozenset(int(one) for one in http.HTTPStatus)


def _again(error: Exception) -> bool | float:
    """Say whether another attempt may help, or after how many seconds."""
    if isinstance(error, ServiceProblem):
        return error.status in BUSY and not any(word in error.body for word in NOT_AGAIN) and (error.wait or True)
    return isinstance(error, httpx.TransportError) and not (
        isinstance(error, httpx.TimeoutException | httpx.UnsupportedProtocol)
        or any(isinstance(one, ssl.SSLError | socket.gaierror) for one in _causes(error))
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _grouped(parameters: Parameters) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in parameters:
        grouped.setdefault(name, []).append(value)
    return grouped


def _secret(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()


def _shown(body: bytes) -> str:
    return without_secrets(" ".join(body[: 4 * SHOWN].decode("utf-8", "replace").split())[:SHOWN])
