"""Thinger.io's calls of a device's resources, answered on the spot by this gateway.

    GET  v2/users/{user}/devices/{device}/hall/temperature   {"out": 21.5}
    GET  v2/users/{user}/devices/{device}/pump/relay         {"in": false}
    POST v2/users/{user}/devices/{device}/pump/relay         {"in": true}, or {"in": {"value": true,
                                                             "hold_s": 30, "blink_s": 0.5}}
    POST v2/users/{user}/devices/{device}/pump/relay/blink   runs it
    GET  v2/users/{user}/devices/{device}/api                every resource with its kind
    GET  v2/users/{user}/devices/{device}/pump/relay/api     one with its present values
    GET  v1/users/{user}/devices/{device}                    which device this is

v1 and v3 (`…/resources/hall/temperature`) are the same without `in` and `out` around values.

User and device are those of the uplink. Without one any user is taken, and the device is the
gateway's id. Outcomes are those of commands that came in this way.

It differs from the cloud in one thing: there a GET runs a resource that takes and gives nothing.
Here a GET moves nothing, because whoever may look may send one.

Source: Thinger.io REST API, Access Device Resources; Thinger.io API description 2025.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from gatewayd.clouds.local import Asked, Site, Told, new_id, read_json, tell
from gatewayd.clouds.thinger.classic_codec import DESCRIPTION
from gatewayd.clouds.thinger.events import Kind, Path
from gatewayd.clouds.thinger.names import Name, name_channels
from gatewayd.clouds.thinger.pson import UNSET, Pson
from gatewayd.clouds.thinger.resources import Role, is_parent, make_resources
from gatewayd.clouds.thinger.setpoints import Setpoint, command_of, read_setpoint
from gatewayd.clouds.thinger.settings import BLINK_S, STALE_S, Config, listing_of, names_of
from gatewayd.clouds.thinger.view import View, describe, show
from gatewayd.clouds.thinger.viewing import Viewer
from gatewayd.errors import Malformed
from gatewayd.model import ChannelId, Outcome, Status, Value

LISTINGS = {"v2": (DESCRIPTION,), "v3": ()}
"""Below the device, and in v3 below its resources."""

UNAVAILABLE = 404
"""What Thinger.io says where a device refuses, could not, or knows no such resource."""

SHOWN_S = 1.0
"""The board is behind the outputs by one write of the log, some milliseconds. A card that hangs,
or the next command, delays no answer for longer."""

NAME_CHARACTERS_MAX = 200
"""Of a name that is told back."""


def open_local(site: Site) -> LocalThinger:
    """Return what answers Thinger.io's calls.

    Raises:
        ConfigError: illegal names.
    """
    return LocalThinger(site)


class LocalThinger:
    """Answers for one gateway, which is one device."""

    def __init__(self, site: Site) -> None:
        premises = site.premises
        config = site.config if isinstance(site.config, Config) else None
        channels = premises.channels
        names = names_of(config, channels) if config else name_channels(channels, {}, {})
        self._user = config.user if config else None
        self._device = (config.device if config else "") or premises.gateway_id
        self._name = premises.gateway_name
        self._resources = make_resources(names)
        self._listing = listing_of(config)
        self._viewer = Viewer(premises, names, config.stale_after if config else STALE_S)
        self._blink_s = config.blink_interval if config else BLINK_S
        self._submit = site.submit
        self._outcomes: dict[ChannelId, tuple[int, Outcome]] = {}
        self._refused = 0

    async def answer(self, asked: Asked) -> Told:
        """Return the answer to a call."""
        told = await self._answer(asked)
        self._refused += told.status != 200
        return told

    async def _answer(self, asked: Asked) -> Told:
        match asked.path.split("/"):
            case ["v1", "users", user, "devices", device]:
                version, path = "v1", None
            case ["v3", "users", user, "devices", device, "resources", *rest]:
                version, path = "v3", tuple(rest)
            case ["v1" | "v2" as version, "users", user, "devices", device, *rest]:
                path = tuple(rest)
            case _:
                return _refuse(404, f"{_quoted(asked.path)} is not answered here")
        if user != (self._user or user) or device != self._device:
            own = f"users/{self._user or '…'}/devices/{self._device}"
            return _refuse(404, f"device not found; this gateway is {own}")
        if asked.method == "GET":
            return self._show_itself() if path is None else self._get(version, path)
        if asked.method == "POST" and path is not None:
            return await self._post(version, path, asked)
        return _refuse(405, "expected GET" if path is None else "expected GET or POST")

    def _show_itself(self) -> Told:
        record = {"device": self._device, "name": self._name, "description": self._name}
        return tell({**record, "type": "Generic", "enabled": True, "connection": {"active": True}})

    # Looking.

    def _get(self, version: str, path: Path) -> Told:
        if LISTINGS.get(version) == path:
            return tell(self._listing(self._resources))
        if version == "v2" and path[-1:] == (DESCRIPTION,):
            return self._describe(path[:-1])
        resource = self._resources.get(path)
        if resource is None:
            return self._tell_of_none(path)
        if resource.kind is Kind.RUN:
            return _refuse(405, f"{'/'.join(path)} is run with POST; a GET moves nothing here")
        if resource.kind is Kind.INPUT:
            state = describe(resource, self._view())
            return tell(state if version == "v2" else state["in"])
        return _tell_value(version, show(resource, self._view()))

    def _describe(self, path: Path) -> Told:
        resource = self._resources.get(path)
        if resource is not None:
            return tell(describe(resource, self._view()))
        return tell({}) if is_parent(self._resources, path) else self._tell_of_none(path)

    def _tell_of_none(self, path: Path) -> Told:
        """Return nothing for what is only above others, as a device does."""
        if is_parent(self._resources, path):
            return Told(200)
        return _refuse(UNAVAILABLE, f"no resource is called {_quoted('/'.join(path))}")

    def _view(self) -> View:
        return self._viewer.view(self._outcomes, self._refused)

    # Setting.

    async def _post(self, version: str, path: Path, asked: Asked) -> Told:
        resource = self._resources.get(path)
        if resource is None:
            return self._tell_of_none(path)
        try:
            payload = _read_payload(version, asked)
        except Malformed as error:
            return _refuse(400, str(error))
        if resource.role is Role.BLINK:  # It has no parameter, whatever came.
            setpoint: Setpoint | None = Setpoint(value=True, blink_s=self._blink_s)
        elif resource.role is not Role.SETPOINT:
            return _tell_value(version, show(resource, self._view(), payload))
        elif payload is UNSET:
            return Told(200)  # Says nothing, so moves nothing.
        else:
            setpoint = read_setpoint(payload)
        if setpoint is None:
            return _refuse(UNAVAILABLE, "no value that an output could take")
        return await self._command(resource.names[0], setpoint, asked.origin)

    async def _command(self, name: Name, setpoint: Setpoint, origin: str) -> Told:
        command = command_of(setpoint, origin, setpoint.id or new_id(), name.channel)
        outcome = await self._submit(command)
        if outcome.repeat_age_s is None:  # A repeat moved nothing.
            self._outcomes[name.channel] = (self._viewer.premises.clock.now_ms(), outcome)
            if outcome.status is Status.DONE and outcome.value is not None:
                await self._wait_shown(name.channel, outcome.value)
        if outcome.status is Status.DONE:
            return Told(200)
        return _refuse(UNAVAILABLE, f"{outcome.status.value}: {outcome.detail}")

    async def _wait_shown(self, channel: ChannelId, value: Value) -> None:
        """Wait until the board shows what an output does, for the GET that follows a POST."""
        board, posted = self._viewer.premises.board, asyncio.Event()
        with board.watched(posted.set), suppress(TimeoutError):
            async with asyncio.timeout(SHOWN_S):
                while (latest := board.latest(channel)) is None or latest.value != value:
                    posted.clear()
                    await posted.wait()


def _read_payload(version: str, asked: Asked) -> Pson:
    """Return the value in a body, UNSET for none. Raises Malformed."""
    if not asked.body:
        return UNSET
    body: Any = read_json(asked)
    if body is None and asked.body.strip() != b"null":
        raise Malformed("expected JSON")
    if version == "v2" and isinstance(body, dict) and "in" in body:
        body = body["in"]  # Without, the body is the value: the vendor's own example does so.
    value: Pson = body
    return value


def _tell_value(version: str, value: Pson) -> Told:
    return tell({"out": value} if version == "v2" else value)


def _refuse(status: int, message: str) -> Told:
    return tell({"error": {"message": message}}, status)


def _quoted(text: str) -> str:
    """Return a name as it may be told back: short, and no character that JSON cannot say."""
    return repr(text[:NAME_CHARACTERS_MAX])
