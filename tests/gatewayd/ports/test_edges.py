"""Edges: debounced by the kernel or here, counted when they are dropped."""

from __future__ import annotations

import errno
from pathlib import Path

import gpiod
import pytest
from gpiod.line import Bias
from gpiod.line import Edge as Detection
from hypothesis import given
from hypothesis import strategies as some

from gatewayd.ports.edges import QUEUE_MAX, Debouncer, Edge, Held, InputSettings, request_inputs
from tests.peers.gpio import InputKernel

MS = 1_000_000
CHIP = Path("/dev/gpiochip0")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> InputKernel:
    kernel = InputKernel()
    monkeypatch.setattr(gpiod, "request_lines", kernel.request_lines)
    return kernel


def request(kernel: InputKernel, *lines: int | str, **keys: object) -> Held:
    settings = InputSettings(**keys)  # type: ignore[arg-type]  # By name.
    return request_inputs(CHIP, lines or (17,), settings)


def edge(is_active: bool, time_ms: float) -> Edge:
    return Edge(17, is_active, round(time_ms * MS))


def test_a_level_that_stood_long_enough_counts_once() -> None:
    """From the instant of its edge, not from when that was sure."""
    debouncer = Debouncer(20 * MS, False)
    assert debouncer.feed(edge(True, 100)) is None
    assert debouncer.due_ns == 120 * MS
    assert debouncer.settle(119 * MS) is None
    assert debouncer.settle(120 * MS) == edge(True, 100)
    assert debouncer.settle(500 * MS) is None
    assert debouncer.due_ns is None


def test_bouncing_is_one_edge() -> None:
    """A contact closes, and opens again, in a millisecond each, five times."""
    debouncer = Debouncer(20 * MS, False)
    fed = [debouncer.feed(edge(n % 2 == 0, 100 + n)) for n in range(11)]
    assert fed == [None] * 11
    assert debouncer.settle(200 * MS) == edge(True, 110)


def test_a_glitch_is_no_edge() -> None:
    """It is back where it was before anybody believed it."""
    debouncer = Debouncer(20 * MS, False)
    debouncer.feed(edge(True, 100))
    debouncer.feed(edge(False, 105))
    assert debouncer.settle(200 * MS) is None
    assert debouncer.is_active is False


def test_the_next_edge_settles_the_one_before() -> None:
    """Read late, all at once: the instants decide, not when somebody looked."""
    debouncer = Debouncer(20 * MS, False)
    assert debouncer.feed(edge(True, 100)) is None
    assert debouncer.feed(edge(False, 150)) == edge(True, 100)
    assert debouncer.feed(edge(True, 200)) == edge(False, 150)


@given(some.lists(some.integers(1, 60), max_size=50))
def test_what_comes_out_takes_turns_and_stood(gaps_ms: list[int]) -> None:
    """Whatever the contact does: active and inactive take turns, and each stood its period."""
    debouncer, time_ms, level, out = Debouncer(20 * MS, False), 0, False, []
    instants = []
    for gap in gaps_ms:
        time_ms, level = time_ms + gap, not level
        instants.append(time_ms)
        out.append(debouncer.feed(edge(level, time_ms)))
    out.append(debouncer.settle(time_ms * MS + 20 * MS))
    told = [each for each in out if each]
    assert [each.is_active for each in told] == [n % 2 == 0 for n in range(len(told))]
    for each in told:
        after = [time for time in instants if time > each.time_ns // MS]
        assert not after or after[0] - each.time_ns // MS >= 20


def test_the_kernel_debounces_where_it_can(kernel: InputKernel) -> None:
    """What it gives is passed on as it is."""
    held = request(kernel, debounce_s=0.02)
    assert held.has_edges
    assert not held.debouncers
    assert kernel.asked[-1].debounce_period.total_seconds() == 0.02
    kernel.drive(17, True, 100 * MS)
    assert held.take(101 * MS).edges == [edge(True, 100)]


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EINVAL, errno.ENXIO, 524])
def test_where_it_cannot_it_is_done_here(kernel: InputKernel, code: int) -> None:
    """Another look is due when the pending edge has stood."""
    kernel.refuses["debounce"] = code
    held = request(kernel, debounce_s=0.02)
    kernel.drive(17, True, 100 * MS)
    assert held.take(101 * MS) == ([], 120 * MS)
    assert held.take(120 * MS) == ([edge(True, 100)], None)


def test_debounced_here_both_edges_are_watched_and_one_is_told(kernel: InputKernel) -> None:
    """To know how long a pulse stood, its end must be seen."""
    kernel.refuses["debounce"] = errno.EINVAL
    held = request(kernel, debounce_s=0.02, edges="active")
    assert kernel.asked[-1].edge_detection is Detection.BOTH
    for time_ms in (100, 200):
        kernel.drive(17, True, time_ms * MS)
        kernel.drive(17, False, (time_ms + 50) * MS)
    assert held.take(300 * MS).edges == [edge(True, 100), edge(True, 200)]


def test_without_debouncing_every_edge_counts(kernel: InputKernel) -> None:
    """A flow meter's electronics do not bounce."""
    held = request(kernel, edges="active")
    assert kernel.asked[-1].edge_detection is Detection.RISING
    for time_ms in range(0, 10, 2):
        kernel.drive(17, True, time_ms * MS)
        kernel.drive(17, False, (time_ms + 1) * MS)
    assert len(held.take(10 * MS).edges) == 5


@pytest.mark.parametrize("code", [errno.ENODEV, errno.ENXIO, errno.EINVAL, errno.EOPNOTSUPP])
def test_a_chip_without_interrupts_is_looked_at(kernel: InputKernel, code: int) -> None:
    """An expander whose INT pin is not wired: a change is dated by the look that saw it."""
    kernel.refuses["edges"] = code
    kernel.pins[17] = True
    held = request(kernel, debounce_s=0.02)
    assert not held.has_edges
    assert held.take(50 * MS) == ([], None)
    kernel.drive(17, False, 60 * MS)
    assert held.take(100 * MS).edges == [edge(False, 100)]
    assert held.take(200 * MS).edges == []


def test_a_held_line_is_not_asked_for_again(kernel: InputKernel) -> None:
    """Only what the chip cannot do is asked for in another way."""
    request(kernel)
    with pytest.raises(OSError, match="busy"):
        request(kernel, debounce_s=0.02)
    assert len(kernel.asked) == 2


def test_a_chip_that_is_gone_is_gone_in_every_way(kernel: InputKernel) -> None:
    """The last answer is the one that counts."""
    kernel.refuses["all"] = errno.ENODEV
    with pytest.raises(OSError, match="No such device"):
        request(kernel, debounce_s=0.02)
    assert len(kernel.asked) == 3


def test_a_request_whose_first_look_fails_is_released(kernel: InputKernel) -> None:
    """Nothing is left held that nobody knows of."""
    kernel.fails = errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        request(kernel)
    assert not kernel.requests


def test_debouncing_begins_anew_where_edges_were_dropped(kernel: InputKernel) -> None:
    """Else a contact whose opening went under in its neighbour's chatter would never close."""
    kernel.refuses["debounce"] = errno.EOPNOTSUPP
    held = request(kernel, 17, 27, debounce_s=0.02)
    kernel.drive(17, True, 100 * MS)
    assert held.take(200 * MS).edges == [edge(True, 100)]
    kernel.drive(17, False, 300 * MS)
    for n in range(QUEUE_MAX):
        kernel.drive(27, n % 2 == 0, (400 + n) * MS)
    held.take(5000 * MS)
    assert held.lost == 1
    assert held.levels() == {17: False, 27: False}
    kernel.drive(17, True, 6000 * MS)
    assert held.take(7000 * MS).edges == [edge(True, 6000)]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EOPNOTSUPP, errno.EIO])
def test_every_failure_of_the_kernel_is_one(kernel: InputKernel, code: int) -> None:
    """libgpiod makes a ValueError of one and a NotImplementedError of another."""
    held = request(kernel)
    kernel.drive(17, True, 1)
    kernel.fails = code
    for job in (held.levels, lambda: held.take(2)):
        with pytest.raises(OSError, match="Errno") as caught:
            job()
        assert caught.value.errno == code


def test_dropped_edges_are_counted_by_line_and_altogether(kernel: InputKernel) -> None:
    """The kernel keeps the newest 1024 and numbers all of them."""
    held = request(kernel, 17, "GPIO27", edges="active")
    for n in range(QUEUE_MAX + 10):
        kernel.drive(17, True, n * MS)
        kernel.drive(17, False, n * MS)
    kernel.drive(27, True, 5000 * MS)
    taken: list[Edge] = []
    while edges := held.take(6000 * MS).edges:
        taken += edges
    assert taken[-1] == Edge("GPIO27", True, 5000 * MS)
    ours = [each for each in taken if each.line == 17]
    assert ours[0].missed == held.lost == 11
    assert sum(1 + each.missed for each in ours) == QUEUE_MAX + 10


def test_names_and_active_low_are_the_owners(kernel: InputKernel) -> None:
    """A contact to ground with a pull-up: closed is low is active."""
    kernel.pins = {17: True, 27: True}
    held = request(kernel, "GPIO17", 27, active_low=True, bias="pull-up")
    assert kernel.asked[-1].bias is Bias.PULL_UP
    assert held.levels() == {"GPIO17": False, 27: False}
    kernel.drive(17, False, 7 * MS)
    assert held.take(8 * MS).edges == [Edge("GPIO17", True, 7 * MS)]
    assert held.levels() == {"GPIO17": True, 27: False}


@pytest.mark.parametrize("bias", ["as-is", "pull-up", "pull-down", "disabled"])
def test_every_bias_is_one_of_the_kernels(kernel: InputKernel, bias: str) -> None:
    """Spelled as people write it."""
    request(kernel, bias=bias)
    assert kernel.asked[-1].bias is Bias[bias.upper().replace("-", "_")]
