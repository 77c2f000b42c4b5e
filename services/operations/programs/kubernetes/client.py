"""The few requests that the driver makes of the API server of Kubernetes: list, watch, apply, delete.

Errors say what was refused and at which fields. What the server writes beside that is never kept: it quotes what it was sent,
and that may be a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from services.operations.programs.kubernetes.credentials import Access

Object = dict[str, Any]
MANAGER: Final = "flotilla"
PAGE: Final = 200  # objects in one answer
WATCH_SECONDS: Final = 45  # the server ends a watch then; what is silent for longer is dead
REASON: Final = re.compile(r"[A-Za-z]{1,60}")
FIELD: Final = re.compile(r"[\w.\[\]/=\"()-]{1,200}")


@dataclass(frozen=True)
class Kind:
    """A kind of object, where its API is, and its name in addresses."""

    api: str
    name: str
    plural: str

    @property
    def prefix(self) -> str:
        """Where the API is under the server's address."""
        return f"/api/{self.api}" if "/" not in self.api else f"/apis/{self.api}"


class ApiError(Exception):
    """The API server did not do what it was asked. `status` is 0 when no sound answer came; `reason` is Kubernetes' word for it."""

    def __init__(self, status: int, reason: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(status, reason, fields)
        self.status = status
        self.reason = reason
        self.fields = fields

    @property
    def is_passing(self) -> bool:
        """Whether it is the server that cannot, rather than the request that is wrong."""
        return self.status in (0, 401, 429) or self.status >= 500

    def __str__(self) -> str:
        where = f" at {', '.join(self.fields)}" if self.fields else ""
        return f"{self.reason}{where}" + (f" ({self.status})" if self.status else "")


class ApiServer:
    """The API server, for the objects of one namespace. Threads may share it. Everything raises ApiError."""

    def __init__(self, access: Access, namespace: str, timeout_seconds: float = 10.0) -> None:
        self._access = access
        self._namespace = namespace
        self._timeout = urllib3.Timeout(connect=timeout_seconds, read=timeout_seconds)
        self._watching = urllib3.Timeout(connect=timeout_seconds, read=WATCH_SECONDS + timeout_seconds)
        self._pool = urllib3.PoolManager(maxsize=10, retries=False, ssl_context=access.tls)

    def list(self, kind: Kind, selector: str) -> tuple[list[Object], str]:
        """All objects of a kind with these labels, and the version that a watch goes on from."""
        found: list[Object] = []
        query = {"labelSelector": selector, "limit": str(PAGE)}
        while True:
            answer = self._ask("GET", self._path(kind), query)
            found += answer.get("items") or []
            known = answer.get("metadata", {})
            if not known.get("continue"):
                return found, str(known.get("resourceVersion", ""))
            query["continue"] = known["continue"]

    @contextmanager
    def watch(
        self, kind: Kind, selector: str, version: str
    ) -> Iterator[tuple[Iterator[Object], Callable[[], None]]]:
        """What happens to such objects after `version`, as the server tells it; and what ends the waiting, from any thread."""
        query = {
            "watch": "1",
            "labelSelector": selector,
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        response = self._send("GET", self._path(kind), query, timeout=self._watching, preload=False)
        try:
            if response.status != 200:
                raise _refusal(response.status, response.read())
            yield _events(response), lambda: _wake(response)
        except (HTTPError, OSError) as error:
            raise ApiError(0, type(error).__name__) from None
        finally:
            response.close()

    def apply(self, kind: Kind, manifest: Object, *, force: bool = False, manager: str = MANAGER) -> Object:
        """Have the fields of `manifest` be as they are there, and the object as the server has it then.

        A field that somebody else set otherwise is left to them with ApiError 409, unless it is taken by `force`.
        """
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        path = self._path(kind, manifest["metadata"]["name"])
        return self._ask("PATCH", path, query, manifest, "application/apply-patch+yaml")

    def delete(self, kind: Kind, name: str, uid: str) -> None:
        """Delete the object, and with it all that it owns; nothing when it is gone, or another one has its name by now."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        }
        try:
            self._ask("DELETE", self._path(kind, name), {}, body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    def _path(self, kind: Kind, name: str = "") -> str:
        path = f"{kind.prefix}/namespaces/{self._namespace}/{kind.plural}"
        return f"{path}/{name}" if name else path

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        response = self._send(method, path, query, body, content_type)
        if not 200 <= response.status < 300:
            raise _refusal(response.status, response.data)
        return _read(response.data)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Object | None = None,
        content_type: str = "application/json",
        *,
        timeout: urllib3.Timeout | None = None,
        preload: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        try:
            if token := self._access.token():
                headers["Authorization"] = f"Bearer {token}"
            return self._pool.request(
                method,
                f"{self._access.address}{path}?{urlencode(query)}",
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=timeout or self._timeout,
                preload_content=preload,
                redirect=False,
            )
        except (HTTPError, OSError) as error:  # whose words may hold the address, never needed here
            raise ApiError(0, type(error).__name__) from None


def _events(response: urllib3.BaseHTTPResponse) -> Iterator[Object]:
    """The events of a watch; ApiError for one that says that the watch cannot go on, as 410 for a version that is too old."""
    for line in response:
        event = _read(line)
        if event.get("type") == "ERROR":
            raise _refusal(
                int(event.get("object", {}).get("code") or 0), json.dumps(event["object"]).encode()
            )
        yield event


def _wake(response: urllib3.BaseHTTPResponse) -> None:
    with suppress(OSError, ValueError):  # it has ended by itself
        response.shutdown()


def _read(body: bytes) -> Object:
    try:
        found = json.loads(body)
    except ValueError:
        raise ApiError(0, "NotJson") from None
    if not isinstance(found, dict):
        raise ApiError(0, "NotJson")
    return found


def _refusal(status: int, body: bytes) -> ApiError:
    """Of an answer in Kubernetes' form its reason and the fields it names; nothing of what it says of them."""
    try:
        said = _read(body)
        causes = (said.get("details") or {}).get("causes") or []
        fields = tuple(str(each.get("field", "")) for each in causes if isinstance(each, dict))
        reason = str(said.get("reason") or "")
    except (ApiError, AttributeError):
        reason, fields = "", ()
    return ApiError(
        status,
        reason if REASON.fullmatch(reason) else "Refused",
        tuple(each for each in fields if FIELD.fullmatch(each))[:5],
    )
