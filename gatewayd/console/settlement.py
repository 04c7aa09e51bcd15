"""The ledger's requests: what became of every reading, what was refused, and sending that again."""

from __future__ import annotations

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


async def ledger_of(surface: ControlSurface) -> Json:
    """Return every uplink's line, and what no log could take, by place."""
    lines = {name: show_balance(each) for name, each in (await surface.ledger()).items()}
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
    [name] = await _uplinks(surface, uplink if uplink else "?")
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
        names = await _uplinks(surface, wanted)
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


async def _uplinks(surface: ControlSurface, wanted: object) -> list[str]:
    """Return the uplinks that a name means; None = all."""
    known = list(await surface.ledger())
    if wanted is None:
        return known
    if wanted not in known:
        raise ValueError(f"no uplink is called {str(wanted)[:100]}; there are {', '.join(known)}")
    return [str(wanted)]
