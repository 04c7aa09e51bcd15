"""TUIDs: what they say, and those of our own."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingsee.codec import TUID
from gatewayd.clouds.thingsee.tuid import (
    DEVICE_PREFIX,
    GATEWAY_PREFIX,
    PRODUCTS,
    is_gateway,
    make_tuid,
    product_of,
    read_qr,
)


def test_a_tuid_of_our_own_is_always_the_same() -> None:
    """Seventeen letters and digits, another for another name."""
    tuid = make_tuid(DEVICE_PREFIX, "gw/boiler")
    assert tuid == make_tuid(DEVICE_PREFIX, "gw/boiler") != make_tuid(DEVICE_PREFIX, "gw/hall")
    assert len(tuid) == 17
    assert TUID.fullmatch(tuid)


def test_our_prefixes_are_nobody_elses() -> None:
    """No prefix is of two products."""
    prefixes = [prefix for each in PRODUCTS.values() for prefix in each]
    assert len(prefixes) == len(set(prefixes))


def test_a_product_is_known_by_its_first_letters() -> None:
    """An unknown one has none."""
    assert product_of("TSPR04E2O90201558") == "Presence"
    assert product_of("ZZZZ") == ""
    assert is_gateway("TSGW06EWK14800496")
    assert is_gateway(make_tuid(GATEWAY_PREFIX, "x"))
    assert not is_gateway("TSPR04E2O90201558")


@pytest.mark.parametrize(
    "text", ["TSPR04E2O90201558", "https://thingsee.com/d/TSPR04E2O90201558\n"]
)
def test_a_label_is_read(text: str) -> None:
    """With or without the address around it."""
    assert read_qr(text) == "TSPR04E2O90201558"


@pytest.mark.parametrize("text", ["", "TSPR04", "https://example.com/d/TSPR04E2O90201558"])
def test_another_label_is_none(text: str) -> None:
    """Nothing is guessed."""
    assert read_qr(text) is None
