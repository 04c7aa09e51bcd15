"""Queries that the client itself would not make."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gatewayd.clouds.thingplus.query import Pairs
from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.rest_errors import ThingPlusError


@dataclass(frozen=True)
class Words:
    """Names and values as they are."""

    words: Pairs

    def pairs(self, path: tuple[str, ...] = ()) -> Pairs:
        return self.words


async def refusal_of(api: Rest, path: str, *words: tuple[str, str]) -> str:
    """Return the code of the error that a path with these words is refused with."""
    with pytest.raises(ThingPlusError) as caught:
        await api._calls.get(path, Words(list(words)))
    assert caught.value.status == 400
    return caught.value.code
