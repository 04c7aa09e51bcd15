"""How a running gateway is, in plain JSON, and what may be asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from gatewayd import __version__
from gatewayd.app import Gateway
from gatewayd.console.surface import (
    ControlSurface,
    Json,
    show_commands,
    show_outputs,
)
from gatewayd.health import Edge
from gatewayd.ladder import Ladder
from gatewayd.model import ChannelId, Reading
from gatewayd.outbox import Account, Balance

STALE_BEATS, STALE_SLACK_S = 2.0, 5.0
"""One beat may be missed; and writing, a slow wire and a slow browser take their time."""

REFRESH_S = 30.0
"""For one fresh value: the slowest sensors need seconds, and a wire may be busy with others."""


def surface_of(gateway: Gateway) -> ControlSurface:
    """Return what the control socket and the console may ask this gateway."""

    async def status() -> Json:
        return status_of(gateway)

    async def ledger() -> Mapping[str, Balance]:
        return await gateway.outbox.balance()

    async def refresh(device: str) -> Sequence[Reading]:
        sampler = gateway.samplers.get(device)
        if sampler is None or not sampler.can_be_asked:
            return ()  # An output, a device that speaks unasked, one that is gone: see the board.
        return await sampler.read_now(REFRESH_S)

    return ControlSurface(
        state_dir=str(gateway.settings.gateway.state_dir),
        clock=gateway.clock,
        board=gateway.board,
        channels=gateway.channels,
        status=status,
        ledger=ledger,
        refresh=refresh,
        counted=lambda: gateway.outbox.counted,
        uplinks=lambda: tuple(gateway.outbox.accounts),
        losses=partial(losses_of, gateway),
        rejected=gateway.outbox.rejected,
        retry=gateway.outbox.retry,
        audit=gateway.audit.put,
        submit=gateway.desk.submit,
        make_safe=gateway.desk.make_safe,
        taps=gateway.taps,
        stale_s=lambda name: stale_after_s(gateway, name),
    )


def stale_after_s(gateway: Gateway, name: ChannelId) -> float | None:
    """Return the age from which a channel's value is older than it should be, or None.

    None for an output and a device that speaks unasked. What a deadband or a window holds back
    from the record is on the board all the same.
    """
    sampler = gateway.samplers.get(name.partition("/")[0])
    if sampler is None or not sampler.can_be_asked or sampler.pace is None:
        return None
    return STALE_BEATS * sampler.pace.every_s + STALE_SLACK_S


def status_of(gateway: Gateway) -> Json:
    """Return the status document; its shape is told in console/surface."""
    own, now_s = gateway.settings.gateway, asyncio.get_running_loop().time()
    ailment = gateway.lookout.find_ailment()
    return {
        "gateway": {
            "id": own.id,
            "name": own.name,
            "version": __version__,
            "state_dir": str(own.state_dir),
            "uptime_s": round(now_s - gateway.started_s, 1),
        },
        "health": {"is_ok": ailment is None, "reason": ailment},
        "clock": {
            "time_ms": gateway.clock.now_ms(),
            "is_synchronised": gateway.clock.is_synchronised(),
        },
        "devices": [
            {
                **_show_edge(edge),
                **_show_ladder(edge.ladder),
                "stopped": gateway.lookout.watch.stop_of(f"device {name}") or None,
                "driver": gateway.settings.devices[name].driver.kind,
                "samples": gateway.samplers[name].samples if name in gateway.samplers else None,
            }
            for name, edge in gateway.devices.items()
        ],
        "ports": [{"name": name, **state} for name, state in gateway.ports.states().items()],
        "uplinks": [
            {
                **_show_edge(edge),
                "stopped": gateway.lookout.watch.stop_of(f"uplink {name}") or None,
                "kind": gateway.settings.uplinks[name].kind,
                **_show_account(gateway.outbox.accounts[name]),
            }
            for name, edge in gateway.uplinks.items()
        ],
        "outputs": [
            state for keeper in gateway.keepers.values() for state in show_outputs(keeper.states())
        ],
        "outbox": {
            "commit_interval_s": gateway.settings.outbox.commit_interval,
            "card_fault": gateway.outbox.card_fault,
            "card": gateway.recorder.wear.report(),
            "recorded": gateway.recorder.recorded,
            "lost": losses_of(gateway),
            "mismatch": gateway.recorder.mismatch,
        },
        "commands": show_commands(gateway.desk.history),
    }


def losses_of(gateway: Gateway) -> dict[str, int]:
    """Return the readings that no log could take, by place, since the log was begun."""
    lost = {"bus": 0, "outbox": 0, **gateway.outbox.losses}
    lost["bus"] += gateway.bus.lost - gateway.recorder.losses.bus
    return lost


def _show_account(account: Account) -> Json:
    return {
        "accepted": account.accepted,
        "delivered": account.delivered,
        "pending": account.pending,
        "dropped": dict(account.dropped),
        "repeated": account.repeated,
    }


def _show_ladder(ladder: Ladder) -> Json:
    return {
        "failures": ladder.failures,
        "rung": str(ladder.rung) if ladder.failures else None,
        "helped": None if ladder.helped is None else str(ladder.helped),
    }


def _show_edge(edge: Edge) -> Json:
    return {
        "name": edge.name,
        "is_up": edge.is_up,
        "reason": edge.reason,
        "retry_s": edge.retry_s,
        "ends": edge.ends,
    }
