"""A connection to a client: one that sends no request, or only the beginning of one, is closed after a while.

uvicorn itself waits for ever for the end of a head ("slow loris"), and answers what is no HTTP with plain text.
"""

import asyncio
import json

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from asr.serving import answers


class Connection(H11Protocol):
    """uvicorn's, whose client has `head_seconds`, at most twice that, for the head of each request."""

    head_seconds = 20.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._last: object = self  # the request after whose answer the client was waited for
        self.loop.call_later(self.head_seconds, self._check)

    def send_400_response(self, msg: str) -> None:
        body = json.dumps(answers.failure(msg, type="invalid_request_error")).encode()
        head = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in (h11.Response(status_code=400, headers=head), h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _check(self) -> None:
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return  # closed, or a websocket by now
        is_between = self.cycle is None or self.cycle.response_complete
        if is_between and self.cycle is self._last:
            self.transport.close()
            return
        self._last = self.cycle if is_between else self
        self.loop.call_later(self.head_seconds, self._check)
