from __future__ import annotations

import pytest

from tests.gatewayd.config.written import Check

RELAYS = '[device.{0}]\ndriver = "sim_relay"\nrelays = {1}\nsafe = "off"\nhold_max = "1h"\n'
TWO = RELAYS.format("pump", '["relay"]') + 'interlock = ["{0}"]\n'
TWO += RELAYS.format("valve", '["relay"]')


def test_an_interlock_holds_on_both_sides(check: Check) -> None:
    """Whoever is switched second must know of it, so it is written down once and known twice."""
    devices = check(TWO.format("valve/relay")).good.devices
    assert devices["pump"].limits["relay"].interlock == ("valve/relay",)
    assert devices["valve"].limits["relay"].interlock == ("pump/relay",)


def test_an_output_is_not_interlocked_with_itself(check: Check) -> None:
    """It could never be switched on."""
    assert check(TWO.format("pump/relay")).said == [
        '6:14: "pump/relay" is interlocked with itself; expected another output'
    ]


def test_a_list_for_a_whole_board_means_one_at_a_time(check: Check) -> None:
    """Up and down of one motor need one line, not two."""
    text = RELAYS.format("motor", '["up", "down"]') + 'interlock = ["motor/up", "motor/down"]'
    limits = check(text).good.devices["motor"].limits
    assert limits["up"].interlock == ("motor/down",)
    assert limits["down"].interlock == ("motor/up",)


def test_what_is_no_output_cannot_be_interlocked(check: Check) -> None:
    """A misspelt name gets the nearest output."""
    assert check(TWO.format("vlave/relay")).said == [
        '6:14: "vlave/relay" is no output; expected DEVICE/CHANNEL of an output; '
        "nearest: valve/relay"
    ]


@pytest.mark.parametrize("count", [1, 2])
def test_one_that_is_on_when_safe_cannot_exclude_another(check: Check, count: int) -> None:
    """Going safe would break the interlock, and the daemon would refuse to start."""
    text = TWO.format("valve/relay").replace('"off"', '"on"', count)
    assert [problem.found for problem in check(text).problems if not problem.is_warning] == [
        "pump/relay is safe when on"
    ]
