"""Names in paths stay names."""

from __future__ import annotations

import pytest

from gatewayd.clouds.places import place


def test_an_id_never_becomes_a_path() -> None:
    """Slashes and question marks in an id stay in it."""
    assert place("gateways", "a/../b?c=d e") == "/gateways/a%2F..%2Fb%3Fc%3Dd%20e"


@pytest.mark.parametrize("id", ["", ".", ".."])
def test_an_id_that_would_climb_is_refused(id: str) -> None:
    """Dots alone and nothing at all lead to other records."""
    with pytest.raises(ValueError, match="id"):
        place("gateways", id)
