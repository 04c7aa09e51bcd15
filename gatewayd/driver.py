"""The driver contract: what a file in `drivers/` must offer, and how it is found.

A driver is one module, `drivers/<wire>/<kind>.py`; its name is its registration. It has

    Config                          a frozen dataclass: the keys of its `[device.NAME]` section
    describe(config) -> channels    pure: what this device will measure or set
    open_driver(config, ports)      an async context manager that proves the device is what it
                                    should be and yields a Sensor, a Listener or an Actuator

and a docstring: one line of what it is, `Channels:` with their units, `Example:` with the TOML that
uses it, `Tested:` (how, in a line), `Source:` (data sheet, section), and `Identity:` where the
device can prove what it is.
It knows neither clock, loop, bus, logger, retry nor registration. It tries once and raises.

A driver whose device can be found without being named may also say how a scan knows it. What
`recognise` is given depends on the wire, and it never changes anything on the device:

    i2c       ADDRESSES, and  async recognise(bus, address) -> Evidence | None
    modbus    LINE (baudrate, parity, …), and  async recognise(slave) -> Evidence | None
    serial    LINE, QUESTION (empty: it speaks unasked), and  recognise(heard) -> Evidence | None
    ble       recognise(advertisement) -> Evidence | None
    onewire   FAMILY, the first byte of its number
    hid       recognise(found) -> Evidence | None
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple, Protocol, runtime_checkable

from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel, Measurement, Value

ENTRY_POINTS = "gatewayd.drivers"

SCAN_KEYS = ("ADDRESSES", "LINE", "QUESTION", "FAMILY")


@runtime_checkable
class Sensor(Protocol):
    """A device that is asked."""

    async def read(self) -> Sequence[Measurement]:
        """Return one measurement for each channel, in one go.

        Raises:
            DeviceError: no usable answer. The port stays usable, also after a cancellation.
        """
        ...


@runtime_checkable
class Listener(Protocol):
    """A device that speaks unasked."""

    def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield what the device says, as it says it; an unreadable frame is skipped and counted.

        Raises:
            DeviceError: the device or its wire is gone.
        """
        ...


@runtime_checkable
class Actuator(Protocol):
    """A device that is written; only its keeper does."""

    async def write(self, channel: str, value: Value) -> None:
        """Set one output. On return the device has taken the value.

        Raises:
            DeviceTimeout: nobody can say whether it did.
            DeviceError: it did not.
        """
        ...

    async def read_back(self, channel: str) -> Value | None:
        """Return what the hardware itself says the output is, or None where it cannot say.

        Raises:
            DeviceError: it should be able to say, and did not.
        """
        ...


@runtime_checkable
class Resettable(Protocol):
    """A device that its driver can reset besides; done when opening it again did not help."""

    async def reset(self) -> None:
        """Bring the device itself back to its beginning, as switching it off and on would.

        Raises:
            DeviceError: it did not take it.
        """
        ...


class Evidence(NamedTuple):
    """Why a scan believes that a device of this kind is there.

    Attributes:
        words: what was seen, in a few words: `id register 0xD0 says 0x60`.
        is_proof: true where nothing else would have said so; an address alone is a hint.
        keys: keys of the device's section that were found out, such as `{"chip": "bmp280"}`.
    """

    words: str
    is_proof: bool
    keys: Mapping[str, object] = MappingProxyType({})


Opener = Callable[[Any, Any], AbstractAsyncContextManager[Sensor | Listener | Actuator]]


@dataclass(frozen=True, slots=True)
class Driver:
    """One driver module, checked once for the three things that it must offer."""

    kind: str
    config: type
    describe: Callable[[Any], tuple[Channel, ...]]
    open: Opener
    doc: str
    recognise: Callable[..., Any] | None = None
    scan: Mapping[str, Any] = field(default_factory=dict)
    """Where and how to look for it: ADDRESSES, LINE, QUESTION, FAMILY, as far as it has them."""

    @classmethod
    def of(cls, kind: str, module: ModuleType) -> Driver:
        """Return the driver in a module.

        Raises:
            ConfigError: the module does not keep the contract.
        """
        try:
            return cls(
                kind,
                module.Config,
                module.describe,
                module.open_driver,
                module.__doc__ or "",
                getattr(module, "recognise", None),
                {name: getattr(module, name) for name in SCAN_KEYS if hasattr(module, name)},
            )
        except AttributeError as error:
            raise ConfigError(f"driver {kind} is incomplete: {error}") from error

    def example(self) -> str:
        """Return the TOML under `Example:` in the module's docstring, empty where there is none."""
        return _example_in(self.doc)

    def told(self, section: str) -> str:
        """Return what the docstring says under `Tested:`, `Source:` …, empty where it does not."""
        text = re.search(rf"^{section}:[ ]*(.*(?:\n(?![A-Z]\w*:|\n).*)*)", self.doc, re.MULTILINE)
        return " ".join(text[1].split()) if text else ""


def driver_kinds() -> dict[str, str]:
    """Return every known driver kind with its module name, imported or not."""
    kinds: dict[str, str] = {}
    spec = importlib.util.find_spec("drivers")
    for root in spec.submodule_search_locations or () if spec else ():
        for file in sorted(Path(root).glob("*/*.py")):
            if not file.stem.startswith("_"):
                kinds[file.stem] = f"drivers.{file.parent.name}.{file.stem}"
    for point in entry_points(group=ENTRY_POINTS):
        kinds.setdefault(point.name, point.value)
    return kinds


def load_driver(kind: str) -> Driver:
    """Import the driver of that kind and return it.

    Raises:
        ConfigError: there is none of that name, or a package that it needs is not installed.
    """
    module_name = driver_kinds().get(kind)
    if module_name is None:
        raise ConfigError(f"no driver is called {kind!r}")
    try:
        return Driver.of(kind, importlib.import_module(module_name))
    except ModuleNotFoundError as error:
        raise ConfigError(f"driver {kind} needs the package {error.name}") from error


def read_example(kind: str) -> str:
    """Return a driver's example from its file, without importing it; empty where there is none."""
    try:
        spec = importlib.util.find_spec(driver_kinds().get(kind, ""))
        text = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    except (ValueError, ImportError, OSError):
        return ""
    return _example_in(text)


def _example_in(text: str) -> str:
    block = re.search(r"^Example:\n((?:[ ].*\n|\n)+)", text, re.MULTILINE)
    return dedent(block[1]).strip() + "\n" if block else ""


def is_output(channel: Channel) -> bool:
    """Return whether a channel is written rather than read."""
    return channel.access is Access.WRITE
