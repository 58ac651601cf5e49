"""A board over HTTP: the file with ranges, its static files, and a door for signed messages where there is a desk.

Nothing here has to be trusted: whoever reads checks what is read, and any web server can serve the same files. The
extra `serve` brings what this module needs.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from e2ev.board.files import open_board
from e2ev.board.publish import Published
from e2ev.board.static import HISTORY
from e2ev.board.tiles import CHECKPOINT
from e2ev.errors import ConflictError, DataError, E2evError, NotReadyError, PolicyError, RejectedError, StorageError

WARNING = "Not for internet voting to public office: nobody sees who stands behind a voter at home."
IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable"}
FRESH = {"cache-control": "no-cache"}
BINARY = "application/octet-stream"
MAX_MESSAGE = 4 << 20
"""Bytes of one message, unless the keeper chooses otherwise."""
DOORS = 32
"""Messages that are read and judged at the same time; more are asked to come again."""
READ_SECONDS = 30.0
_CHUNK = 1 << 18

_STATUS: Sequence[tuple[type[E2evError], HTTPStatus]] = (
    (PolicyError, HTTPStatus.FORBIDDEN),
    (ConflictError, HTTPStatus.CONFLICT),
    (RejectedError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (DataError, HTTPStatus.BAD_REQUEST),
    (StorageError, HTTPStatus.SERVICE_UNAVAILABLE),
)


class Receipted(Protocol):
    """An entry on the board, its place, and its receipt."""

    @property
    def entry(self) -> bytes:
        """Its leaf hash."""

    @property
    def index(self) -> int:
        """Its place."""

    @property
    def receipt(self) -> str:
        """What proves that it is there."""


Take = Callable[[bytes], Sequence[Receipted]]
"""Commits the entries of a message file and returns their receipts, or raises what speaks against them."""


def app_of(published: Published, take: Take | None = None, most: int = MAX_MESSAGE) -> Starlette:
    """Return the application that serves a board.

    Args:
        published: The board and its static files.
        take: The desk; None where only reading is offered.
        most: Bytes that a message may have.
    """
    routes: list[BaseRoute] = [
        Route("/", partial(_about, published)),
        Route("/board", partial(_board, published)),
        Route("/checkpoint", partial(_growing, published, CHECKPOINT, "text/plain; charset=utf-8")),
        Route("/history", partial(_growing, published, HISTORY, BINARY)),
        *(Mount(f"/{name}", _Immutable(directory=published.folder / name, check_dir=False))
          for name in ("tile", "body")),
    ]  # fmt: skip
    if take is not None:
        routes.append(Route("/entries", _Door(take, most).post, methods=["POST"]))
    return Starlette(routes=routes, exception_handlers={E2evError: _refused})


class _Immutable(StaticFiles):
    """Files that never change once they are there."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Return the file, to be kept for ever."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(IMMUTABLE | {"content-type": BINARY})
        return response


async def _about(published: Published, _request: Request) -> Response:
    text = f"A board of e2ev: /board, /checkpoint, /history, /tile, /body; log {published.key.vkey()}\n{WARNING}\n"
    return PlainTextResponse(text, headers=FRESH)


async def _bring_up(published: Published) -> None:
    """Bring the files up to the board; where that fails, it is the keeper's disk, and nobody's who asks."""
    try:
        await run_in_threadpool(published.refresh)
    except E2evError as error:
        raise StorageError(f"the board cannot be shown: {error.found}", remedy="tell its keeper") from error


async def _growing(published: Published, name: str, kind: str, _request: Request) -> Response:
    await _bring_up(published)
    return FileResponse(published.folder / name, headers=FRESH, media_type=kind)


async def _board(published: Published, request: Request) -> Response:
    """Return the board up to its last checkpoint; it may grow meanwhile."""
    await _bring_up(published)
    end, stat = published.end, published.board.stat()
    one_file = stat.st_size >= end
    if one_file and "range" in request.headers and "if-range" not in request.headers:
        until = os.stat_result((*stat[:6], end, *stat[7:]))
        return FileResponse(published.board, headers=FRESH, media_type=BINARY, stat_result=until)
    headers = FRESH | {"content-length": str(end), "accept-ranges": "bytes" if one_file else "none"}
    content = _bytes_of(published.board, 0 if request.method == "HEAD" else end)
    return StreamingResponse(content, headers=headers, media_type=BINARY)


async def _bytes_of(path: Path, end: int) -> AsyncIterator[bytes]:
    with await run_in_threadpool(open_board, path) as stream:
        while end > 0 and (chunk := await run_in_threadpool(stream.read, min(_CHUNK, end))):
            end -= len(chunk)
            yield chunk


class _Door:
    """Where messages come in: bounded before they are read, and one after another where they are judged."""

    def __init__(self, take: Take, most: int) -> None:
        self._take, self._most = take, most
        self._inside = 0

    async def post(self, request: Request) -> Response:
        """Answer with the receipts of a message's entries, after they were committed."""
        if self._inside >= DOORS:
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many at the same time", "try again in 1 s", retry=1)
        self._inside += 1
        try:
            data = await asyncio.wait_for(self._read(request), READ_SECONDS)
            if data is None:
                found = f"the message has more than {self._most} bytes"
                return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, found, "post it in parts")
            done = await run_in_threadpool(self._take, data)
        except TimeoutError:
            return _problem(HTTPStatus.REQUEST_TIMEOUT, "the message did not come in time", "post it again")
        except ClientDisconnect:
            return _problem(HTTPStatus.BAD_REQUEST, "the message broke off", "post it again")
        finally:
            self._inside -= 1
        entries = [{"entry": one.entry.hex(), "index": one.index, "receipt": one.receipt} for one in done]
        return JSONResponse({"entries": entries}, headers={"cache-control": "no-store"})

    async def _read(self, request: Request) -> bytes | None:
        """Return the body, None if it is too long; of one that says so itself nothing is read."""
        stated = request.headers.get("content-length", "0")
        if not stated.isascii() or not stated.isdigit() or len(stated) > 18 or int(stated) > self._most:
            return None
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > self._most:
                return None
        return bytes(data)


async def _refused(_request: Request, error: Exception) -> Response:
    """Return what speaks against a request, in the form of the command line's errors."""
    if not isinstance(error, E2evError):
        raise error
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    retry = int(getattr(error, "seconds", 0)) + 1 if hasattr(error, "seconds") else None
    if retry is not None:
        status = HTTPStatus.TOO_MANY_REQUESTS
    elif isinstance(error, NotReadyError):
        status = HTTPStatus.CONFLICT
    return _problem(status, error.found, error.remedy, error.code, error.culprit, retry=retry)


def _problem(
    status: HTTPStatus, found: str, remedy: str = "", code: str = "E-DATA", culprit: str = "", *,
    retry: int | None = None,
) -> Response:  # fmt: skip
    headers = {"cache-control": "no-store"} | ({"retry-after": str(retry)} if retry is not None else {})
    return JSONResponse({"error": code, "found": found, "who": culprit or None, "do": remedy or None},
                        status_code=status, headers=headers)  # fmt: skip
