"""The review page served to one person: on the loopback address, behind ``pipeline.review.guard``.

Titles are named by their id alone, and only ids of the run exist; no path of a request ever becomes a path of a file.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Query
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from data.errors import ConfigError, DecodeError
from pipeline.review.actions import ActionError, ActionRequest
from pipeline.review.guard import Guard
from pipeline.review.media import MAX_PICTURES
from pipeline.review.page import render_review
from pipeline.review.session import ReviewSession

ADDRESS = "127.0.0.1"

Seconds = Annotated[float, Query(ge=0, le=1e6, allow_inf_nan=False)]


def serve(session: ReviewSession, port: int, announce: Callable[[str], None]) -> None:
    """Serve a session until interrupted.

    Args:
        port: 0 takes one that is free.
        announce: is told the address with the token when the server listens.

    Raises:
        ConfigError: the port is taken.
    """
    try:
        listening = socket.create_server((ADDRESS, port))
    except OSError as error:
        raise ConfigError(f"port {port} of {ADDRESS}: {error.strerror}; choose another one, or 0 for any") from error
    with listening:
        server, address = make_server(session, listening.getsockname()[1])
        announce(address)
        server.run(sockets=[listening])


def make_server(session: ReviewSession, port: int) -> tuple[uvicorn.Server, str]:
    """Return a server that answers at ``port`` of this machine to a new token, and the address that holds the token."""
    token = secrets.token_urlsafe(32)
    config = uvicorn.Config(
        Guard(make_app(session), port, token),
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config), f"http://{ADDRESS}:{port}/?token={token}"


def make_app(session: ReviewSession) -> FastAPI:
    """Return the application of a session; to be served behind a ``Guard`` only."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    page, policy = render_review(session)

    def known(title_id: str) -> str:
        if title_id not in session.titles:
            raise HTTPException(404, "no such title in this run")
        return title_id

    @app.get("/")
    def index() -> HTMLResponse:
        return HTMLResponse(page, headers={"content-security-policy": policy})

    @app.get("/api/queue")
    def queue() -> dict[str, Any]:
        return session.queue()

    @app.get("/api/titles/{title_id}")
    def title(title_id: str) -> dict[str, Any]:
        return session.title(known(title_id))

    @app.post("/api/titles/{title_id}/actions")
    def act(title_id: str, request: ActionRequest) -> dict[str, Any]:
        return session.act(known(title_id), request)

    @app.get("/api/titles/{title_id}/pictures")
    def pictures(
        title_id: str, start_s: Seconds, end_s: Seconds, count: Annotated[int, Query(ge=1, le=MAX_PICTURES)] = 12
    ) -> dict[str, Any]:
        return session.pictures(known(title_id), start_s, end_s, count)

    @app.get("/media/{title_id}")
    def media(title_id: str) -> FileResponse:
        found = session.media(known(title_id))
        return FileResponse(found.path, media_type=found.media_type)

    app.add_exception_handler(ActionError, lambda _, error: _refuse(409, str(error)))
    app.add_exception_handler(DecodeError, lambda _, error: _refuse(404, str(error)))
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(OSError, _not_written)
    return app


def _refuse(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status)


def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return _refuse(422, f"{where}: {first['msg']}")


def _not_written(_: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    return _refuse(507, f"not recorded: {error.strerror or error}; check the disk of the review log, then try again")
