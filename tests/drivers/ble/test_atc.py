"""ATC1441 and pvvx: captured packets, the synthetic ones of their layouts, encrypted pvvx."""

from __future__ import annotations

import pytest

from drivers.ble import atc as module
from drivers.ble._ccm import Replayed, Unopened
from drivers.ble.atc import Config, Decoder, decode_sealed, describe, recognise
from gatewayd.errors import DeviceFault, Malformed
from gatewayd.fields import Secret
from gatewayd.model import Value
from gatewayd.ports.ble_advertisement import Advertisement
from tests.drivers.ble.air import hear, said, understood

ADDRESS = "A4:C1:38:8D:18:B2"
KEY = Secret("b9ea895fac7eea6d30532432a516f3a3")
SEALED = "11d603fbfa7b6dfb1e26fd"
PVVX = "B2188D38C1A42B089011F70A43200F"


def packet(data: str, address: str = ADDRESS) -> Advertisement:
    return said(address, service={0x181A: data})


@pytest.mark.parametrize(
    ("address", "data", "values", "number"),
    [
        ("A4:C1:38:02:83:F4", "a4c1380283f400a22f5f0bf819", (16.2, 47, 95, 3.064), 25),
        ("A4:C1:38:BC:7C:4E", "A4C138BC7C4E0102284F0B6720", (25.8, 40, 79, 2.919), 32),
        ("A4:C1:38:12:34:56", "A4C13812345600EC2D580B8607", (23.6, 45, 88, 2.950), 7),
        ("A4:C1:38:02:83:F4", "f4830238c1a4a9066911b60b58f70d", (17.05, 44.57, 88, 2.998), 247),
        (ADDRESS, PVVX, (20.91, 44.96, 67, 2.807), 32),
        ("A4:C1:38:12:34:56", "56341238C1A43B09A011860B58070F", (23.63, 45.12, 88, 2.95), 7),
    ],
)
def test_packets_in_the_clear(
    address: str, data: str, values: tuple[float, ...], number: int
) -> None:
    """Captured from tags; the two of A4:C1:38:12:34:56 are synthetic, made from the layouts."""
    heard = understood(Decoder().decode, packet(data, address))
    names = ("temperature", "humidity", "battery", "voltage")
    assert tuple(heard.values[name] for name in names) == values
    assert heard.sequence == number


def test_frost_has_a_sign() -> None:
    """Synthetic: −10.0 °C in both formats."""
    atc = understood(Decoder().decode, packet("A4C1388D18B2FF9C2D580B8607"))
    pvvx = understood(Decoder().decode, packet("B2188D38C1A418FCA011860B58070E"))
    assert atc.values["temperature"] == pvvx.values["temperature"] == -10.0
    assert (pvvx.values["opening"], atc.values.get("opening")) == (True, None)


def test_an_encrypted_packet_is_opened() -> None:
    """Captured, with its key."""
    heard = understood(Decoder(KEY).decode, packet(SEALED))
    values: dict[str, Value] = {"temperature": 23.45, "humidity": 41.73, "battery": 61}
    assert heard.values == {**values, "opening": True}
    assert heard.sequence == 17


def test_the_short_encrypted_format() -> None:
    """Synthetic, from its layout: half degrees above −40, half percents, battery and a contact."""
    values = decode_sealed(bytes([129, 91, 0x80 | 77]))
    assert values == {"temperature": 24.5, "humidity": 45.5, "battery": 77}


@pytest.mark.parametrize("at", range(11))
def test_one_flipped_bit_does_not_open(at: int) -> None:
    """Of the counter, the ciphertext or the check value."""
    data = bytearray.fromhex(SEALED)
    data[at] ^= 0x01
    with pytest.raises(Unopened):
        Decoder(KEY).decode(packet(data.hex()))


def test_the_counter_may_come_round_but_not_go_back() -> None:
    """It has eight bits."""
    decoder = Decoder(KEY)
    decoder.counter.accept(250)
    decoder.decode(packet(SEALED))  # 17: 23 further on.
    decoder.counter.accept(30)
    with pytest.raises(Replayed):
        decoder.decode(packet(SEALED))


@pytest.mark.parametrize("data", ["", PVVX[:-2], PVVX + "00", "00" + PVVX[2:]])
def test_a_garbled_packet_is_refused(data: str) -> None:
    """A length that no format has; the address of another tag in it."""
    with pytest.raises(Malformed):
        Decoder().decode(packet(data))


@pytest.mark.parametrize(
    ("key", "data", "reason"),
    [
        (Secret("11" * 16), SEALED, "does not open"),
        (None, SEALED, "set its key"),
        (KEY, PVVX, "not"),
    ],
)
def test_a_wrong_key_is_a_fault(key: Secret | None, data: str, reason: str) -> None:
    """Three packets are enough to know."""
    config = Config(port="ble:0", address=ADDRESS, key=key)
    told = hear(module, config, *[packet(data)] * 3)
    assert isinstance(told.error, DeviceFault)
    assert reason in str(told.error)


def test_the_channels_are_those_of_the_format() -> None:
    """The encrypted one has no room for the voltage; the contact is there when it is soldered."""
    clear = Config(port="ble:0", address=ADDRESS, reed_switch=True)
    sealed = Config(port="ble:0", address=ADDRESS, key=KEY)
    assert {each.id for each in describe(clear)} - {each.id for each in describe(sealed)} == {
        "voltage",
        "opening",
    }
    told = hear(module, clear, packet(PVVX))
    assert told.values[0]["opening"] is False


def test_a_scan_knows_it_by_its_own_address() -> None:
    """Others use the same UUID; one that names itself is sure."""
    found = recognise(packet(PVVX))
    assert found is not None
    assert (found.is_proof, found.keys["address"]) == (True, ADDRESS)
    sealed = recognise(packet(SEALED))
    assert sealed is not None
    assert not sealed.is_proof
    assert recognise(packet("00" * 15)) is None
    assert recognise(said(ADDRESS)) is None
