"""Requests of the control socket, decoded, checked and answered.

A request is one JSON object with `do` and what that needs:

    hello     which gateway is this
    status    how it is
    ledger    what became of every reading; `{"counted": 0.4}`: ask again, it is being counted
    uplinks   of whom the ledger has a line
    rejected  `uplink`, `after` (a seq): what its cloud refused, with its answer
    retry     `uplink` (all without): those are sent again
    channels  what can be read and set
    read      `channel` (a device's name or `device/channel`, all without), `fresh`
    history   `channel`
    set       `channel`, `value`, `hold_s`, `blink_s`, `request_id`
    safe      drive every output safe
    record    `device`, `begin`: what crosses on its wires; asked again and again, it tells the rest

The answer is `{"ok": true, "result": …}` or `{"ok": false, "error": "a sentence"}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from gatewayd.console.roles import LOCAL
from gatewayd.console.settlement import settle
from gatewayd.console.surface import (
    ControlSurface,
    Json,
    show_channel,
    show_outcome,
    show_reading,
)
from gatewayd.errors import DeviceError, GatewayError
from gatewayd.model import ChannelId, Command, Quality, Reading
from gatewayd.ports.frames import write_frame

log = structlog.get_logger()

ANSWER_S = 60.0
"""For one answer. A command that waits behind others on a slow wire takes the longest."""


async def answer(surface: ControlSurface, request: object, origin: str = LOCAL) -> Json:
    """Return the answer to one request, whatever it is; `origin` is who asks."""
    try:
        if not isinstance(request, dict):
            raise ValueError("a request is a JSON object")
        async with asyncio.timeout(ANSWER_S):
            return {"ok": True, "result": await _do(surface, request, origin)}
    except TimeoutError:
        return {"ok": False, "error": f"no answer within {ANSWER_S:g} s"}
    except (GatewayError, ValueError) as error:
        return {"ok": False, "error": str(error)}


async def _do(surface: ControlSurface, request: Mapping[str, object], origin: str) -> object:
    match request.get("do"):
        case "hello":
            return {"state_dir": surface.state_dir}
        case "status":
            return await surface.status()
        case "ledger" | "uplinks" | "rejected" | "retry":
            return await settle(surface, request, origin)
        case "channels":
            return [show_channel(name, each) for name, each in surface.channels.items()]
        case "read":
            return await _read(surface, _text(request, "channel"), fresh=bool(request.get("fresh")))
        case "history":
            return _history(surface, ChannelId(_text(request, "channel")))
        case "set":
            return show_outcome(await surface.submit(command_of(request, origin)))
        case "record":
            return _record(surface, _text(request, "device"), begins=bool(request.get("begin")))
        case "safe":
            log.info("everything safe asked", origin=origin)
            return {name: show_outcome(each) for name, each in (await surface.make_safe()).items()}
        case _:
            raise ValueError("unknown request; see gatewayd --help")


def command_of(request: Mapping[str, object], origin: str = LOCAL) -> Command:
    """Return the command in a `set` request.

    Raises:
        ValueError: something is missing or of the wrong type. What the value may be, the desk says.
    """
    value = request.get("value")
    if not isinstance(value, bool | int | float | str | dict):
        raise ValueError("value is missing, or neither number, switch, text nor object")
    return Command(
        origin,
        _text(request, "request_id"),
        ChannelId(_text(request, "channel")),
        value,
        _seconds(request, "hold_s"),
        _seconds(request, "blink_s"),
    )


def matching(surface: ControlSurface, wanted: str) -> list[ChannelId]:
    """Return the channels that a name means: one, a device's, or all for the empty name.

    Raises:
        ValueError: none.
    """
    found = [
        name
        for name in surface.channels
        if not wanted or name == wanted or name.startswith(f"{wanted}/")
    ]
    if wanted and not found:
        raise ValueError(f"no device or channel is called {wanted[:100]}")
    return found


async def _read(surface: ControlSurface, wanted: str, *, fresh: bool) -> list[Json]:
    names = matching(surface, wanted)
    seen: dict[ChannelId, Reading] = {}
    if fresh:
        devices = dict.fromkeys(name.partition("/")[0] for name in names)
        answers = await asyncio.gather(*(_refresh(surface, names, each) for each in devices))
        seen = {reading.channel: reading for readings in answers for reading in readings}
    now_ms = surface.clock.now_ms()
    shown = []
    for name in names:
        reading = seen.get(name) or surface.board.latest(name)
        reading = reading or Reading(name, now_ms, None, Quality.ABSENT)
        shown.append(show_reading(reading, surface.channels[name], now_ms))
    return shown


async def _refresh(surface: ControlSurface, names: list[ChannelId], device: str) -> list[Reading]:
    """Return a device's fresh readings; if it cannot be asked, what is known stands, with its age.

    A device that was asked and did not answer has no value now.
    """
    try:
        return list(await surface.refresh(device))
    except DeviceError as error:
        now_ms = surface.clock.now_ms()
        mine = [name for name in names if name.startswith(f"{device}/")]
        return [Reading(name, now_ms, None, error.quality) for name in mine]


def _history(surface: ControlSurface, name: ChannelId) -> list[Json]:
    if name not in surface.channels:
        raise ValueError(f"no channel is called {name[:100]}")
    panel, now_ms = surface.board.panel(name), surface.clock.now_ms()
    history = panel.history if panel else ()
    return [show_reading(each, surface.channels[name], now_ms) for each in history]


def _record(surface: ControlSurface, device: str, *, begins: bool) -> Json:
    tap = surface.taps.get(device)
    if tap is None:
        raise ValueError(f"no device is called {device[:100]}")
    if begins:
        tap.listen()
    opening = [write_frame(frame) for frame in tap.opening] if begins else []
    frames = [write_frame(frame) for frame in tap.fetch()]
    now_s = asyncio.get_running_loop().time()
    return {"now_s": now_s, "opening": opening, "frames": frames, "dropped": tap.dropped}


def _text(request: Mapping[str, object], key: str) -> str:
    value = request.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"{key} is not a text")
    return value


def _seconds(request: Mapping[str, object], key: str) -> float | None:
    value = request.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} is not a number of seconds")
    return float(value)
