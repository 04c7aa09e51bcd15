"""The clouds' app calls as this gateway answers them itself: whole requests, behind the gate.

An input is `METHOD path?query`, and after a zero byte the body.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

import orjson

from gatewayd.app_calls import local_apps
from gatewayd.clouds.local import Asked
from tests.fuzz.entries import Hit, entry
from tests.fuzz.target import Target
from tests.gatewayd.console.rooms import open_room

GOOD = {
    "thethingsio": b'POST v2/things/t\0{"values":[{"key":"pump.relay","value":"on"}]}',
    "thinger": b'POST v2/users/u/devices/b827eb000001/pump/relay\0{"in":{"value":true,"hold_s":3}}',
    "thingplus": b'POST v2/controlActuator\0{"id":"b827eb000001","act":"controlActuator",'
    b'"params":{"id":"b827eb000001-pump-relay","cmd":"on","options":{"duration":3000}}}',
    "thingsee": b'POST push\0[{"tsmId":12100,"tsmEv":10,"tsmTs":1700000000,"tsmTuid":"TSPR04X",'
    b'"deploymentGroupId":"g","temp":21.5}]',
}


@asynccontextmanager
async def _app(kind: str, folder: Path) -> AsyncIterator[Hit]:
    async with open_room(folder) as room:
        app = local_apps(room.gateway)[kind]()

        async def hit(data: bytes) -> None:
            head, _, body = data.partition(b"\0")
            method, _, place = head.decode("latin-1").partition(" ")
            path, _, query = place.partition("?")
            told = await app.answer(Asked(method, path, dict(parse_qsl(query)), body, "fuzz"))
            assert 200 <= told.status <= 600, told
            if told.stream is not None:
                async with aclosing(told.stream) as chunks:
                    assert orjson.loads(await anext(chunks)), told
            elif told.body:
                orjson.loads(told.body)

        yield hit


def app_targets() -> list[Target]:
    """Return a target for each cloud's calls."""
    return [
        entry(f"app calls {kind}", f"gatewayd.clouds.{kind}.local", partial(_app, kind), good=good)
        for kind, good in GOOD.items()
    ]
