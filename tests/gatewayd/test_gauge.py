"""One channel's rules, played through with answers one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from gatewayd.counting import Count
from gatewayd.gauge import SILENT_S, Answer, Gauge, Last, is_due, is_step, make_gauge
from gatewayd.model import Channel, ChannelId, Measurement, Quality, Reading, Value
from gatewayd.totals import Totals
from gatewayd.tuning import PLAIN, Alarm, Tuning

CHANNEL = Channel("level", "level", "m")
COUNTER = Channel("level", "volume", "L", minimum=0, maximum=999, is_counter=True, wraps_at=1000)
NAME = ChannelId("tank/level")

BEAT_MS = 10_000
Seen = tuple[str, int, Value | None]


@dataclass
class Play:
    """Asks every ten seconds from 0 on; remembers what was news, and what the board alone saw."""

    gauge: Gauge
    totals: Totals = field(default_factory=Totals)
    now_ms: int = 0
    news: list[Seen] = field(default_factory=list)
    old: list[Seen] = field(default_factory=list)
    alarms: list[int] = field(default_factory=list)
    last: Answer | None = None

    def say(self, *values: Value | Quality | None) -> Play:
        """Let the device say these; a quality is a reason."""
        for value in values:
            is_reason = isinstance(value, Quality)
            quality = value if isinstance(value, Quality) else Quality.GOOD
            measured = Measurement("level", None if is_reason else value, quality)
            answer = self.last = Answer(self.now_ms, self.totals)
            self.gauge.take(measured, self.now_ms, answer)
            self.news += map(short, answer.news)
            self.old += map(short, answer.old)
            if answer.is_alarm:
                self.alarms.append(self.now_ms // 1000)
            self.now_ms += BEAT_MS
        return self


def short(reading: Reading) -> Seen:
    """Return the end of a reading's name, its second, and its value or why it has none."""
    name = reading.channel.removeprefix("tank/level")
    value = reading.quality.name if reading.value is None else reading.value
    return name, reading.time_ms // 1000, value


def play(tuning: Tuning, channel: Channel = CHANNEL, totals: Totals | None = None) -> Play:
    """Return a channel to play with."""
    return Play(make_gauge("tank", channel, tuning), totals or Totals())


def test_a_step_is_preceded_by_the_last_value_before_it() -> None:
    """A chart shows that nothing happened until then."""
    played = play(Tuning(deadband=1.0)).say(5.0, 5.1, 5.2, 9.0, 9.0, 2.0)
    assert played.news == [("", 0, 5.0), ("", 20, 5.2), ("", 30, 9.0), ("", 40, 9.0), ("", 50, 2.0)]
    assert played.old == [("", 10, 5.1), ("", 20, 5.2), ("", 40, 9.0)]


def test_a_reason_is_preceded_by_the_last_value_too() -> None:
    """What was seen last before the device fell silent."""
    played = play(Tuning(deadband=1.0)).say(5.0, 5.1, Quality.TIMEOUT, Quality.TIMEOUT, 5.0)
    assert played.news == [("", 0, 5.0), ("", 10, 5.1), ("", 20, "TIMEOUT"), ("", 40, 5.0)]


def test_a_heartbeat_is_no_step() -> None:
    """The value has not moved, so there is nothing to be told before it."""
    played = play(Tuning(deadband=1.0, heartbeat=20.0)).say(5.0, 5.1, 5.2, 5.3)
    assert played.news == [("", 0, 5.0), ("", 20, 5.2)]
    assert play(Tuning(heartbeat=20.0)).say(5.0, 9.0, 1.0, 2.0).news == [
        ("", 0, 5.0),
        ("", 20, 1.0),
    ]


def test_a_switch_tells_its_changes_and_nothing_else() -> None:
    """Each once; that it was off until then goes without saying."""
    played = play(Tuning(deadband=0.5)).say(False, False, True, True, False)
    assert played.news == [("", 0, False), ("", 20, True), ("", 40, False)]


def test_what_is_news_is_decided_by_value_quality_and_time() -> None:
    """Each alone is enough; a reason is repeated once an hour."""
    last = Last(NAME, 1.0, 60.0, 5.0, Quality.GOOD, 0)
    assert not is_step(last, Reading(NAME, 1, 5.9))
    assert is_step(last, Reading(NAME, 1, 6.0))
    assert is_step(last, Reading(NAME, 1, 5.0, Quality.UNCERTAIN))
    assert is_step(last, Reading(NAME, 1, "text"))
    assert is_due(last, Reading(NAME, 60_000, 5.0))
    assert not is_due(last, Reading(NAME, 59_999, 5.0))
    gone = Last(NAME, quality=Quality.TIMEOUT)
    silent = Reading(NAME, int(SILENT_S * 1000) - 1, None, Quality.TIMEOUT)
    assert not is_step(gone, silent)
    assert not is_due(gone, silent)
    assert is_due(gone, silent._replace(time_ms=int(SILENT_S * 1000)))


def test_a_window_reports_mean_minimum_and_maximum_at_its_end() -> None:
    """And the board sees how it stands at every answer."""
    played = play(Tuning(window=30.0)).say(1.0, 2.0, 6.0, 5.0)
    assert played.news == [("", 30, 3.0), ("_min", 30, 1.0), ("_max", 30, 6.0)]
    assert played.old[3:6] == [("", 10, 1.5), ("_min", 10, 1.0), ("_max", 10, 2.0)]


def test_a_window_without_a_value_reports_why_once() -> None:
    """Not at every window's end: a reason lasts."""
    played = play(Tuning(window=20.0)).say(*[Quality.TIMEOUT] * 5, 1.0, 1.0)
    assert played.news == [
        *[(end, 20, "TIMEOUT") for end in ("", "_min", "_max")],
        *[(end, 60, 1.0) for end in ("", "_min", "_max")],
    ]


def test_at_the_end_a_window_reports_what_it_has() -> None:
    """Dated now, not when it would have ended; an empty one has nothing to say."""
    played = play(Tuning(window=60.0)).say(1.0, 3.0)
    answer = Answer(17_000, Totals())
    played.gauge.close_window(answer, is_last=True)
    played.gauge.close_window(answer, is_last=True)
    assert [short(each) for each in answer.news] == [
        ("", 17, 2.0),
        ("_min", 17, 1.0),
        ("_max", 17, 3.0),
    ]


def test_a_silent_device_has_windows_all_the_same() -> None:
    """They are closed by the clock."""
    gauge = make_gauge("tank", CHANNEL, Tuning(window=60.0))
    answer = Answer(0, Totals())
    for answer.now_ms in (0, 59_999, 60_000):
        gauge.close_window(answer)
    assert [short(each) for each in answer.news] == [
        (e, 60, "ABSENT") for e in ("", "_min", "_max")
    ]


def test_crossing_a_threshold_is_told_at_once() -> None:
    """Whatever the deadband says, in both directions, with the value itself."""
    tuning = Tuning(deadband=50.0, alarm=Alarm(above=80, hysteresis=2))
    played = play(tuning).say(70.0, 81.0, 79.0, 82.0, 77.0)
    assert played.alarms == [10, 40]
    assert played.news == [
        ("", 0, 70.0),
        ("_alarm", 0, False),
        ("", 10, 81.0),
        ("_alarm", 10, True),
        ("", 30, 82.0),
        ("", 40, 77.0),
        ("_alarm", 40, False),
    ]


def test_crossing_a_threshold_does_not_wait_for_the_window() -> None:
    """The value itself is told in between, and the window goes on."""
    played = play(Tuning(window=30.0, alarm=Alarm(above=80))).say(10.0, 90.0, 80.0, 0.0)
    assert played.alarms == [10, 20]
    assert ("", 10, 90.0) in played.news
    assert ("_alarm", 10, True) in played.news
    assert ("", 30, 60.0) in played.news


def test_without_a_value_nobody_knows_about_the_alarm() -> None:
    """The reason is told and is no alarm; afterwards it stands as it stood."""
    played = play(Tuning(alarm=Alarm(above=80))).say(90.0, Quality.TIMEOUT, 90.0, "text")
    assert played.alarms == [0]
    alarms = [each for each in played.news if each[0]]
    assert alarms == [
        ("_alarm", 0, True),
        ("_alarm", 10, "TIMEOUT"),
        ("_alarm", 20, True),
        ("_alarm", 30, "FAULT"),
    ]


def test_who_asks_is_told_the_value_and_the_alarm() -> None:
    """Of this moment, news or not."""
    played = play(Tuning(window=60.0, alarm=Alarm(above=80))).say(10.0, 20.0)
    assert played.last is not None
    assert [short(each) for each in played.last.seen] == [("", 10, 20.0), ("_alarm", 10, False)]


def test_a_counter_is_made_a_total() -> None:
    """Wrapped, begun again, and wrong in between."""
    played = play(PLAIN, COUNTER).say(990, 5, 2, 5000, Quality.TIMEOUT, 3)
    assert played.news == [
        ("", 0, 990.0),
        ("", 10, 1005.0),
        ("", 20, 1007.0),
        ("", 30, "FAULT"),
        ("", 40, "TIMEOUT"),
        ("", 50, 1008.0),
    ]
    assert played.totals.find(NAME) == Count(3, 1005.0)


def test_a_total_goes_on_after_a_restart_with_what_was_counted_meanwhile() -> None:
    """The device counted on; or it began again too; or the counter wrapped."""
    for raws, total in (((500,), 500.0), ((520,), 520.0), ((7,), 507.0), ((900, 4), 1004.0)):
        totals = Totals()
        play(PLAIN, COUNTER, totals).say(480, 500)
        assert play(PLAIN, COUNTER, totals).say(*raws).news[-1] == ("", (len(raws) - 1) * 10, total)


def test_a_start_holds_where_nothing_is_kept_and_when_it_is_changed() -> None:
    """How an owner puts a total right."""
    totals = Totals()
    assert play(Tuning(total=100.0), COUNTER, totals).say(5, 6).news[-1][2] == 101.0
    assert play(Tuning(total=100.0), COUNTER, totals).say(8).news[-1][2] == 103.0
    assert play(Tuning(total=200.0), COUNTER, totals).say(9).news[-1][2] == 200.0


def test_totals_that_were_lost_go_on_uncertain_until_the_owner_puts_them_right() -> None:
    """Over restarts: nobody knows better the next day."""
    totals = Totals()
    totals.is_lost = True
    played = play(Tuning(total=100.0), COUNTER, totals).say(5)
    assert played.last is not None
    assert played.last.news == [Reading(NAME, 0, 100.0, Quality.UNCERTAIN)]
    totals.is_lost = False
    assert play(Tuning(total=100.0), COUNTER, totals).say(6).gauge.last.quality is Quality.UNCERTAIN
    assert play(Tuning(total=150.0), COUNTER, totals).say(6).gauge.last.quality is Quality.GOOD


def test_a_total_has_limits_of_its_own() -> None:
    """The driver's are those of the count, the owner's those of the total."""
    tuning = Tuning(scale=10.0, maximum=1000)
    assert [each[2] for each in play(tuning, COUNTER).say(50, 100, 101).news] == [
        500,
        1000,
        "FAULT",
    ]


@pytest.mark.parametrize(
    ("tuning", "is_plain"),
    [
        (PLAIN, True),
        (Tuning(unit="m", kind="level", decimals=1), True),
        (Tuning(scale=2), False),
        (Tuning(heartbeat=1.0), False),
        (Tuning(window=1.0), False),
    ],
)
def test_what_nothing_is_done_with_takes_the_short_way(tuning: Tuning, is_plain: bool) -> None:
    """Naming a value costs nothing."""
    assert make_gauge("tank", CHANNEL, tuning).is_plain is is_plain
    assert not make_gauge("tank", COUNTER, tuning).is_plain
