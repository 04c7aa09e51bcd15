"""The page's own files."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.console.http_files import FOLDER, TYPES, file_routes
from tests.gatewayd.console.rooms import Room, open_room

PAGES = ("page.html", "login.html")


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path) as room:
        yield room


async def test_every_file_is_served_with_its_type(room: Room) -> None:
    """The two pages at their own paths, the rest under /static/."""
    for path in [route.path for route in file_routes()]:
        async with room.session.get(room.address + path.lstrip("/")) as answer:
            assert answer.status == 200
            assert answer.content_type in TYPES.values()
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_browser_that_has_a_file_does_not_fetch_it_again(room: Room) -> None:
    """It asks with the tag; another tag gets the file."""
    url = room.address + "static/page.js"
    async with room.session.get(url) as answer:
        tag = answer.headers["ETag"]
    for asked, status in ((tag, 304), ('"other"', 200)):
        async with room.session.get(url, headers={"If-None-Match": asked}) as answer:
            assert answer.status == status


@pytest.mark.parametrize(
    "path", ["static/../http.py", "static/%2e%2e/http.py", "static/", "static/x"]
)
async def test_nothing_else_can_be_fetched(room: Room, path: str) -> None:
    """No folder is served, only what was read at the start."""
    assert await room.ask(path) == 404


def test_the_page_is_complete_in_itself() -> None:
    """No address of another host in any file, but the name of SVG; no script or style inline."""
    for file in FOLDER.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, file
        assert "https://" not in text, file
    for name in PAGES:
        text = (FOLDER / name).read_text()
        assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)", text)


def test_the_page_puts_no_text_together_as_html() -> None:
    """What a device or a cloud calls itself is text, whatever it looks like."""
    for file in FOLDER.glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", file.read_text()
        )


def test_everything_that_a_file_names_is_there() -> None:
    """A misspelt import would be a page that stays empty."""
    for file in FOLDER.iterdir():
        for name in re.findall(r'(?:/static/|from "\./)([\w.]+)', file.read_text()):
            assert (FOLDER / name).exists(), f"{file.name} names {name}"
