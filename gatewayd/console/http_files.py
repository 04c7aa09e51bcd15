"""The page's own files, read once when the console opens; together they are some 40 kB."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent / "static"

TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class File:
    """One file; `tag` changes with its content, so that browsers ask and seldom fetch."""

    body: bytes
    content_type: str
    tag: str

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a GET, with nothing where the browser has it already."""
        headers = {"Cache-Control": "no-cache", "ETag": f'"{self.tag}"'}
        if any(each.value == self.tag for each in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=self.body, content_type=self.content_type, charset="utf-8", headers=headers
        )


def file_routes(folder: Path = FOLDER) -> list[web.RouteDef]:
    """Return the paths of the files: the two pages, and the rest under `/static/`.

    Raises:
        OSError: they cannot be read, the installation is broken.
    """
    pages = {"page.html": "/", "login.html": "/login"}
    routes = []
    for path in sorted(folder.iterdir()):
        if path.suffix in TYPES:
            body = path.read_bytes()
            file = File(body, TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:16])
            where = pages.get(path.name, f"/static/{path.name}")
            answer: Callable[[web.Request], Awaitable[web.StreamResponse]] = file.answer
            routes.append(web.get(where, answer))
    return routes
