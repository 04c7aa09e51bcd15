"""The catalogue: complete, and consistent with itself."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingplus.sandbox.catalogue import Catalogue

CATALOGUE = Catalogue()


def test_every_sensor_model_has_a_known_type() -> None:
    """And it is of its driver's category."""
    for driver in CATALOGUE.sensor_drivers.values():
        for model, (type,) in driver["dataTypes"].items():
            assert type in CATALOGUE.sensor_types, model
            assert CATALOGUE.sensor_types[type]["category"] == driver["category"], model
        assert driver["onChange"].keys() <= set(driver["models"])


def test_the_published_types_are_there() -> None:
    """Some with a unit, a range, an event, commands."""
    types = CATALOGUE.sensor_types
    assert (types["temperature"]["min"], types["temperature"]["max"]) == (-273, 300)
    assert types["motion"]["event"] is True
    assert types["location"]["valueType"] == "object"
    assert set(types["powerSwitch"]["commands"]) == {"on", "off"}
    assert len(types) == 79
    assert CATALOGUE.is_actuator("led")
    assert not CATALOGUE.is_actuator("temperature")
    assert CATALOGUE.is_number("count")
    assert not CATALOGUE.is_number("string")


@pytest.mark.parametrize(
    ("gateway", "model", "fits"),
    [
        ("b827eb000001", "34", True),
        ("B827EB000001", "34", False),
        ("b8:27:eb:00:00:01", "34", False),
        ("b827eb00001", "34", False),
        ("0123456789abcdef0123456789abcdef", "52", True),
        ("b827eb000001", "52", False),
        ("any-name.here_~", "32", True),
        ("no spaces", "32", False),
    ],
)
def test_an_id_has_the_form_of_its_model(gateway: str, model: str, fits: bool) -> None:
    """A MAC, a UUID, or what the owner likes within RFC 3986."""
    assert CATALOGUE.is_gateway_id(gateway, model) is fits


def test_a_type_has_a_driver() -> None:
    """The first that serves it; an unknown one is a number."""
    assert CATALOGUE.guess_traits("powerSwitch")["driverName"] == "jsonrpcActuator"
    assert CATALOGUE.guess_traits("nonsense")["model"] == "jsonrpcNumber"
