"""A Thingsee device as a beacon, as each of its three messages makes it one; synthetic."""

from __future__ import annotations

import pytest

from drivers.ble import thingsee_beacon as module
from drivers.ble.thingsee_beacon import Config
from gatewayd.ports.ble_advertisement import Advertisement
from tests.drivers.ble.air import hear, said

ADDRESS = "C1:00:00:00:00:01"
UUID = "FDA50693A4E24FB1AFCFC6EB07647825"
IBEACON = "0215" + UUID + "000A0007C5"

MESSAGE_1206 = Config(port="ble:0", beaconData=UUID, beaconMajor=10, beaconMinor=7)
MESSAGE_1207 = Config(port="ble:0", frame="eddystone", beaconData="000102030405060708090A0B")
MESSAGE_1208 = Config(port="ble:0", frame="generic", beaconData="C0FFEE", address=ADDRESS)


@pytest.mark.parametrize(
    ("config", "mine", "other"),
    [
        (
            MESSAGE_1206,
            said(ADDRESS, company={0x004C: IBEACON}),
            said(ADDRESS, company={0x004C: IBEACON[:-4] + "08C5"}),
        ),
        (
            MESSAGE_1207,
            said(ADDRESS, service={0xFEAA: "00EE000102030405060708090A0B0C0D0E0F0000"}),
            said(ADDRESS, service={0xFEAA: "00EE000102030405060708090A0C0C0D0E0F0000"}),
        ),
        (
            MESSAGE_1208,
            said(ADDRESS, company={0x1234: "01C0FFEE02"}),
            said(ADDRESS, company={0x1234: "01C0FFED02"}),
        ),
    ],
)
def test_a_beacon_is_there_and_goes(
    config: Config, mine: Advertisement, other: Advertisement
) -> None:
    """Its own frame alone counts; silence says that it has gone."""
    told = hear(module, config, other, mine, 121.0)
    assert [each["present"] for each in told.values] == [True, False]


def test_a_cut_off_frame_is_counted_and_skipped() -> None:
    """As every other garbled packet."""
    short = said(ADDRESS, company={0x004C: IBEACON[:-2]})
    told = hear(module, MESSAGE_1206, short, said(ADDRESS, company={0x004C: IBEACON}))
    assert (told.rejects, len(told.measured)) == (1, 1)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"beaconData": "C0FFEE"}, "UUID"),
        ({"beaconData": "x"}, "hex"),
        ({"beaconData": "C0FFEE", "frame": "generic"}, "address"),
    ],
)
def test_impossible_settings_are_found(keys: dict[str, str], reason: str) -> None:
    """Before anybody listens."""
    with pytest.raises(ValueError, match=reason):
        Config(port="ble:0", **keys)  # type: ignore[arg-type]  # Wrong on purpose.
