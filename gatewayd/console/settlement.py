"""The ledger's requests: what became of every reading, what was refused, and sending that again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from gatewayd.audit import act_row
from gatewayd.console.roles import LOCAL
from gatewayd.console.surface import ControlSurface, Json, show_balance
from gatewayd.errors import GatewayError
from gatewayd.outbox.opening import SEQ_MAX
from gatewayd.outbox.rejects import Rejected
from gatewayd.setpoint import TEXT_MAX

Retry = Callable[[str], Awaitable[int]]

PAGE = 500
"""Rejected rows in one answer; who wants more asks again, after the last."""

COUNT_S = 1.0
"""For a count to end, before it is told how far it is."""


async def settle(surface: ControlSurface, request: Mapping[str, object], origin: str) -> object:
    """Return the answer to one of the ledger's requests."""
    match request["do"]:
        case "ledger":
            return await ledger_of(surface)
        case "rejected":
            return await rejected_of(surface, request)
        case "retry":
            return await retry_of(surface, request, origin)
        case _:
            return list(surface.uplinks())


async def ledger_of(surface: ControlSurface) -> Json:
    """Return every uplink's line, and what no log could take, by place.

    Where the log is so long that it is still being counted after `COUNT_S`: `{"counted": 0.4}`,
    how far that is. Whoever asks again gets the rest.
    """
    counting = asyncio.ensure_future(surface.ledger())
    try:
        while not (await asyncio.wait({counting}, timeout=COUNT_S))[0]:
            if (counted := surface.counted()) is not None:
                return {"counted": round(counted, 3)}
        balances = await counting
    finally:
        counting.cancel()
    lines = {name: show_balance(each) for name, each in balances.items()}
    return {
        "uplinks": lines,
        "lost": dict(surface.losses()),
        "is_balanced": all(each["is_balanced"] for each in lines.values()),
    }


async def rejected_of(surface: ControlSurface, request: Mapping[str, object]) -> list[Json]:
    """Return up to `PAGE` readings that an uplink's cloud refused, the oldest first.

    Raises:
        ValueError: there is no such uplink, or `after` is no number.
    """
    uplink, after = request.get("uplink"), request.get("after", 0)
    if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < SEQ_MAX:
        raise ValueError("after is not a whole number")
    [name] = _uplinks(surface, uplink if uplink else "?")
    if surface.rejected is None:
        raise GatewayError("there is no log")
    return [show_rejected(name, each) for each in await surface.rejected(name, after, PAGE)]


async def retry_of(
    surface: ControlSurface, request: Mapping[str, object], origin: str = LOCAL
) -> Json:
    """Have rejected readings sent again; return how many, by uplink. It is written down.

    Raises:
        ValueError: there is no such uplink.
        GatewayError: the log cannot be written.
    """
    wanted = request.get("uplink") or None
    try:
        names = _uplinks(surface, wanted)
        if surface.retry is None:
            raise GatewayError("there is no log")
    except (ValueError, GatewayError) as error:
        _note(surface, origin, str(wanted or ""), "refused", str(error))
        raise
    return {name: await _retry(surface, surface.retry, name, origin) for name in names}


async def _retry(surface: ControlSurface, retry: Retry, uplink: str, origin: str) -> int:
    try:
        count = await retry(uplink)
    except GatewayError as error:
        _note(surface, origin, uplink, "failed", str(error))
        raise
    _note(surface, origin, uplink, "done", f"{count} readings go out again")
    return count


def _note(surface: ControlSurface, origin: str, uplink: str, outcome: str, detail: str) -> None:
    now_ms = surface.clock.now_ms()
    told = uplink[:TEXT_MAX] or None
    surface.audit(act_row(now_ms, origin, "retry", outcome, uplink=told, detail=detail))


def show_rejected(uplink: str, rejected: Rejected) -> Json:
    """Return a reading that a cloud refused, with its answer."""
    reading = rejected.reading
    return {
        "uplink": uplink,
        "seq": rejected.seq,
        "channel": reading.channel,
        "time_ms": reading.time_ms,
        "value": reading.value,
        "quality": reading.quality.name.lower(),
        "reason": rejected.reason,
    }


def _uplinks(surface: ControlSurface, wanted: object) -> list[str]:
    """Return the uplinks that a name means; None = all."""
    known = list(surface.uplinks())
    if wanted is None:
        return known
    if wanted not in known:
        raise ValueError(f"no uplink is called {str(wanted)[:100]}; there are {', '.join(known)}")
    return [str(wanted)]
