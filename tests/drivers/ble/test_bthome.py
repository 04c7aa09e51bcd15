"""BTHome: the format's own examples, in the clear and encrypted, and what is not to be believed."""

from __future__ import annotations

import pytest

from drivers.ble import bthome as module
from drivers.ble._bthome import QUANTITIES
from drivers.ble._ccm import Replayed, Unopened
from drivers.ble.bthome import Config, Decoder, describe, recognise
from gatewayd.errors import DeviceFault, Malformed
from gatewayd.fields import Secret
from gatewayd.model import Value
from gatewayd.ports.ble_advertisement import Advertisement
from tests.drivers.ble.air import hear, said, understood

ADDRESS = "54:48:E6:8F:80:A5"
KEY = Secret("231d39c1d7cc1ab1aee224cd096db932")
OTHER = Secret("00" * 16)
SEALED = "41a47266c95f730011223378237214"
SEALED_V1 = "fba435e4d3c312fb0011223357d90a99"
CLIMATE = {"temperature": 25.06, "humidity": 50.55}


def v2(data: str) -> Advertisement:
    return said(ADDRESS, service={0xFCD2: data})


def v1(data: str) -> Advertisement:
    return said(ADDRESS, service={0x181C: data})


def config(*objects: str, key: Secret | None = None) -> Config:
    names = objects or ("temperature", "humidity")
    return Config(port="ble:0", address=ADDRESS, objects=names, key=key)


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ("4002CA0903BF13", CLIMATE),
        ("4004138A01", {"pressure": 1008.83}),
        ("400161", {"battery": 97}),
        ("4005138A14", {"illuminance": 13460.67}),
        ("40065E1F", {"mass": 80.3}),
        ("40073E1D", {"mass": 33.95592}),
        ("4008CA06", {"dew_point": 17.38}),
        ("403D0960", {"count": 24585}),
        ("403E2A2C0960", {"count": 1611213866}),
        ("400A138A14", {"energy": 1346.067}),
        ("404D12138A14", {"energy": 344593.17}),
        ("400B021B00", {"power": 69.14}),
        ("405C02FBFFFF", {"power": -12.78}),
        ("400C020C", {"voltage": 3.074}),
        ("400D120C0E021C", {"pm2_5": 3090, "pm10": 7170}),
        ("4012E204", {"co2": 1250}),
        ("40133301", {"tvoc": 307}),
        ("4014020C", {"moisture": 30.74}),
        ("401101", {"opening": True}),
        ("402D00", {"window": False}),
        ("401501", {"battery_low": True}),
        ("403A02", {"button": "double_press"}),
        ("403C0203", {"dimmer": 3}),
        ("403C0103", {"dimmer": -3}),
        ("403F020C", {"rotation": 307.4}),
        ("40400C00", {"distance": 0.012}),
        ("40414E00", {"distance": 7.8}),
        ("40434E34", {"current": 13.39}),
        ("4045EEFF", {"temperature": -1.8}),
        ("4057EA", {"temperature": -22}),
        ("4058EA", {"temperature": -7.7}),
        ("404C41018A01", {"gas": 25821.505}),
        ("40530C48656C6C6F20576F726C6421", {"text": "Hello World!"}),
        ("40540401020304", {"raw": "01020304"}),
        ("40F100010204", {"firmware": "4.2.1.0"}),
    ],
)
def test_the_examples_of_version_2(data: str, values: dict[str, Value]) -> None:
    """Source: bthome.io/format; 5C, 3C-01 and F1 are synthetic."""
    assert understood(Decoder().decode, v2(data)).values == values


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ("2302CA090303BF13", CLIMATE),
        ("020161", {"battery": 97}),
        ("0405138A14", {"illuminance": 13460.67}),
        ("02 0F01".replace(" ", ""), {"generic": True}),
        ("030C020C", {"voltage": 3.074}),
    ],
)
def test_the_examples_of_version_1(data: str, values: dict[str, Value]) -> None:
    """Source: bthome.io/v1."""
    assert understood(Decoder().decode, v1(data)).values == values


def test_packets_are_numbered_in_both_versions() -> None:
    """Object 00."""
    assert understood(Decoder().decode, v2("40000901 61".replace(" ", ""))).sequence == 9
    assert understood(Decoder().decode, v1("02000C0404138A01")).sequence == 12


def test_the_second_of_a_kind_has_a_number() -> None:
    """Two probes on one tag; an object with a digit in its name is not the second of anything."""
    heard = understood(Decoder().decode, v2("4002CA090202000D120C"))
    assert heard.values == {"temperature": 25.06, "temperature_2": 0.02, "pm2_5": 3090}
    assert [each.id for each in describe(config("temperature_2", "pm2_5"))] == [
        "temperature_2",
        "pm2_5",
        "rssi",
    ]


def test_an_unknown_object_ends_the_packet() -> None:
    """How long it is, nobody knows; what stood before it counts."""
    assert understood(Decoder().decode, v2("4002CA09EE0161")).values == {"temperature": 25.06}


@pytest.mark.parametrize("data", ["", "20", "4002CA", "405305", "4053", "403A77"])
def test_a_garbled_packet_is_refused(data: str) -> None:
    """No bytes, another version, cut off, no such event."""
    with pytest.raises(Malformed):
        Decoder().decode(v2(data))


@pytest.mark.parametrize("data", ["23", "0302", "01", "FF02CA09"])
def test_a_garbled_packet_of_version_1_is_refused(data: str) -> None:
    """An object longer than the packet, or without a number."""
    with pytest.raises(Malformed):
        Decoder().decode(v1(data))


def test_the_encrypted_examples_are_opened() -> None:
    """Source: bthome.io/encryption, and the same in version 1."""
    assert understood(Decoder(KEY).decode, v2(SEALED)).values == CLIMATE
    sealed = said(ADDRESS, service={0x181E: SEALED_V1})
    assert understood(Decoder(KEY).decode, sealed).values == CLIMATE


@pytest.mark.parametrize("at", range(15))
def test_one_flipped_bit_does_not_open(at: int) -> None:
    """Wherever it is: in the head, the ciphertext, the counter, the check value."""
    data = bytearray.fromhex(SEALED)
    data[at] ^= 0x10
    with pytest.raises(Malformed):
        Decoder(KEY).decode(v2(data.hex()))


def test_another_device_cannot_repeat_it() -> None:
    """The address is part of what is sealed."""
    packet = said("54:48:E6:8F:80:A6", service={0xFCD2: SEALED})
    with pytest.raises(Unopened):
        Decoder(KEY).decode(packet)


def test_a_counter_that_goes_back_is_a_replay() -> None:
    """The newest again is the same packet heard twice; an older one is refused."""
    decoder = Decoder(KEY)
    decoder.decode(v2(SEALED))
    decoder.decode(v2(SEALED))
    decoder.counter.accept(0x33221101)
    with pytest.raises(Replayed, match="went back"):
        decoder.decode(v2(SEALED))


def test_a_packet_in_the_clear_is_not_believed_where_a_key_is_set() -> None:
    """Anybody can send one under the tag's address."""
    with pytest.raises(Unopened, match="not encrypted"):
        Decoder(KEY).decode(v2("4002CA09"))


@pytest.mark.parametrize(
    ("key", "data", "reason"),
    [
        (OTHER, SEALED, "the key does not open"),
        (None, SEALED, "encrypted; set its key"),
        (KEY, "4002CA09", "not encrypted"),
    ],
)
def test_a_wrong_key_is_a_fault_with_a_reason(key: Secret | None, data: str, reason: str) -> None:
    """Three packets are enough to know; each is counted, and the key is in no message."""
    told = hear(module, config(key=key), v2(data), v2(data), v2(data))
    assert isinstance(told.error, DeviceFault)
    assert reason in str(told.error)
    assert told.rejects == 3
    assert told.measured == []


def test_garbled_packets_between_good_ones_are_counted_and_skipped() -> None:
    """No exception, no value."""
    good, garbled = v2("40000102CA09"), v2("4002CA")
    told = hear(module, config(), good, garbled, garbled, v2("40000202CA09"))
    assert [each["temperature"] for each in told.values] == [25.06, 25.06]
    assert told.rejects == 2
    assert told.error is None


def test_a_packet_is_told_once() -> None:
    """By its number, however long ago: then the tag merely is still there."""
    told = hear(module, config(), v2("40000102CA09"), v2("40000102CA09"), v2("40000202CA09"))
    assert [set(each) for each in told.values] == [
        {"temperature", "rssi"},
        {"rssi"},
        {"temperature", "rssi"},
    ]
    assert told.repeats == 1


def test_the_values_of_one_moment_may_come_in_several_packets() -> None:
    """They have one number, and are all told; and once."""
    first, second = v2("40000102CA09"), v2("40000103BF13")
    told = hear(module, config(), first, second, first, second)
    assert [each for each in told.values if len(each) > 1] == [
        {"temperature": 25.06, "rssi": -60},
        {"humidity": 50.55, "rssi": -60},
    ]


def test_only_what_a_packet_has_is_told() -> None:
    """A tag that sends its battery once an hour does not lose its temperature meanwhile."""
    told = hear(module, config("temperature", "battery"), v2("4002CA09"), v2("400161"))
    assert told.values == [{"temperature": 25.06, "rssi": -60}, {"battery": 97, "rssi": -60}]


def test_every_object_can_be_configured() -> None:
    """Each name is a legal channel, and what is in no list is refused with the list."""
    assert len(describe(config(*QUANTITIES))) == len(QUANTITIES) + 1
    with pytest.raises(ValueError, match="BTHome has no 'temprature'"):
        config("temprature")


@pytest.mark.parametrize("key", ["", "12", "zz" * 16])
def test_a_key_that_is_none_is_found_before_it_is_used(key: str) -> None:
    """And not shown."""
    with pytest.raises(ValueError, match="32 hex digits"):
        config(key=Secret(key))


def test_a_scan_says_which_objects_there_are() -> None:
    """Its keys make a section that runs."""
    found = recognise(v2("4002CA0903BF13"))
    assert found is not None
    assert found.is_proof
    keys = dict(found.keys)
    assert keys == {"address": ADDRESS, "objects": ["temperature", "humidity"]}
    assert recognise(v2("60")) is None
    assert recognise(said(ADDRESS, service={0x181A: "00"})) is None
    sealed = recognise(v2(SEALED))
    assert sealed is not None
    assert "key" in sealed.words
