"""How drivers are found, and what their docstrings give."""

from __future__ import annotations

from types import ModuleType

import pytest

from gatewayd.driver import Driver, driver_kinds, is_output, load_driver
from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel

DOC = """A thermometer.

Channels:
    temperature (Cel)

Example:

    [device.attic]
    driver = "thing"

    [device.attic.more]
    key = 1

Source: none.
    key = 2
"""


def _module(doc: str | None) -> ModuleType:
    module = ModuleType("thing", doc)
    vars(module).update(Config=object, describe=tuple, open_driver=print)
    return module


def test_a_drivers_file_is_its_registration() -> None:
    """`drivers/i2c/bme280.py` is `bme280`; packages' own files are none."""
    assert driver_kinds()["bme280"] == "drivers.i2c.bme280"
    assert not any(kind.startswith("_") for kind in driver_kinds())


def test_an_unknown_kind_is_a_mistake_of_the_file() -> None:
    """Told by name."""
    with pytest.raises(ConfigError, match="'bme281'"):
        load_driver("bme281")


def test_an_incomplete_module_is_told_what_it_lacks() -> None:
    """The author of a driver learns it at once."""
    with pytest.raises(ConfigError, match=r"thing is incomplete: .*Config"):
        Driver.of("thing", ModuleType("thing"))


def test_the_example_is_the_toml_of_the_docstring() -> None:
    """Without its indentation, up to the next section."""
    assert Driver.of("thing", _module(DOC)).example() == (
        '[device.attic]\ndriver = "thing"\n\n[device.attic.more]\nkey = 1\n'
    )


@pytest.mark.parametrize("doc", [None, "A thermometer.", "A thing.\n\nExample: none.\n"])
def test_without_an_example_there_is_none(doc: str | None) -> None:
    """Nothing is made up."""
    assert Driver.of("thing", _module(doc)).example() == ""


def test_an_output_is_what_is_written() -> None:
    """And nothing else."""
    assert is_output(Channel("relay", "switch", access=Access.WRITE))
    assert not is_output(Channel("temperature", "temperature"))
