"""What every live test begins with: a house, and a cloud."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.live.cloud import Cloud, open_cloud
from tests.live.daemon import House, house_in


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_in(tmp_path) as house:
        yield house


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with open_cloud() as cloud:
        yield cloud
