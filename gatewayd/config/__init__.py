"""TOML into checked settings; every problem at once, with line, column and the nearest right word.

Strategy: the text is parsed by tomllib; a syntax error ends it there, because whatever follows
would be guesswork. Values from the environment are laid over it, then each section is filled into
a dataclass (`shapes`), drivers and clouds bringing their own. Mistakes go to one `Report`, which
knows where every key stands; what has mistakes is read on provisionally, so that all of them are
found. Last come the checks across sections.

This package imports nothing heavy: pydantic comes with the first `load`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayd.config.problems import ConfigInvalid, Problem

if TYPE_CHECKING:
    from gatewayd.config.reader import Part
    from gatewayd.config.settings import DeviceSettings, Settings, UplinkSettings

__all__ = [
    "ConfigInvalid",
    "DeviceSettings",
    "Problem",
    "Settings",
    "UplinkSettings",
    "inspect",
    "load",
    "salvage",
]


def load(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a file without mistakes; warnings are passed over.

    Raises:
        ConfigInvalid: with all its problems.
    """
    settings, problems = inspect(path, environ)
    if settings is None:
        raise ConfigInvalid(problem for problem in problems if not problem.is_warning)
    return settings


def inspect(
    path: Path, environ: Mapping[str, str] | None = None
) -> tuple[Settings | None, list[Problem]]:
    """Return the settings, None if there are mistakes, and all problems, warnings too."""
    settings, problems = salvage(path, environ)
    is_good = all(problem.is_warning for problem in problems)
    return settings if is_good else None, problems


def salvage(
    path: Path, environ: Mapping[str, str] | None = None, part: Part | None = None
) -> tuple[Settings | None, list[Problem]]:
    """Return whatever could be understood of a file, and all problems.

    For the verb `safe`, which must find the outputs also when some cloud's key is missing, and
    for verbs that only look for the control socket. Devices with outputs that could not be
    understood are in `Settings.lost`. None if the file cannot be read or is not even TOML.

    Args:
        part: chooses what is read, see parts; None = all.
    """
    from gatewayd.config.reader import read

    return read(path, os.environ if environ is None else environ, part)


def __getattr__(name: str) -> object:
    # The dataclasses by their short address, without their imports for those who need none.
    if name in ("DeviceSettings", "Settings", "UplinkSettings"):
        from gatewayd.config import settings

        return getattr(settings, name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
