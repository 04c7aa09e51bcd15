"""The local API: what the verbs print, as JSON over HTTP.

    GET  /api/status                                as `gatewayd status --json`
    GET  /api/ledger                                as `gatewayd ledger --json`; 503 with
                                                    Retry-After while a long log is counted
    GET  /api/ledger/rejected?uplink=NAME&after=0   what its cloud refused, up to 500 after a seq
    POST /api/ledger/retry                          {"uplink": NAME}, without it of all: those go
                                                    out again; answers how many by uplink
    GET  /api/channels                              every channel with its latest reading
    GET  /api/channels/{device}/{channel}/history   the readings that the board remembers
    POST /api/outputs/{device}/{channel}            {"value": …, "hold": "30s", "blink": "500ms"}
    GET  /api/events                                see http_events
    GET  /metrics                                   see http_metrics
    GET  /healthz                                   200, or 503 with the reason

A command's answer is its outcome: 200 done, 409 refused, 502 failed (the hardware did not do it),
404 where there is no such channel. Everything else that goes wrong is `{"error": "a sentence"}`.
`value` is what `gatewayd set` takes; `request_id` may be given, so that a repeat is known as one.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from typing import Any, cast

from aiohttp import web

from gatewayd.console.answers import ANSWER_S, answer, command_of
from gatewayd.console.http_bodies import error_response, json_response, read_object, write_all
from gatewayd.console.http_events import Events
from gatewayd.console.http_metrics import CONTENT_TYPE, metrics_of, process_usage
from gatewayd.console.roles import ANYBODY, Caller
from gatewayd.console.settlement import rejected_of, retry_of
from gatewayd.console.surface import ControlSurface, Json, show_channel, show_outcome, show_reading
from gatewayd.errors import GatewayError
from gatewayd.fields import parse_duration
from gatewayd.model import ChannelId, Status

CALLER = web.RequestKey("caller", Caller)
"""Under which key of a request the gate notes who asks."""

HEALTH_S = 5.0
"""For the answer to `/healthz`: who asks it has little patience."""

STATUS_OF = {Status.DONE: 200, Status.REFUSED: 409, Status.FAILED: 502}


class Api:
    """Answers over one gateway's surface."""

    def __init__(self, surface: ControlSurface, events: Events) -> None:
        self._surface, self._events = surface, events

    def routes(self) -> list[web.RouteDef]:
        """Return the paths and what answers them."""
        return [
            web.get("/api/status", self.status),
            web.get("/api/ledger", self.ledger),
            web.get("/api/ledger/rejected", self.rejected),
            web.post("/api/ledger/retry", self.retry),
            web.get("/api/channels", self.channels),
            web.get("/api/channels/{device}/{channel}/history", self.history),
            web.post("/api/outputs/{device}/{channel}", self.operate),
            web.get("/api/events", self.events, allow_head=False),
            web.get("/metrics", self.metrics),
            web.get("/healthz", self.health),
        ]

    async def status(self, request: web.Request) -> web.Response:
        """Tell how the gateway is."""
        return _response(await answer(self._surface, {"do": "status"}))

    async def ledger(self, request: web.Request) -> web.Response:
        """Tell what became of every reading."""
        told = await answer(self._surface, {"do": "ledger"})
        result = cast(dict[str, Any], told.get("result"))
        if not told["ok"] or "counted" not in result:
            return _response(told)
        sentence = f"the log is being counted, {result['counted']:.0%}; ask again"
        still_counting = error_response(sentence, 503)
        still_counting.headers["Retry-After"] = "5"
        return still_counting

    async def rejected(self, request: web.Request) -> web.Response:
        """Tell what an uplink's cloud refused, with its answer."""
        after = request.query.get("after", "0")
        asked = {"uplink": request.query.get("uplink", ""), "after": _whole(after)}
        return await _settled(rejected_of(self._surface, asked))

    async def retry(self, request: web.Request) -> web.Response:
        """Have what was refused sent again."""
        try:
            asked = await read_object(request)
            unknown = sorted(asked.keys() - {"uplink"})
            if unknown:
                raise ValueError(f"unknown key {unknown[0][:80]!r}; expected uplink")
        except ValueError as error:
            return error_response(str(error), 400)
        origin = request.get(CALLER, ANYBODY).origin
        return await _settled(retry_of(self._surface, asked, origin))

    async def channels(self, request: web.Request) -> web.Response:
        """Tell what there is, and the latest reading of each."""
        return json_response(list(show_channels(self._surface)))

    async def history(self, request: web.Request) -> web.Response:
        """Tell the readings of one channel, the oldest first."""
        name = _channel(request)
        if name not in self._surface.channels:
            return error_response(f"no channel is called {name[:100]}", 404)
        return _response(await answer(self._surface, {"do": "history", "channel": name}))

    async def operate(self, request: web.Request) -> web.Response:
        """Take a command to where every command goes, and tell its outcome."""
        name = _channel(request)
        if name not in self._surface.channels:
            return error_response(f"no channel is called {name[:100]}", 404)
        try:
            asked = command_request(name, await read_object(request))
            command = command_of(asked, request.get(CALLER, ANYBODY).origin)
        except ValueError as error:
            return error_response(str(error), 400)
        try:
            async with asyncio.timeout(ANSWER_S):
                outcome = await self._surface.submit(command)
        except TimeoutError:  # It takes its course all the same; the page shows where it ends.
            return error_response(f"no answer within {ANSWER_S:g} s", 504)
        return json_response(show_outcome(outcome), STATUS_OF[outcome.status])

    async def metrics(self, request: web.Request) -> web.Response:
        """Tell everything that is counted."""
        told = await answer(self._surface, {"do": "status"})
        if not told["ok"]:
            return _response(told)
        status = cast(dict[str, Any], told["result"])
        text = metrics_of(status, show_channels(self._surface), process_usage())
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def health(self, request: web.Request) -> web.Response:
        """Tell whether it does its work, to whoever asks."""
        try:
            async with asyncio.timeout(HEALTH_S):
                health = cast(Json, (await self._surface.status())["health"])
        except (TimeoutError, GatewayError) as error:
            health = {"is_ok": False, "reason": str(error) or f"no status in {HEALTH_S:g} s"}
        return json_response(health, 200 if health["is_ok"] else 503)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Tell what changes, as it changes."""
        with self._events.joined() as client:
            if client is None:
                return error_response("too many pages are open; try again", 503)
            stream = web.StreamResponse(
                headers={
                    "Content-Type": "text/event-stream; charset=utf-8",
                    "Cache-Control": "no-store",
                    "X-Accel-Buffering": "no",  # nginx would hold them back.
                }
            )
            await write_all(request, stream, self._events.frames(client))
            return stream


def show_channels(surface: ControlSurface) -> list[Json]:
    """Return every channel, its latest reading, and its latest value where that has none.

    `value` None = nobody knows, `quality` says why; `time_ms` and `age_s` None = never heard of.
    `stale_s` = an older value is older than it should be; None = it stands until it changes.
    """
    now_ms, shown = surface.clock.now_ms(), []
    for name, channel in surface.channels.items():
        panel = surface.board.panel(name)
        latest = panel.latest if panel else None
        good = panel.latest_good if panel else None
        never: Json = {"value": None, "quality": "absent", "time_ms": None, "age_s": None}
        shown.append(
            {
                **show_channel(name, channel),
                **(show_reading(latest, channel, now_ms) if latest else never),
                "latest_good": show_reading(good, channel, now_ms) if good else None,
                "stale_s": surface.stale_s(name),
            }
        )
    return shown


def command_request(name: ChannelId, body: dict[str, object]) -> Json:
    """Return a POST's body as the control socket's `set`.

    Raises:
        ValueError: a duration that is none, or a key that nobody knows: a `hold` that is
            misspelt must not switch a pump on for ever.
    """
    unknown = sorted(body.keys() - {"value", "hold", "blink", "request_id"})
    if unknown:
        raise ValueError(f"unknown key {unknown[0][:80]!r}; expected value, hold, blink")
    request: Json = {
        "channel": name,
        "value": body.get("value"),
        "request_id": body.get("request_id", uuid.uuid4().hex),
    }
    for key in ("hold", "blink"):
        if body.get(key) is not None:
            request[f"{key}_s"] = parse_duration(body[key])
    return request


async def _settled(asked: Coroutine[None, None, object]) -> web.Response:
    """Return the answer to a question about the ledger; an uplink that there is not is a 404."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return json_response(await asked)
    except TimeoutError:
        return error_response(f"no answer within {ANSWER_S:g} s", 504)
    except ValueError as error:
        return error_response(str(error), 404)
    except GatewayError as error:
        return error_response(str(error), 503)


def _whole(text: str) -> object:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else text


def _channel(request: web.Request) -> ChannelId:
    return ChannelId(f"{request.match_info['device']}/{request.match_info['channel']}")


def _response(told: Json) -> web.Response:
    """Return the control socket's answer; what it could not answer is a 503 with its sentence."""
    if told["ok"]:
        return json_response(told["result"])
    return error_response(str(told["error"]), 503)
