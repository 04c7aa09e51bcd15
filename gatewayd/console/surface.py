"""What may be asked of a running gateway, as plain callables, and the answers as plain JSON.

The control socket and the HTTP console both stand on this; neither knows the gateway itself.

`status` returns an object with
    gateway   id, name, version, state_dir, uptime_s
    health    is_ok, reason
    clock     time_ms, is_synchronised
    devices   list of name, driver, is_up, reason, retry_s, ends, samples, failures (in a row),
              rung (what the next try begins with, None while it is well), helped (what did last),
              stopped (how, where it is connected and makes no progress, else None)
    ports     list of name, and what the wire tells of itself; a Bluetooth adapter: scan ("passive",
              "active"), reason, heard, dropped, is_hearing
    uplinks   list of name, kind, is_up, reason, retry_s, ends, stopped (as above), accepted,
              delivered, pending, dropped (by reason), repeated (may have arrived twice)
    outputs   list of channel, wanted, value, safe, is_safe, is_verified, origin, for_s, left_s,
              blink_s, reason, verified_by (`read back`, a channel, empty: assumed)
    outbox    commit_interval_s, card_fault, recorded, mismatch (how the ledger does not balance, or
              None), lost (by place), card: device, size_bytes,
              written_bytes (by this process), window_s (the rates' time, a day at the most),
              own_bytes_a_day, device_bytes_a_day, budget_bytes_a_day, years_left (of a new card
              at this rate), interval_s (of commits now); None where nobody can say
    commands  the last ones: time_ms, origin, channel, value, outcome, detail, took_s,
              verified_by, accepted_ms, applied_ms, verified_ms (UTC; None where it never was)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from gatewayd.board import Board
from gatewayd.clock import Clock
from gatewayd.desk import Record
from gatewayd.model import Access, Channel, ChannelId, Command, Outcome, Reading
from gatewayd.outbox.ledger import Balance
from gatewayd.outbox.rejects import Rejected
from gatewayd.output import OutputState
from gatewayd.ports.tap import Tap

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class ControlSurface:
    """What may be asked.

    Attributes:
        state_dir: which gateway this is, where several run on one machine.
        status: see above.
        ledger: every uplink's line by name; a long backlog takes minutes. May raise OutboxError.
        counted: how far the ledger is that is being counted for long, 0 to 1; None = none is.
        uplinks: of whom the log keeps an account, also those that are no more.
        losses: readings that no log could take, by place.
        rejected: up to so many that an uplink's cloud refused, after a seq. May raise OutboxError.
        retry: has those sent again; returns how many. May raise OutboxError.
        channels: every channel by global name.
        refresh: asks one device now and returns what is new; raises DeviceError.
        submit: the desk's.
        make_safe: drives every output safe now, and returns what became of each.
        taps: what crosses between a device and its wires, by the device's name.
        stale_s: age from which a channel's value is older than it should be; None = it stands
            until it changes.
        audit: writes down what is no command to an output; see `gatewayd.audit`.
    """

    state_dir: str
    clock: Clock
    board: Board
    channels: Mapping[ChannelId, Channel]
    status: Callable[[], Awaitable[Json]]
    ledger: Callable[[], Awaitable[Mapping[str, Balance]]]
    refresh: Callable[[str], Awaitable[Sequence[Reading]]]
    submit: Callable[[Command], Awaitable[Outcome]]
    make_safe: Callable[[], Awaitable[Mapping[ChannelId, Outcome]]]
    taps: Mapping[str, Tap] = field(default_factory=dict)
    stale_s: Callable[[ChannelId], float | None] = lambda name: None
    counted: Callable[[], float | None] = lambda: None
    uplinks: Callable[[], Iterable[str]] = tuple
    losses: Callable[[], Mapping[str, int]] = dict
    rejected: Callable[[str, int, int], Awaitable[Sequence[Rejected]]] | None = None
    retry: Callable[[str], Awaitable[int]] | None = None
    audit: Callable[[Mapping[str, object]], object] = lambda row: None


def show_reading(reading: Reading, channel: Channel, now_ms: int) -> Json:
    """Return a reading with its age and what a person needs to read it."""
    return {
        "channel": reading.channel,
        "value": reading.value,
        "unit": channel.unit,
        "decimals": channel.decimals,
        "quality": reading.quality.name.lower(),
        "time_ms": reading.time_ms,
        "age_s": round(max(0, now_ms - reading.time_ms) / 1000, 3),
    }


def show_channel(name: ChannelId, channel: Channel) -> Json:
    """Return a channel's description."""
    return {
        "channel": name,
        "kind": channel.kind,
        "unit": channel.unit,
        "decimals": channel.decimals,
        "is_output": channel.access is Access.WRITE,
        "minimum": channel.minimum,
        "maximum": channel.maximum,
    }


def show_outcome(outcome: Outcome) -> Json:
    """Return what became of a command."""
    return {
        "status": outcome.status.value,
        "detail": outcome.detail,
        "value": outcome.value,
        "is_verified": outcome.is_verified,
        "verified_by": outcome.verified_by,
        **asdict(outcome.times),
        "repeat_age_s": outcome.repeat_age_s,
    }


def show_balance(balance: Balance) -> Json:
    """Return one line of the ledger."""
    return {
        "accepted": balance.accepted,
        "delivered": balance.delivered,
        "pending": balance.pending,
        "dropped": dict(balance.dropped),
        "repeated": balance.repeated,
        "is_balanced": balance.is_balanced,
    }


def show_outputs(states: Iterable[OutputState]) -> list[Json]:
    """Return the outputs as status shows them."""
    return [asdict(state) for state in states]


def show_commands(records: Iterable[Record]) -> list[Json]:
    """Return the last commands as status shows them."""
    return [
        {
            "time_ms": record.time_ms,
            "origin": record.command.origin,
            "channel": record.command.channel,
            "value": record.command.value,
            "outcome": record.outcome.status.value,
            "detail": record.outcome.detail,
            "took_s": round(record.took_s, 3),
            "verified_by": record.outcome.verified_by,
            **asdict(record.outcome.times),
        }
        for record in records
    ]
