"""How long readings wait for company."""

from __future__ import annotations

from gatewayd.clouds.thinger.gathering import Gathering
from gatewayd.clouds.thinger.names import name_channels
from gatewayd.model import Access, Batch, Channel, ChannelId, Quality, Reading, Value
from tests.peers.house import StillClock

T, RELAY = ChannelId("d/t"), ChannelId("d/relay")
CHANNELS = {T: Channel(T, "temperature"), RELAY: Channel(RELAY, "level", access=Access.WRITE)}
NAMES = name_channels(CHANNELS, {}, {})
CLOCK = StillClock()


def batch(seq: int, value: Value | None, channel: ChannelId = T, age_ms: int = 0) -> Batch:
    quality = Quality.GOOD if value is not None else Quality.FAULT
    return Batch("up", [seq], [Reading(channel, CLOCK.now_ms() - age_ms, value, quality)], seq)


def sent_one() -> Gathering:
    gathering = Gathering(60.0, CLOCK, NAMES)
    gathering.sent(batch(1, 1.5), 1000.0)
    return gathering


def test_the_first_goes_at_once() -> None:
    """Nobody has told anything yet."""
    assert Gathering(60.0, CLOCK, NAMES).wait_s(batch(1, 1.5), 1000.0) == 0


def test_measured_values_wait_for_the_next_report() -> None:
    """Until its time has come."""
    gathering = sent_one()
    assert gathering.wait_s(batch(2, 2.5), 1010.0) == 50.0
    assert gathering.wait_s(batch(2, 2.5), 1060.0) == 0
    gathering.sent(batch(2, 2.5), 1060.0)
    assert gathering.wait_s(batch(3, 2.5), 1061.0) == 59.0


def test_what_is_urgent_does_not_wait() -> None:
    """A switch, an output, and a quality that is news; one that is not does."""
    for urgent in (batch(2, True), batch(2, 5.0, RELAY), batch(2, None)):
        assert sent_one().wait_s(urgent, 1010.0) == 0
    gathering = sent_one()
    gathering.sent(batch(2, None), 1010.0)
    assert gathering.wait_s(batch(3, None), 1011.0) > 0
    assert gathering.wait_s(batch(4, 1.5), 1011.0) == 0


def test_an_urgent_one_does_not_move_the_report() -> None:
    """Or a door that swings would keep the temperatures waiting."""
    gathering = sent_one()
    gathering.sent(batch(2, True), 1010.0)
    assert gathering.wait_s(batch(3, 2.5), 1020.0) == 40.0


def test_a_backlog_does_not_wait() -> None:
    """It has waited long enough."""
    assert sent_one().wait_s(batch(2, 2.5, age_ms=60_000), 1010.0) == 0


def test_no_interval_is_no_waiting() -> None:
    """As they come."""
    gathering = Gathering(0.0, CLOCK, NAMES)
    gathering.sent(batch(1, 1.5), 1000.0)
    assert gathering.wait_s(batch(2, 2.5), 1000.0) == 0
