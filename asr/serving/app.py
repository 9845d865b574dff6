"""The server's addresses: OpenAI's for transcriptions and models; `upkeep.py` has those for whoever runs it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, get_args

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from asr.errors import AsrError, AudioError, SearchError
from asr.longform.recording import PassageResult
from asr.serving import answers
from asr.serving.access import Access, asks_for_key
from asr.serving.answers import Granularity, ResponseFormat
from asr.serving.failures import failure_response
from asr.serving.metrics import Metrics
from asr.serving.middleware import Guarded, Measured
from asr.serving.service import FullError, Service, Wanted
from asr.serving.upkeep import add_upkeep
from asr.serving.uploads import RefusedError, Upload, received
from asr.transcript import Transcript

ALIASES = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-transcribe")
"""Names that clients have built in; they stand for the first model."""

_PATIENCE = 15.0  # seconds between two comments in a stream that has nothing to tell
_ANYBODY = Access()
_TRUE, _FALSE = ("true", "1"), ("false", "0", "")
_UNBUFFERED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class _Options:
    form: ResponseFormat
    granularities: Sequence[Granularity]
    is_stream: bool
    hotwords: Sequence[str]


def make_app(
    services: Mapping[str, Service], *, language: str = "english", created: int = 0, access: Access = _ANYBODY
) -> FastAPI:
    """The application that serves models by their names; the first one is meant where none is named."""
    app = FastAPI(title="asr", docs_url=None, redoc_url=None, openapi_url=None)
    metrics, with_key = Metrics(services), [Depends(asks_for_key(access.keys))]
    every = [service.limits for service in services.values()]
    most_bytes = max(limits.most_bytes for limits in every)
    uploads = asyncio.Semaphore(sum(limits.most_at_once + limits.most_waiting for limits in every))
    app.add_middleware(Measured, metrics=metrics)
    app.add_middleware(Guarded, access=access)
    if access.origins:
        app.add_middleware(CORSMiddleware, allow_origins=access.origins, allow_methods=["*"], allow_headers=["*"])

    async def refused(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, RefusedError):
            return failure_response(error.status, error.message, error.param, error.code)
        assert isinstance(error, HTTPException)
        message = str(error.detail or HTTPStatus(error.status_code).phrase)
        return failure_response(error.status_code, message, headers=error.headers)

    for kind in (RefusedError, HTTPException):
        app.add_exception_handler(kind, refused)

    add_upkeep(app, services, metrics, access)

    @app.get("/v1/models", dependencies=with_key)
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(name, created) for name in services]}

    @app.get("/v1/models/{name}", dependencies=with_key)
    async def model(name: str) -> dict[str, Any]:
        _service(services, name)
        return _model(name, created)

    @app.post("/v1/audio/transcriptions", dependencies=with_key)
    async def transcriptions(request: Request) -> Response:
        async with AsyncExitStack() as stack:
            if uploads.locked() or not any(service.has_room for service in services.values()):
                raise _full()  # before the upload
            async with uploads:
                upload = await stack.enter_async_context(received(request, most_bytes=most_bytes))
            service = _service(services, upload.last("model"))
            options = _options(upload, service)
            if options.is_stream:
                events = _Events(service, upload, options, request, stack.pop_all())
                return StreamingResponse(events.body(), media_type="text/event-stream", headers=_UNBUFFERED)
            transcript = await _transcribed(service, Wanted(upload.sound, options.hotwords), request)
            found = answers.answer(transcript, options.form, language=language, granularities=options.granularities)
            return Response(found.body, media_type=found.media_type)

    return app


def _model(name: str, created: int) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": "asr"}


def _service(services: Mapping[str, Service], name: str) -> Service:
    """The service of a model; the first one for no name, and for names that clients have built in."""
    if name in services:
        return services[name]
    if name in ("", *ALIASES):
        return next(iter(services.values()))
    named = ", ".join(services)
    raise RefusedError(
        404, f"there is no model {name[:100]!r}; there are: {named}", param="model", code="model_not_found"
    )


def _options(upload: Upload, service: Service) -> _Options:
    form = upload.last("response_format") or "json"
    if form not in get_args(ResponseFormat):
        raise _unsupported("response_format", form, get_args(ResponseFormat))
    told = upload.last("stream").lower()
    if told not in (*_TRUE, *_FALSE):
        raise _unsupported("stream", told, ("true", "false"))
    if told in _TRUE and form not in ("json", "text"):
        raise RefusedError(
            400, f"stream is for json and text, not for {form}", param="stream", code="unsupported_value"
        )
    granularities = [value for value in upload.all("timestamp_granularities[]", "timestamp_granularities") if value]
    for value in granularities:
        if value not in get_args(Granularity):
            raise _unsupported("timestamp_granularities[]", value, get_args(Granularity))
    if granularities and form != "verbose_json":
        message = f"timestamp_granularities[] needs the response_format verbose_json, not {form}"
        raise RefusedError(400, message, param="timestamp_granularities[]", code="unsupported_value")
    hotwords = [word for word in upload.all("keywords[]", "keywords") if word.strip()]
    limits = service.limits
    if len(hotwords) > limits.most_hotwords or any(len(word) > limits.most_letters for word in hotwords):
        message = f"at most {limits.most_hotwords} keywords of at most {limits.most_letters} letters"
        raise RefusedError(400, message, param="keywords[]", code="too_many")
    return _Options(form, granularities or ("segment",), told in _TRUE, hotwords)  # type: ignore[arg-type]


def _unsupported(field: str, found: str, expected: Sequence[str]) -> RefusedError:
    message = f"{field}: found {found[:100]!r}, expected {' or '.join(expected)}"
    return RefusedError(400, message, param=field, code="unsupported_value")


async def _transcribed(service: Service, wanted: Wanted, request: Request) -> Transcript:
    """The transcript; the work ends soon after the client has gone."""
    future = asyncio.wrap_future(_submitted(service, wanted))
    watcher = asyncio.ensure_future(_gone(request))
    try:
        done, _ = await asyncio.wait({future, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if future not in done:
            wanted.forget()
            _ignore(future)
            raise RefusedError(499, "the client has gone")
        return _told(future)
    finally:
        watcher.cancel()


def _submitted(service: Service, wanted: Wanted) -> Any:
    try:
        return service.submit(wanted)
    except FullError:
        raise _full() from None
    except SearchError as error:
        raise RefusedError(400, str(error), param="keywords[]", code="unsupported_value") from None


def _full() -> RefusedError:
    return RefusedError(503, "too many requests wait; try again later", code="full")


def _told(future: "asyncio.Future[Transcript]") -> Transcript:
    try:
        return future.result()
    except AudioError as error:
        raise RefusedError(400, _without_path(error), param="file", code="unreadable_sound") from None
    except AsrError as error:
        raise RefusedError(400, _without_path(error)) from None


def _ignore(future: "asyncio.Future[Transcript]") -> None:
    """Nobody waits for its result, or its error."""
    future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())


def _without_path(error: AsrError) -> str:
    """The message without the name of the file, which is the server's own."""
    text = str(error)
    start = text.find(": ")
    return text[start + 2 :] if text.startswith("/") and start > 0 else text


async def _gone(request: Request) -> None:
    """Returns when the client has disconnected."""
    while True:
        if (await request.receive())["type"] == "http.disconnect":
            return


class _Events:
    """A transcript that is told part by part."""

    def __init__(
        self, service: Service, upload: Upload, options: _Options, request: Request, stack: AsyncExitStack
    ) -> None:
        self._request, self._stack = request, stack
        self._loop = asyncio.get_running_loop()
        self._parts: asyncio.Queue[str | None] = asyncio.Queue()
        self._wanted = Wanted(upload.sound, options.hotwords, on_passage=self._tell)
        try:
            self._future = asyncio.wrap_future(_submitted(service, self._wanted))
        except RefusedError:
            self._loop.create_task(stack.aclose())
            raise
        self._future.add_done_callback(lambda _: self._parts.put_nowait(None))

    async def body(self) -> AsyncIterator[str]:
        """The events."""
        text = ""
        try:
            while (part := await self._next()) is not None:
                if not part:
                    yield ": still at work\n\n"
                    continue
                new = part if not text else f" {part}"
                text += new
                yield answers.as_event(answers.delta(new))
            _told(self._future)
            yield answers.as_event(answers.done(text))
        except RefusedError as error:
            yield answers.as_event(answers.failure(error.message, type="invalid_request_error", code=error.code))
        except Exception:
            logging.getLogger("asr.serving").exception("a request has failed")
            yield answers.as_event(answers.failure("the server has failed; its log says why", type="server_error"))
        finally:
            self._wanted.forget()
            _ignore(self._future)
            await self._stack.aclose()

    async def _next(self) -> str | None:
        """The next part; empty after some time without one, None at the end."""
        try:
            return await asyncio.wait_for(self._parts.get(), _PATIENCE)
        except TimeoutError:
            return ""

    def _tell(self, result: PassageResult) -> None:
        """Called by the thread that transcribes."""
        if result.words:
            text = " ".join(word.text for word in result.words)
            self._loop.call_soon_threadsafe(self._parts.put_nowait, text)
