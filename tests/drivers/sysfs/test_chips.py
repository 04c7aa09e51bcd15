"""The table of known chips."""

from __future__ import annotations

import pytest

from drivers.sysfs._chips import CHIPS, chip_of
from drivers.sysfs._quantities import channel_of, local_name, quantity_of


@pytest.mark.parametrize("name", CHIPS)
def test_every_known_chip_has_channels_of_known_quantities(name: str) -> None:
    """Each of its own name, each with a range; a range for a kind that the chip has."""
    chip = CHIPS[name]
    assert chip.channels
    assert len({local_name(each) for each in chip.channels}) == len(chip.channels)
    kinds = {quantity_of(each).kind for each in chip.channels}
    assert chip.limits.keys() <= kinds
    for each in chip.channels:
        channel = channel_of(local_name(each), each, chip.limits.get(quantity_of(each).kind))
        assert channel.minimum is not None
        assert channel.maximum is not None
        assert channel.minimum < channel.maximum


def test_nothing_is_known_of_an_unknown_chip() -> None:
    """Its owner lists its channels."""
    assert chip_of("ens160").channels == ()
