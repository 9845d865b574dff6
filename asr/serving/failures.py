"""Answers to what cannot be done, in the form of OpenAI's."""

from collections.abc import Mapping

from starlette.responses import JSONResponse

from asr.serving import answers

_RETRY_SECONDS = 5


def failure_response(
    status: int,
    message: str,
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer with that status; says when to come again, or what to bring."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    own = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": str(_RETRY_SECONDS)}}.get(status, {})
    content = answers.failure(message, type=kind, param=param, code=code)
    return JSONResponse(content, status, {**(headers or {}), **own})
