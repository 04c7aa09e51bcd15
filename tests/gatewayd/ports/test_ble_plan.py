"""How to listen: passively where that is possible, and why not where it is not."""

from __future__ import annotations

import pytest

from gatewayd.errors import DeviceFault
from gatewayd.ports.ble_advertisement import Wish, uuid16
from gatewayd.ports.ble_plan import Mode, Plan, Rung, make_plan

BTHOME = Wish("A4:C1:38:12:34:56", services=frozenset({uuid16(0xFCD2)}))
RUUVI = Wish("A4:C1:38:12:34:57", companies=frozenset({0x0499}))
GOVEE = Wish("A4:C1:38:12:34:58", companies=frozenset({0xEC88}), needs_active=True)
UNKNOWN = Wish("A4:C1:38:12:34:59")


def test_known_formats_are_listened_for_passively() -> None:
    """For the patterns of all of them."""
    plan = make_plan("auto", [BTHOME, RUUVI], "", Rung.SOUND)
    assert plan == Plan("passive", BTHOME.patterns() | RUUVI.patterns())


@pytest.mark.parametrize(
    ("mode", "wishes", "why_not", "rung", "reason"),
    [
        ("active", [BTHOME], "", Rung.SOUND, "configured"),
        ("auto", [BTHOME], "BlueZ is old", Rung.SOUND, "BlueZ is old"),
        ("auto", [BTHOME, GOVEE], "", Rung.SOUND, "only when asked"),
        ("auto", [BTHOME, UNKNOWN], "", Rung.SOUND, "not known beforehand"),
        ("auto", [BTHOME], "", Rung.RESTARTED, "whether anybody is heard"),
        ("auto", [BTHOME], "", Rung.POWER_CYCLED, "whether anybody is heard"),
    ],
)
def test_active_is_the_way_out_and_says_why(
    mode: Mode, wishes: list[Wish], why_not: str, rung: Rung, reason: str
) -> None:
    """The reason is in the log."""
    plan = make_plan(mode, wishes, why_not, rung)
    assert (plan.mode, plan.patterns) == ("active", frozenset())
    assert reason in plan.reason


def test_passive_alone_is_kept_or_refused() -> None:
    """Whoever wants it wants it for the batteries of his tags."""
    assert make_plan("passive", [RUUVI, UNKNOWN], "", Rung.RESTARTED).mode == "passive"
    with pytest.raises(DeviceFault, match="BlueZ is old"):
        make_plan("passive", [RUUVI], "BlueZ is old", Rung.SOUND)
    with pytest.raises(DeviceFault, match="not known beforehand"):
        make_plan("passive", [UNKNOWN], "", Rung.SOUND)


def test_a_scan_that_hears_enough_is_left_alone() -> None:
    """One that leaves may be listened for until the next change."""
    both = make_plan("auto", [BTHOME, RUUVI], "", Rung.SOUND)
    one = make_plan("auto", [RUUVI], "", Rung.SOUND)
    active = make_plan("auto", [UNKNOWN], "", Rung.SOUND)
    assert both.covers(one)
    assert not one.covers(both)
    assert not active.covers(one)
    assert active.covers(Plan("active", reason="another"))
