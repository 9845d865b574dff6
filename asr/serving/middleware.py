"""What every request passes: it is refused if a foreign web page sent it, counted, and answered whatever happens.

Plain ASGI (asgi.readthedocs.io): a middleware that wraps the body of requests would hide that a client has gone.
"""

import logging
import re
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asr.serving.access import Access
from asr.serving.failures import failure_response
from asr.serving.metrics import Metrics

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d+)?", re.ASCII)
_HARMLESS = ("GET", "HEAD", "OPTIONS")  # browsers keep the answer from a foreign page
_UNMATCHED = "unmatched"


class Guarded:
    """Refuses what a web page of another origin sends from its visitor's browser, and calls by a foreign name.

    CORS alone would only keep the page from reading the answer.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or (refusal := self._refusal(scope)) is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the client sees a 403
        else:
            await failure_response(*refusal)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host, hosts = headers.get("host", ""), self._access.hosts
        found = _HOST.fullmatch(host)
        if host and found is None:
            return 400, "the header Host is none"
        if hosts is not None and (found is None or found[1].lower() not in hosts):
            return 421, "this server is not called by that name; start it with --origin, which says how pages reach it"
        origin = headers.get("origin")
        is_harmless = scope["type"] == "http" and scope["method"] in _HARMLESS
        if origin is None or is_harmless or {origin, "*"} & {*self._access.origins}:
            return None
        if urlsplit(origin).netloc.lower() == host.lower():
            return None
        return 403, "a page of another origin may not use this server; start it with --origin to allow that"


class Measured:
    """Counts requests by route and status, and answers those in which the server fails."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            if status:
                raise  # half an answer is out: the connection has to break
            logging.getLogger("asr.serving").exception("a request has failed")
            await failure_response(500, "the server has failed; its log says why")(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", _UNMATCHED)
            self._metrics.count_request(route, status, time.perf_counter() - started)
