"""What holds for the app calls of every cloud: the console's gate, limits, and their price."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp

from gatewayd.clouds.local import Asked, Told, tell
from gatewayd.config.settings import Console
from gatewayd.console.http import open_console
from gatewayd.console.http_apps import BODY_BYTES_MAX, STREAMS_MAX, make_apps
from gatewayd.console.roles import Role
from gatewayd.errors import ConfigError
from gatewayd.status import surface_of
from tests.gatewayd.console.rooms import WAIT_S, open_room
from tests.gatewayd.console.test_http_roles import TOKENS, open_guarded, shown

CALL = "thingplus/v2/controlActuator"
ON = {
    "id": "b827eb000001",
    "act": "controlActuator",
    "params": {"id": "b827eb000001-pump-relay", "cmd": "on"},
}


async def test_who_may_only_look_switches_nothing(tmp_path: Path) -> None:
    """403 for a reader, 401 for nobody, done for who operates: under the token's name."""
    async with open_guarded(tmp_path) as room:
        await room.post(CALL, ON, 401)
        await room.post(CALL, ON, 403, headers=shown(Role.READ))
        assert not room.plant.relays()["relay"]
        await room.post(CALL, ON, headers=shown(Role.OPERATE))
        assert room.plant.relays()["relay"]
        assert room.gateway.desk.history[-1].command.origin == "local:scada"


async def test_a_token_in_the_path_is_one_like_in_the_header(tmp_path: Path) -> None:
    """As thethings.iO's apps have it; a wrong one is a guess like any other."""
    async with open_guarded(tmp_path) as room:
        reader = TOKENS[Role.READ]
        assert await room.ask(f"thethingsio/v2/things/{reader}/nothing") == 404
        assert await room.ask("thethingsio/v2/things/wrong/nothing") == 401
        assert await room.ask(f"thethingsio/v2/things/{reader}", "POST") == 403
        assert await room.ask(f"thingplus/v2/things/{reader}") == 401


async def test_a_body_is_json_and_bounded(tmp_path: Path) -> None:
    """A page elsewhere can make a browser post a form; and nobody may fill the memory."""
    async with open_room(tmp_path) as room:
        url = f"{room.address}{CALL}"
        async with room.session.post(url, data={"act": "controlActuator"}) as told:
            assert told.status == 415
        await room.post(CALL, {"id": "x" * BODY_BYTES_MAX}, 413)
        json = {"Content-Type": "application/json"}
        async with room.session.post(url, data=b"{half", headers=json) as told:
            assert told.status == 400


def test_a_cloud_is_loaded_when_its_first_call_comes(tmp_path: Path) -> None:
    """Who has no app does not pay for it."""
    program = f"""
import asyncio, sys
from pathlib import Path
from tests.gatewayd.console.rooms import open_room
async def main():
    async with open_room(Path({str(tmp_path)!r})) as room:
        assert await room.ask("api/status") == 200
        assert "gatewayd.clouds.thingplus.names" not in sys.modules
        await room.ask("thingplus/anything")
        assert "gatewayd.clouds.thingplus.names" in sys.modules
asyncio.run(main())
"""
    told = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr


class Dripping:
    """An app that streams for as long as anybody listens, and fails to open the first time."""

    def __init__(self) -> None:
        self.opened = self.listening = 0

    def open(self) -> Dripping:
        self.opened += 1
        if self.opened == 1:
            raise ConfigError("the names are being mended")
        return self

    async def answer(self, asked: Asked) -> Told:
        return Told(200, stream=self._drip()) if asked.method == "GET" else tell({})

    async def _drip(self) -> AsyncGenerator[bytes, None]:
        self.listening += 1
        try:
            while True:
                yield b"{}"
                await asyncio.sleep(0.02)
        finally:
            self.listening -= 1


async def test_streams_are_bounded_and_end_with_their_readers(tmp_path: Path) -> None:
    """One more than there may be is refused; one that leaves makes room."""
    app = Dripping()
    async with open_room(tmp_path) as room:
        mounts = make_apps({"dripping": app.open})
        surface = surface_of(room.gateway)
        async with open_console(Console(listen="127.0.0.1:0"), surface, mounts) as room.address:
            told = await room.get("dripping/x", 503)
            assert told == {"error": "the names are being mended"}
            url = f"{room.address}dripping/x"
            readers: list[aiohttp.ClientResponse] = []
            for _ in range(STREAMS_MAX):
                readers.append(await room.session.get(url))
                assert await readers[-1].content.readexactly(2) == b"{}"
            assert app.listening == STREAMS_MAX
            assert await room.ask("dripping/x") == 503
            assert await room.ask("dripping/x", "POST") == 200
            readers.pop().close()
            async with asyncio.timeout(WAIT_S):
                while app.listening == STREAMS_MAX:  # noqa: ASYNC110  # a task that ends elsewhere
                    await asyncio.sleep(0.01)
            readers.append(await room.session.get(url))
            assert readers[-1].status == 200
            for reader in readers:
                reader.close()
