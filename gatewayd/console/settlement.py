"""The ledger's requests: what became of every reading, what was refused, and sending that again."""

from __future__ import annotations

from collections.abc import Mapping

from gatewayd.console.surface import ControlSurface, Json, show_balance
from gatewayd.errors import GatewayError
from gatewayd.outbox.opening import SEQ_MAX
from gatewayd.outbox.rejects import Rejected

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


async def retry_of(surface: ControlSurface, request: Mapping[str, object]) -> Json:
    """Have rejected readings sent again; return how many, by uplink.

    Raises:
        ValueError: there is no such uplink.
    """
    names = await _uplinks(surface, request.get("uplink") or None)
    if surface.retry is None:
        raise GatewayError("there is no log")
    return {name: await surface.retry(name) for name in names}


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
