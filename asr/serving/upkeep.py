"""The addresses for whoever runs the server: whether it lives, what it measures, what it offers."""

from collections.abc import Mapping
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, Response

from asr.serving.access import Access, asks_for_key
from asr.serving.description import openapi, page
from asr.serving.metrics import Metrics
from asr.serving.service import Service


def add_upkeep(app: FastAPI, services: Mapping[str, Service], metrics: Metrics, access: Access) -> None:
    """Add them. Only the measurements ask for a key: they tell how much the server is used."""
    described = openapi(has_keys=access.keys is not None)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/ready")
    async def ready() -> JSONResponse:
        is_ready = all(service.has_room for service in services.values())
        return JSONResponse({"status": "ok" if is_ready else "full"}, 200 if is_ready else 503)

    @app.get("/metrics", dependencies=[Depends(asks_for_key(access.keys))])
    async def measurements() -> Response:
        return Response(metrics.text(), media_type=metrics.MEDIA_TYPE)

    @app.get("/openapi.json")
    async def description() -> dict[str, Any]:
        return described

    @app.get("/docs")
    async def documentation() -> HTMLResponse:
        return HTMLResponse(page(described))
