"""What the server offers, as OpenAPI 3.1 for programs and as a page for people that loads nothing from anywhere."""

from collections.abc import Mapping
from typing import Any, get_args

from asr.html.elements import Html, element, paragraph, table, text
from asr.html.style import STYLE
from asr.serving.answers import Granularity, ResponseFormat

_STRINGS = {"type": "array", "items": {"type": "string"}}
_FIELDS: dict[str, dict[str, Any]] = {
    "file": {"type": "string", "format": "binary", "description": "a sound; its content decides what it is"},
    "model": {"type": "string", "description": "one of /v1/models; the first one for none"},
    "response_format": {"type": "string", "enum": list(get_args(ResponseFormat)), "default": "json"},
    "timestamp_granularities[]": {
        "type": "array",
        "items": {"type": "string", "enum": list(get_args(Granularity))},
        "description": "what verbose_json lists",
    },
    "stream": {"type": "boolean", "default": False, "description": "events, for json and text"},
    "keywords[]": {**_STRINGS, "description": "words to expect, in this request alone"},
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_REASONS = {
    400: "not a sound, or a field that cannot be used",
    401: "no key, or an unknown one",
    403: "sent by a foreign web page",
    404: "no such model or address",
    408: "the upload has stopped",
    413: "too large",
    503: "too many requests wait",
    507: "the server's disk is full",
}
_ANSWERS = {"text/plain": {"type": "string"}, "text/event-stream": {"type": "string"}, "application/json": {}}


def openapi(*, has_keys: bool) -> dict[str, Any]:
    """The description (spec.openapis.org/oas/v3.1.0)."""
    with_key: list[dict[str, list[str]]] = [{"key": []}] if has_keys else []
    models = _operation("The models", {"application/json": {"type": "object"}}, with_key, (401,))
    model = _operation("One model", {"application/json": {"type": "object"}}, with_key, (401, 404))
    model["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
    transcribe = _operation("The transcript of a sound", _ANSWERS, with_key, tuple(_REASONS))
    form = {"type": "object", "required": ["file"], "properties": _FIELDS}
    transcribe["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    state = {"application/json": {"type": "object"}}
    paths = {
        "/v1/audio/transcriptions": {"post": transcribe},
        "/v1/models": {"get": models},
        "/v1/models/{name}": {"get": model},
        "/health": {"get": _operation("Whether it lives", state, [], ())},
        "/ready": {"get": _operation("Whether one more request may come", state, [], (503,))},
        "/metrics": {"get": _operation("Measurements, for Prometheus", {"text/plain": {}}, with_key, (401,))},
    }
    described: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "asr", "version": "1"}, "paths": paths}
    if has_keys:
        described["components"] = {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}}
    return described


def page(described: Mapping[str, Any]) -> Html:
    """The description as a page."""
    parts = [element("h1", text("asr: addresses"))]
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            parts += [element("h2", text(f"{method.upper()} {path}")), paragraph(operation["summary"])]
            if "requestBody" in operation:
                schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
                parts.append(table(("field", "values", ""), [_field(*item) for item in schema["properties"].items()]))
            answers = [(status, answer["description"]) for status, answer in operation["responses"].items()]
            parts.append(table(("status", ""), answers))
    head = Html(f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{STYLE}</style>')
    whole = element(
        "html", element("head", head, element("title", text("asr: addresses"))), element("body", *parts), lang="en"
    )
    return Html(f"<!DOCTYPE html>{whole}")


def _field(name: str, schema: Mapping[str, Any]) -> tuple[str, str, str]:
    inner = schema.get("items", schema)
    return name, " ".join(inner.get("enum", [inner["type"]])), schema.get("description", "")


def _operation(
    summary: str, content: Mapping[str, Any], security: list[dict[str, list[str]]], failures: tuple[int, ...]
) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": _answer("done", content)}
    for status in failures:
        responses[str(status)] = _answer(_REASONS[status], {"application/json": _ERROR})
    return {"summary": summary, "responses": responses, "security": security}


def _answer(description: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {kind: {"schema": schema} for kind, schema in content.items()}}
