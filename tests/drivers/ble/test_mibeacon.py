"""MiBeacon: captured packets of twelve models, seven of them encrypted; what is to be refused."""

from __future__ import annotations

import pytest

from drivers.ble import mibeacon as module
from drivers.ble._ccm import Replayed, Unopened
from drivers.ble._mibeacon import CHANNELS
from drivers.ble.mibeacon import Config, Decoder, decode_objects, describe, recognise
from gatewayd.errors import DeviceFault, Malformed
from gatewayd.fields import Secret
from gatewayd.model import Value
from gatewayd.ports.ble_advertisement import Advertisement
from tests.drivers.ble.air import hear, said, understood

KEY = "e9ea895fac7cca6d30532432a516f3a8"
ADDRESS = "A4:C1:38:02:83:F4"
SEALED = "58585b0550f4830238c1a495ef58763c26000097e2abb5"


def packet(data: str, address: str) -> Advertisement:
    return said(address, service={0xFE95: data})


@pytest.mark.parametrize(
    ("address", "data", "values"),
    [
        (
            "58:2D:34:3A:87:B0",
            "5020AA01DAB0873A342D580D1004FE004802",
            {"temperature": 25.4, "humidity": 58.4},
        ),
        (
            "A4:C1:38:B4:94:4C",
            "50305b05034c94b438c1a40d10041001ea01",
            {"temperature": 27.2, "humidity": 49.0},
        ),
        ("C4:7C:8D:6B:4F:F3", "7120980012f34f6b8d7cc40d041002c400", {"temperature": 19.6}),
        ("C4:7C:8D:6D:59:3E", "7120BC03CD3E596D8D7CC40D0410023C01", {"temperature": 31.6}),
        ("E2:53:30:E6:D3:54", "5030e1048e54d3e63053e20110030100 00".replace(" ", ""), "2:press"),
    ],
)
def test_packets_in_the_clear(address: str, data: str, values: dict[str, Value] | str) -> None:
    """LYWSDCGQ, LYWSD03MMC, HHCCJCY01, GCLS002 and the remote XMMF01JQD, captured."""
    wanted = {"button": values} if isinstance(values, str) else values
    assert understood(Decoder().decode, packet(data, address)).values == wanted


@pytest.mark.parametrize(
    ("address", "key", "data", "values"),
    [
        (
            "5A:58:2D:34:12:5F",
            "814aac74c4f17b6c1581e1ab87816b99",
            "5858480b685f12342d585a0b1841e2aa000e00a4964fb5",
            {"humidity": 59.6},
        ),
        (
            "58:2D:34:12:20:89",
            "a3bfe9853dd85a620debe3620caaa351",
            "58586f0607892012342d585f176dd54f0200002fa453fa",
            {"temperature": 22.6},
        ),
        (
            "A4:C1:38:56:53:84",
            "a115210eed7a88e50ad52662e732a9fb",
            "5858e4162c84535638c1a42b6ef2e91200006c884d9e",
            {"humidity": 58},
        ),
        (ADDRESS, KEY, SEALED, {"humidity": 46.7}),
        (
            "2C:11:65:25:70:04",
            "b2cf9a553d53571b5657defd582d676e",
            "48590312a41b776e7c96add7000000f2bf545b",
            {"humidity": 45.0},
        ),
        (
            "54:EF:44:E3:9C:BC",
            "5b51a7c91cde6707c9ef18dfda143a58",
            "5859970966bc9ce344ef5401081205000000715ebe90",
            {"smoke": True},
        ),
        (
            "54:EF:44:E0:27:BC",
            "255e6cabb39b2eddd0de992b9fee2bf2",
            "5859630808bc27e044ef54f58fe704000000fc69d15c",
            {"flooding": True},
        ),
    ],
)
def test_encrypted_packets(address: str, key: str, data: str, values: dict[str, Value]) -> None:
    """CGG1, CGDK2, LYWSD02MMC, LYWSD03MMC, XMWSDJ04MMC (its address is not in it), JTYJGD03MI
    and SJWS01LM, captured with their keys."""
    assert understood(Decoder(Secret(key)).decode, packet(data, address)).values == values


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ("071003A08601", {"illuminance": 100000}),
        ("08100122", {"moisture": 34}),
        ("091002E803", {"conductivity": 1000}),
        ("0A100164", {"battery": 100}),
        ("1010021000", {"formaldehyde": 0.16}),
        ("12100101", {"switch": True}),
        ("13100132", {"consumable": 50}),
        ("0F0003640000", {"motion": True, "illuminance": 100}),
        ("19100100", {"opening": True}),
        ("19100101", {"opening": False}),
        ("19100103", {}),
        ("18100100", {"light": False}),
        ("011003000002", {"button": "long_press"}),
        ("041002E7FF", {"temperature": -2.5}),
        ("014C040000C841", {"temperature": 25.0}),
        ("EEEE020000" + "0A100150", {"battery": 80}),
    ],
)
def test_each_object(body: str, values: dict[str, Value]) -> None:
    """Made after Xiaomi's object definitions; an unknown one is passed over."""
    assert decode_objects(bytes.fromhex(body)) == values


@pytest.mark.parametrize(
    "body", ["04", "0410", "0410 02 FE".replace(" ", ""), "041001FE", "0A1000", "014C040000C07F"]
)
def test_an_object_of_another_length_is_refused(body: str) -> None:
    """Cut off, or shorter than what it means."""
    with pytest.raises(Malformed):
        decode_objects(bytes.fromhex(body))


@pytest.mark.parametrize("data", ["", "5020AA01", "5020AA01DAB0873A", "7158AA01DAB0873A342D58"])
def test_a_garbled_packet_is_refused(data: str) -> None:
    """It is shorter than its own head says."""
    with pytest.raises(Malformed):
        Decoder().decode(packet(data, "58:2D:34:3A:87:B0"))


def test_a_packet_of_another_device_is_refused() -> None:
    """The address in it and the one that it came from differ."""
    with pytest.raises(Malformed, match="names another"):
        Decoder().decode(packet("50305b05034c94b438c1a40d10041001ea01", ADDRESS))


def test_the_old_encryption_is_said_not_to_be_known() -> None:
    """Version 3, of the first remote controls."""
    with pytest.raises(Malformed, match="not supported"):
        Decoder(Secret(KEY)).decode(packet("5838" + SEALED[4:], ADDRESS))


@pytest.mark.parametrize("at", range(2, 23))
def test_one_flipped_bit_does_not_open(at: int) -> None:
    """Of anything after the frame control."""
    data = bytearray.fromhex(SEALED)
    data[at] ^= 0x40
    with pytest.raises(Malformed):
        Decoder(Secret(KEY)).decode(packet(data.hex(), ADDRESS))


def test_a_counter_that_goes_back_is_a_replay() -> None:
    """Its 32 bits are in two places of the packet: 0x26 above, 0x50 below."""
    decoder = Decoder(Secret(KEY))
    assert understood(decoder.decode, packet(SEALED, ADDRESS)).sequence == 0x2650
    decoder.counter.accept(0x2651)
    with pytest.raises(Replayed):
        decoder.decode(packet(SEALED, ADDRESS))


def test_a_packet_in_the_clear_is_not_believed_where_a_key_is_set() -> None:
    """And one without objects says nothing, key or not."""
    clear = packet("50305b05034c94b438c1a40d10041001ea01", "A4:C1:38:B4:94:4C")
    with pytest.raises(Unopened):
        Decoder(Secret(KEY)).decode(clear)
    assert Decoder(Secret(KEY)).decode(packet("30585b0550f4830238c1a408", ADDRESS)) is None


def test_a_wrong_key_is_a_fault() -> None:
    """After three packets; they are counted."""
    config = Config(port="ble:0", address=ADDRESS, key=Secret("22" * 16))
    told = hear(module, config, *[packet(SEALED, ADDRESS)] * 3)
    assert isinstance(told.error, DeviceFault)
    assert "does not open" in str(told.error)
    assert told.rejects == 3


def test_every_object_can_be_configured() -> None:
    """What is in no list is refused with the list."""
    names = tuple(each.id for each in CHANNELS)
    config = Config(port="ble:0", address=ADDRESS, objects=names)
    assert len(describe(config)) == len(names) + 1
    with pytest.raises(ValueError, match="MiBeacon has no 'soil'"):
        Config(port="ble:0", address=ADDRESS, objects=("soil",))


def test_a_scan_says_what_was_sent() -> None:
    """Or that a key is needed."""
    found = recognise(packet("7120980012f34f6b8d7cc40d041002c400", "C4:7C:8D:6B:4F:F3"))
    assert found is not None
    assert found.keys["objects"] == ["temperature"]
    assert "0098" in found.words
    sealed = recognise(packet(SEALED, ADDRESS))
    assert sealed is not None
    assert "key" in sealed.words
    assert recognise(packet("5020", ADDRESS)) is None
