"""A real browser without a window, told what to do over the DevTools protocol.

async with open_browser(tmp_path) as browser:
    await browser.open("http://127.0.0.1:8090/")
    await browser.wait("document.querySelector('h1') !== null")

Source: Chrome DevTools Protocol, domains Target, Page, Runtime, Emulation and Log.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)

START_S = 30.0
ANSWER_S = 20.0
LOOK_S = 0.02


def find_browser() -> str | None:
    """Return where a browser is, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Browser:
    """One page of one browser."""

    socket: aiohttp.ClientWebSocketResponse
    session_id: str = ""
    complaints: list[str] = field(default_factory=list)
    """What went wrong in the page: exceptions, violations of its policy, missing files."""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)

    async def do(self, method: str, **params: object) -> Any:
        """Return the result of one call."""
        number = next(self._numbers)
        call: dict[str, object] = {"id": number, "method": method, "params": params}
        if self.session_id:
            call["sessionId"] = self.session_id
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json(call)
        async with asyncio.timeout(ANSWER_S):
            return await self._answers[number]

    async def listen(self) -> None:
        """Hand answers to who asked, and keep complaints."""
        async for message in self.socket:
            told = message.json()
            if "id" in told:
                future = self._answers.pop(told["id"])
                if future.done():
                    continue  # Who asked has given up.
                if "error" in told:
                    future.set_exception(RuntimeError(str(told["error"])))
                else:
                    future.set_result(told["result"])
            elif told.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(str(told["params"]["exceptionDetails"]))
            elif told.get("method") == "Log.entryAdded":
                entry = told["params"]["entry"]
                if entry["level"] == "error":
                    self.complaints.append(f"{entry['text']} {entry.get('url', '')}")

    async def begin(self) -> None:
        """Open a page to work with."""
        target = await self.do("Target.createTarget", url="about:blank")
        attached = await self.do("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self.session_id = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.do(f"{domain}.enable")

    async def open(self, url: str) -> None:
        """Lead the page there."""
        told = await self.do("Page.navigate", url=url)
        assert "errorText" not in told, told

    async def eval(self, expression: str) -> Any:
        """Return the value of an expression in the page; a promise is waited for."""
        told = await self.do(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def wait(self, expression: str, deadline_s: float = ANSWER_S) -> Any:
        """Wait until an expression is true and return its value; a page tells of no event."""
        async with asyncio.timeout(deadline_s):
            while True:
                value = await self.eval(expression)
                if value:
                    return value
                await asyncio.sleep(LOOK_S)

    async def text(self, selector: str) -> str:
        """Return what a person reads there."""
        return str(await self.wait(f"document.querySelector({selector!r})?.innerText"))

    async def click(self, selector: str) -> None:
        """Click in the middle of an element, as a mouse does."""
        place = f"document.querySelector({selector!r})"
        await self.wait(place + " !== null")
        await self.eval(place + ".scrollIntoView({block: 'center'})")
        box = await self.eval(
            f"(({{x, y, width, height}}) => ({{x: x + width / 2, "
            f"y: y + height / 2}}))({place}.getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.do("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **box)

    async def press(self, key: str, code: int, text: str = "") -> None:
        """Press one key."""
        for kind in ("keyDown", "keyUp"):
            await self.do(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                text=text if kind == "keyDown" else "",
                windowsVirtualKeyCode=code,
            )

    async def resize(self, width: int, height: int, *, is_dark: bool = False) -> None:
        """Be a screen of this size, in CSS pixels."""
        await self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        await self.do("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self) -> bytes:
        """Return what is to be seen, the whole page, as PNG."""
        told = await self.do("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(told["data"])


@asynccontextmanager
async def open_browser(folder: Path) -> AsyncIterator[Browser]:
    """Start a browser whose files are in a folder, and end it with all its children."""
    found = find_browser()
    assert found
    process = await asyncio.create_subprocess_exec(
        found,
        *FLAGS,
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        url = await _find_socket(folder)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, max_msg_size=2**26) as socket,
            asyncio.TaskGroup() as group,
        ):
            browser = Browser(socket)
            listening = group.create_task(browser.listen())
            await browser.begin()
            yield browser
            listening.cancel()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _find_socket(folder: Path) -> str:
    """Return where the browser listens, which it writes into a file of its own."""
    told = folder / "DevToolsActivePort"

    def lines() -> list[str]:
        return told.read_text().split() if told.exists() else []

    async with asyncio.timeout(START_S):
        while len(lines()) < 2:  # noqa: ASYNC110  # another process, of which no event tells
            await asyncio.sleep(LOOK_S)
    port, path = lines()
    return f"ws://127.0.0.1:{port}{path}"
