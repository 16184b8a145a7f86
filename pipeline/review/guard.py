"""Who may speak to the review server: this machine's browser, with the token, and pages of this server alone.

Every web page that somebody opens can make requests to servers on their machine. Against that stand: the exact *Host*
header (a name that was rebound to this address is refused), a token that only the terminal shows, a cookie that other
sites' pages cannot make the browser send (SameSite=Strict) nor scripts read (HttpOnly), no CORS header at all, and for
actions a JSON body of limited size from this very origin. Nothing of this is left to single routes: it stands in front
of them, so that also what does not exist answers to nobody.
"""

from __future__ import annotations

import json
import secrets
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 64 * 1024

NOTHING_RUNS = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = {
    "content-security-policy": f"{NOTHING_RUNS}; sandbox",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


class Guard:
    """An ASGI application in front of another one.

    Args:
        app: what is guarded.
        port: it listens at; part of every *Host* that is let through.
        token: what a request must know.
    """

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self._token = token
        self.cookie = f"coarse2fine_review_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # no websockets, no lifespan
            return
        request = Request(scope, receive)
        guarded = _with_headers(send)
        if refused := self._refusal(request):
            await _answer(guarded, *refused)
            return
        if request.method == "GET" and request.url.path == "/" and "token" in request.query_params:
            await self._sign_in(guarded)
            return
        body = await _read_body(request, receive)
        if body is None:
            await _answer(guarded, 413, f"the body is larger than {MAX_BODY_BYTES} bytes")
            return
        await self._app(scope, _replay(body, receive), guarded)

    def _refusal(self, request: Request) -> tuple[int, str] | None:
        """Return status and reason of a request that is not let through."""
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return 421, "this server answers only to 127.0.0.1 and localhost, with its port"
        if request.method not in ("GET", "POST"):
            return 405, "only GET and POST"
        if not self._knows_token(request):
            return 401, "open the address that `coarse2fine review` printed, with its token"
        if request.method == "POST":
            return self._write_refusal(request, hosts[0])
        return None

    def _write_refusal(self, request: Request, host: str) -> tuple[int, str] | None:
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return 403, "actions come from this server's own page only"
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "actions come from this server's own page only"
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return 415, "actions are JSON (content-type: application/json)"
        length = request.headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
            return 413, f"the body is larger than {MAX_BODY_BYTES} bytes"
        return None

    def _knows_token(self, request: Request) -> bool:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        given = [credentials.strip()] if scheme.lower() == "bearer" else []
        given += [request.cookies.get(self.cookie, "")]
        if request.method == "GET" and request.url.path == "/":
            given += parse_qs(request.url.query).get("token", [])
        expected = self._token.encode()
        return any([secrets.compare_digest(one.encode(errors="replace"), expected) for one in given])  # noqa: C419

    async def _sign_in(self, send: Send) -> None:
        """Exchange the token of the query for a cookie, and leave an address without it.

        By a page that loads the next one: after a redirect a browser would not send the cookie if the address was
        opened from another site, a terminal in a browser for example.
        """
        cookie = f"{self.cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"
        page = '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/">'
        text = f'{page}<title>Review</title><p><a href="/">Open the review</a></p></html>'
        policy = NOTHING_RUNS.encode()  # without sandbox, in which no page may load the next one
        headers = [(b"set-cookie", cookie.encode()), (b"content-security-policy", policy)]
        await _respond(send, 200, "text/html; charset=utf-8", text, headers)


async def _answer(send: Send, status: int, reason: str) -> None:
    text = json.dumps({"error": reason})
    await _respond(send, status, "application/json", text, [])


async def _respond(send: Send, status: int, kind: str, text: str, headers: list[tuple[bytes, bytes]]) -> None:
    body = text.encode()
    length = str(len(body)).encode()
    named = [(b"content-type", kind.encode()), (b"content-length", length), *headers]
    await send({"type": "http.response.start", "status": status, "headers": named})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    """Add the headers of safety to an answer, where it does not set its own."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            added = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in there]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return guarded


async def _read_body(request: Request, receive: Receive) -> bytes | None:
    """Return the whole body, whatever it claims to be long; None if it is larger than allowed."""
    body = b""
    if request.method != "POST":
        return body
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body
        body = body + bytes(message.get("body", b""))
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives a body that was read already, then what comes after."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
