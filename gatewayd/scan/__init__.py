"""What is attached, what it probably is and why, and the TOML that would use it.

One file a wire, `gatewayd/scan/<wire>.py`, found by its name. It has

    find(view) -> async iterator of Found     what it finds, as it finds it

Drivers say how their device is known (`recognise`, see `gatewayd.driver`); this package knows no
device. A scan changes nothing on a device, and what one wire refuses does not stop another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from gatewayd.driver import Driver, Evidence, driver_kinds, load_driver
from gatewayd.errors import ConfigError
from gatewayd.ports import Ports


@dataclass(frozen=True, slots=True)
class Guess:
    """One driver that knows the device, why, and the section that would use it."""

    driver: str
    evidence: Evidence
    section: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """Something at one place of a wire.

    Attributes:
        place: where: `i2c:1 0x76`, a path, an address.
        guesses: what it may be, proofs first; empty where nobody knows it.
        is_output: it switches something, so that its owner must say what is safe.
        remark: what else a person should know: owned by the kernel, in use, no right to look.
    """

    wire: str
    place: str
    guesses: tuple[Guess, ...] = ()
    remark: str = ""
    is_output: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What a scan looks at, and how it tells where it is.

    Attributes:
        used: wires that are in the configuration already, by port and address, with the device.
        tell: shows one line of progress.
        root: the root of /sys and /dev; another one in tests.
        patience_s: how long to listen to what speaks unasked.
        answer_s: for the answer to a question; the slowest known needs a third of a second.
        slaves: the highest number of a Modbus device that is asked.
    """

    ports: Ports
    used: Mapping[tuple[str, object], str] = field(default_factory=dict)
    tell: Callable[[str], None] = lambda line: None
    root: Path = Path("/")
    patience_s: float = 12.0
    answer_s: float = 1.0
    slaves: int = 10


@cache
def drivers_on(wire: str) -> tuple[Driver, ...]:
    """Return the drivers of a wire whose devices can be found; one that needs a package that is
    not installed is passed over.
    """
    found = []
    for kind, module in driver_kinds().items():
        if module.split(".")[-2:-1] == [wire]:
            try:
                driver = load_driver(kind)
            except ConfigError:
                continue
            if driver.recognise is not None or "FAMILY" in driver.scan:
                found.append(driver)
    return tuple(found)


def ranked(guesses: list[Guess]) -> tuple[Guess, ...]:
    """Return the proofs if there are any, else the hints."""
    proofs = tuple(guess for guess in guesses if guess.evidence.is_proof)
    return proofs or tuple(guesses)
