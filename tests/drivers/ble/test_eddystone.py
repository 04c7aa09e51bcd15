"""Eddystone: who, where to, and how it is."""

from __future__ import annotations

import pytest

from drivers.ble import eddystone as module
from drivers.ble._beacons import Telemetry, decode_telemetry, decode_uid, decode_url
from drivers.ble.eddystone import Config, describe, recognise
from gatewayd.model import Quality
from gatewayd.ports.ble_advertisement import Advertisement
from tests.drivers.ble.air import hear, said

NAMESPACE, INSTANCE = "00010203040506070809", "AABBCCDDEEFF"
UID = "00EE" + NAMESPACE + INSTANCE + "0000"
TLM = "20000BB81580000000050000000A"
URL = "10EB03" + b"goo.gl/Aq18zF".hex()
ADDRESS, OTHER = "C1:00:00:00:00:01", "C1:00:00:00:00:02"


def packet(data: str, address: str = ADDRESS) -> Advertisement:
    return said(address, service={0xFEAA: data})


def config(**keys: bool) -> Config:
    return Config(port="ble:0", namespace=NAMESPACE, instance=INSTANCE, **keys)  # type: ignore[arg-type]  # Switches.


def test_a_name_is_decoded() -> None:
    """Source: eddystone-uid; −18 dBm at 0 m."""
    uid = decode_uid(bytes.fromhex(UID))
    assert (uid.namespace.hex(), uid.instance.hex().upper(), uid.power) == (
        NAMESPACE,
        INSTANCE,
        -18,
    )


@pytest.mark.parametrize(
    ("data", "url"),
    [
        (URL, "https://goo.gl/Aq18zF"),
        ("10EB00676F6F676C6507", "http://www.google.com"),
        ("10EB0161620163", "https://www.ab.org/c"),
    ],
)
def test_a_url_is_decoded(data: str, url: str) -> None:
    """Source: eddystone-url; schemes and endings are numbers."""
    assert decode_url(bytes.fromhex(data)) == url


@pytest.mark.parametrize(
    ("data", "telemetry"),
    [
        (TLM, Telemetry(3.0, 21.5, 5, 1.0)),
        ("20000000FF80FFFFFFFF00000000", Telemetry(None, -0.5, 2**32 - 1, 0.0)),
        ("20000BB88000000000000000000A", Telemetry(3.0, None, 0, 1.0)),
    ],
)
def test_telemetry_is_decoded(data: str, telemetry: Telemetry) -> None:
    """Source: eddystone-tlm, tlm-plain; 0 V and 0x8000 say that there is none."""
    assert decode_telemetry(bytes.fromhex(data)) == telemetry


@pytest.mark.parametrize("data", ["00EE", "10EB04", "10EB", "10EB0341FF", "2000", "2001" + TLM[4:]])
def test_a_garbled_frame_is_refused_and_counted(data: str) -> None:
    """Short, without a scheme, with a byte that no URL has, encrypted."""
    settings = Config(port="ble:0", address=ADDRESS)
    told = hear(module, settings, packet(data), packet(UID))
    assert told.rejects == 1
    assert told.values == [{"present": True, "rssi": -60}]


def test_telemetry_belongs_to_the_name_that_was_heard_from_the_address() -> None:
    """It does not say itself whose it is."""
    told = hear(
        module,
        config(telemetry=True, url=True),
        packet(TLM),
        packet("00EE" + NAMESPACE + "000000000000", OTHER),
        packet(UID),
        packet(TLM),
        packet(TLM[:-2] + "14", OTHER),
        packet(URL),
    )
    assert [set(each) - {"rssi", "present"} for each in told.values] == [
        set(),
        {"voltage", "temperature", "packets", "uptime"},
        {"url"},
    ]


def test_a_beacon_without_a_thermometer_says_so() -> None:
    """Absent, not 0 °C."""
    told = hear(module, config(telemetry=True), packet(UID), packet("20000BB88000" + "00" * 8))
    assert told.qualities[1]["temperature"] is Quality.ABSENT


def test_the_channels_are_those_that_are_wanted() -> None:
    """Most only want to know whether it is there."""
    assert [each.id for each in describe(config())] == ["present", "rssi"]
    assert len(describe(config(telemetry=True, url=True))) == 7


@pytest.mark.parametrize(
    "keys", [{}, {"namespace": "00"}, {"namespace": NAMESPACE, "instance": "xx"}]
)
def test_a_beacon_needs_a_name(keys: dict[str, str]) -> None:
    """Or an address."""
    with pytest.raises(ValueError, match=r"namespace|instance"):
        Config(port="ble:0", **keys)  # type: ignore[arg-type]  # Wrong on purpose.


def test_a_scan_says_which_it_is() -> None:
    """A frame of each kind; an ephemeral name is nobody's."""
    found = [recognise(packet(each)) for each in (UID, URL, TLM)]
    assert [dict(each.keys) for each in found if each] == [
        {"namespace": NAMESPACE, "instance": INSTANCE.lower()},
        {"address": ADDRESS, "url": True},
        {"address": ADDRESS, "telemetry": True},
    ]
    assert recognise(packet("30EE0011223344556677")) is None
    assert recognise(packet("00EE")) is None
    assert recognise(said(ADDRESS)) is None
