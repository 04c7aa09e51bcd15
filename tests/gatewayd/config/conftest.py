"""A configuration file to write, and a cloud to name in it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import gatewayd.clouds
from tests.gatewayd.config.written import Check, check_in

CLOUD = """
from collections.abc import Mapping
from dataclasses import dataclass, field

from gatewayd.fields import Secret, Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    id: str
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    host: str
    api_key: Secret
    report_interval: Seconds = 60.0
    sensors: Mapping[str, Name] = field(default_factory=dict)
    actuators: Mapping[str, Name] = field(default_factory=dict)


def subscription(config, channels):
    return frozenset(config.sensors) | frozenset(config.actuators)
"""


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Write a text to a file that only its owner can read, and return what is said of it."""
    return check_in(tmp_path)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[str]:
    """Put a cloud of the kind `nimbus` beside the real ones."""
    folder = tmp_path / "clouds" / "nimbus"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "link.py").write_text(CLOUD)
    gatewayd.clouds.__path__.append(str(tmp_path / "clouds"))
    importlib.invalidate_caches()
    yield "nimbus"
    gatewayd.clouds.__path__.remove(str(tmp_path / "clouds"))
