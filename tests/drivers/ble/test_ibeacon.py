"""iBeacon: which one it is, that it is there, and that it has gone."""

from __future__ import annotations

import pytest

from drivers.ble import ibeacon as module
from drivers.ble._beacons import ibeacon_in
from drivers.ble.ibeacon import Config, recognise
from gatewayd.errors import DeviceTimeout, Malformed
from gatewayd.model import Quality
from gatewayd.ports.ble_advertisement import Advertisement
from tests.drivers.ble.air import hear, said

UUID = "FDA50693-A4E2-4FB1-AFCF-C6EB07647825"
MINE = "0215FDA50693A4E24FB1AFCFC6EB07647825000A0007C5"
OTHER = "0215FDA50693A4E24FB1AFCFC6EB07647825000A0008C5"
ADDRESS, PHONE = "C1:00:00:00:00:01", "4F:00:00:00:00:02"


def apple(data: str, address: str = ADDRESS) -> Advertisement:
    return said(address, company={0x004C: data})


def config(**keys: int) -> Config:
    return Config(port="ble:0", uuid=UUID, major=10, minor=7, silent_after=keys.get("silent", 60))


def test_the_layout() -> None:
    """Source: Apple, Proximity Beacon Specification; synthetic values."""
    beacon = ibeacon_in(apple(MINE))
    assert beacon is not None
    assert (str(beacon.uuid).upper(), beacon.major, beacon.minor, beacon.power) == (
        UUID,
        10,
        7,
        -59,
    )


def test_what_is_no_ibeacon_is_none_and_a_short_one_is_refused() -> None:
    """Telephones send much else under the same company id."""
    assert ibeacon_in(apple("1005031C8A5C3E")) is None
    assert ibeacon_in(said(ADDRESS)) is None
    with pytest.raises(Malformed):
        ibeacon_in(apple(MINE[:-2]))


def test_only_the_one_that_is_meant_is_told() -> None:
    """Of the same owner, another minor; and telephones."""
    told = hear(module, config(), apple(OTHER, PHONE), apple("1005031C8A5C3E", PHONE), apple(MINE))
    assert told.values == [{"power": -59, "present": True, "rssi": -60}]


def test_silence_says_that_it_has_gone_and_a_word_that_it_is_back() -> None:
    """It is reported again for as long as it lasts."""
    told = hear(module, config(), apple(MINE), 125.0, apple(MINE))
    assert [each["present"] for each in told.values] == [True, False, False, True]
    assert told.qualities[1]["rssi"] is Quality.ABSENT
    assert told.error is None


def test_others_of_the_format_do_not_keep_it_present() -> None:
    """A colleague's beacon stands beside the empty place."""
    others = [each for _ in range(20) for each in (apple(OTHER, PHONE), 5.0)]
    told = hear(module, config(), apple(MINE), *others)
    assert [each["present"] for each in told.values][:2] == [True, False]


def test_whether_it_was_ever_there_is_not_known() -> None:
    """The gateway has just begun; silence may be the adapter's."""
    told = hear(module, config(), patience_s=61)
    assert isinstance(told.error, DeviceTimeout)
    assert told.measured == []


def test_a_deaf_adapter_does_not_say_that_it_has_gone() -> None:
    """Silence proves nothing then."""
    told = hear(module, config(), apple(MINE), patience_s=61, is_hearing=False)
    assert isinstance(told.error, DeviceTimeout)
    assert [each["present"] for each in told.values] == [True]


@pytest.mark.parametrize(
    "keys", [{"uuid": "FDA5"}, {"uuid": UUID, "major": 65536}, {"uuid": UUID, "silent_after": 1.0}]
)
def test_impossible_settings_are_found(keys: dict[str, object]) -> None:
    """Before anybody listens."""
    with pytest.raises(ValueError, match=r"UUID|65535|silent_after"):
        Config(port="ble:0", **keys)  # type: ignore[arg-type]  # Wrong on purpose.


def test_a_scan_says_which_it_is() -> None:
    """Its keys are those of the section."""
    found = recognise(apple(MINE))
    assert found is not None
    assert dict(found.keys) == {"uuid": UUID, "major": 10, "minor": 7}
    assert recognise(apple("0215")) is None
    assert recognise(apple("10")) is None
