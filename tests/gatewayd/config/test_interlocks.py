from __future__ import annotations

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


def test_two_that_are_on_when_safe_cannot_exclude_each_other(check: Check) -> None:
    """Going safe would break the interlock."""
    text = TWO.format("valve/relay").replace('"off"', '"on"')
    assert check(text).said == [
        "6:14: pump/relay and valve/relay are both on when safe; "
        "expected one of them to be safe when off"
    ]
