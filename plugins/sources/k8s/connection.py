"""Raw requests to the Kubernetes API: time limits, repeats, renewed credentials, and errors as one kind."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from urllib.parse import urlencode

import msgspec
from kubernetes.client import ApiClient
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.exceptions import HTTPError, ReadTimeoutError, SSLError

from sre_orchestrator.core.errors import InputError, SreError
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.plugins.sources.k8s.access import Access
from sre_orchestrator.plugins.sources.retries import ATTEMPTS, repeated

Query = Mapping[str, str | int]
AGENT = "sre-orchestrator"
CHUNK = 64 * 1024
CONNECT_SECONDS = 5.0
JSON = "application/json"
OK, CREATED, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, GONE, TOO_MANY = 200, 201, 401, 403, 404, 410, 429
UNREACHABLE = 0
PASSING = frozenset({UNREACHABLE, TOO_MANY, 500, 502, 503, 504})
_OBJECT = re.compile(r"^.*?(?:object at 0x\w+>|Connection\w*\([^)]*\)): ")


class ApiError(SreError):
    """A request that failed: ``status`` of HTTP, or 0 when there was no answer; ``passing`` when it may work later."""

    def __init__(self, why: str, status: int = UNREACHABLE, *, retry_after: float = 0.0, passing: bool = False) -> None:
        super().__init__(why)
        self.status = status
        self.retry_after = retry_after
        self.passing = passing


class _Details(msgspec.Struct, rename="camel"):
    retry_after_seconds: float = 0.0


class _Status(msgspec.Struct):
    message: str = ""
    details: _Details | None = None


class _Login:
    """A client with its credentials; ``proven`` once the server has accepted them."""

    def __init__(self, access: Access, *, proven: bool) -> None:
        self.access = access
        self.client = ApiClient(access.configuration)
        self.proven = proven

    def headers(self) -> dict[str, str]:
        """Return the credentials; a token that is about to expire is renewed by the package."""
        bearer = self.access.configuration.auth_settings().get("BearerToken")
        return {bearer["key"]: str(bearer["value"])} if bearer else {}


class Connection:
    """Sends requests to one API server; threads may share it. ``requests`` counts what was sent.

    ``native`` says that an API server answers: it tells of changes, and what this account may do.
    """

    native = True

    def __init__(self, access: Access, renew: Callable[[], Access], timeout: float) -> None:
        self.place = access.place
        self.host = access.configuration.host
        self.timeout = timeout
        self.requests = 0
        self._renew = renew
        # the first credentials may be stale: a token that a plugin had cached
        self._login = _Login(access, proven=True)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections that are kept."""
        self._login.client.rest_client.pool_manager.clear()

    def get(self, path: str, query: Query | None = None, accept: str = JSON) -> bytes:
        """Return the body of an answer; passing failures are repeated, as ``Retry-After`` says.

        Raises:
            ApiError: it cannot be had.

        """
        return self.read(path, query or {}, accept=accept)[0]

    def review(self, path: str, body: bytes) -> bytes:
        """Return the answer to a question about permissions or a token: no other POST is sent, and it creates nothing.

        Raises:
            ApiError: it cannot be had.

        """
        return self.read(path, {}, body=body)[0]

    def read(
        self, path: str, query: Query, most: int = 0, *, accept: str = JSON, body: bytes = b""
    ) -> tuple[bytes, bool]:
        """Return the body of an answer, the first ``most`` bytes where that is given, and whether it was cut.

        Raises:
            ApiError: it cannot be had.

        """
        for attempt in repeated(_worth_repeating, timeout=ATTEMPTS * self.timeout):
            with attempt:
                return self._read(path, query, most, accept=accept, body=body)
        raise AssertionError  # pragma: no cover - an attempt returns or raises

    def _read(self, path: str, query: Query, most: int, *, accept: str, body: bytes) -> tuple[bytes, bool]:
        deadline = time.monotonic() + self.timeout
        chunks, size = [], 0
        with closing(self.open(path, query, accept, body=body)) as response:
            for chunk in self.chunks(response):
                chunks.append(chunk)
                size += len(chunk)
                if most and size > most:
                    return b"".join(chunks)[:most], True
                if time.monotonic() > deadline:
                    raise ApiError(f"no whole answer within {self.timeout:g} s", passing=True)
        return b"".join(chunks), False

    def chunks(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        """Yield a body in the pieces in which it arrives.

        Raises:
            ApiError: it is cut off, or the server is quiet for too long.

        """
        try:
            while chunk := response.read1(CHUNK):
                yield chunk
        except (HTTPError, OSError) as error:
            raise self._no_answer(error) from error

    def open(
        self, path: str, query: Query, accept: str = JSON, *, quiet_seconds: float = 0.0, body: bytes = b""
    ) -> BaseHTTPResponse:
        """Return an answer whose body is still to be read; credentials that are refused are renewed once.

        ``quiet_seconds`` is for a stream: how long it may send nothing.

        Raises:
            ApiError: there is none, or it is an error.

        """
        login = self._login
        response = self._send(login, path, query, accept, quiet_seconds, body=body)
        if response.status == UNAUTHORIZED and login.proven:
            response.close()
            login = self._renewed(login)
            response = self._send(login, path, query, accept, quiet_seconds, body=body)
        if response.status not in (OK, CREATED):
            raise self._error(response)
        login.proven = True
        return response

    def _send(
        self, login: _Login, path: str, query: Query, accept: str, quiet_seconds: float, *, body: bytes
    ) -> BaseHTTPResponse:
        with self._lock:
            self.requests += 1
        pool = login.client.rest_client.pool_manager
        coding = "identity" if quiet_seconds else "gzip"
        headers = {"Accept": accept, "Accept-Encoding": coding, "User-Agent": AGENT, **login.headers()}
        if body:
            headers["Content-Type"] = JSON
        timeout = Timeout(connect=min(CONNECT_SECONDS, self.timeout), read=quiet_seconds or self.timeout)
        url = f"{self.host}{path}{'?' if query else ''}{urlencode(query)}"
        try:
            return pool.request(
                "POST" if body else "GET",
                url,
                body=body or None,
                headers=headers,
                preload_content=False,
                timeout=timeout,
                retries=False,
                redirect=False,
            )
        except (HTTPError, OSError) as error:
            raise self._no_answer(error) from error

    def _renewed(self, stale: _Login) -> _Login:
        """Return a login with new credentials; of threads that find the same ones stale, one asks for them."""
        with self._lock:
            if self._login is stale:
                try:
                    self._login = _Login(self._renew(), proven=False)
                except InputError as error:
                    raise ApiError(f"{UNAUTHORIZED} {error}", UNAUTHORIZED) from error
            return self._login

    def _error(self, response: BaseHTTPResponse) -> ApiError:
        with closing(response):
            try:
                text = response.read(CHUNK)
            except (HTTPError, OSError):
                text = b""
        status = _decoded(text)
        header = response.headers.get("Retry-After", "")
        after = float(header) if header.isdigit() else status.details.retry_after_seconds if status.details else 0.0
        message = without_secrets(status.message or response.reason or "")
        return ApiError(
            f"{response.status} {message}".strip(),
            response.status,
            retry_after=min(after, self.timeout),
            passing=response.status in PASSING,
        )

    def _no_answer(self, error: Exception) -> ApiError:
        if isinstance(error, SSLError):
            return ApiError(f"TLS: {_worded(error)}")
        if isinstance(error, ReadTimeoutError):
            return ApiError(f"no answer within {self.timeout:g} s", passing=True)
        return ApiError(_worded(error), passing=True)


def _worth_repeating(error: Exception) -> bool | float:
    if not isinstance(error, ApiError) or not error.passing:
        return False
    return error.retry_after or True


def _decoded(text: bytes) -> _Status:
    try:
        return msgspec.json.decode(text, type=_Status)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Status()


def _worded(error: Exception) -> str:
    """Return what went wrong, without the address of an object in memory."""
    inner = error.args[-1] if error.args else None
    error = inner if isinstance(inner, Exception) else error
    return without_secrets(_OBJECT.sub("", str(error)) or type(error).__name__)
