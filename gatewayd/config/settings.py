"""What a checked configuration is made of. The sections' dataclasses are also their schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Literal

from gatewayd.card import WRITES, Endurance
from gatewayd.driver import Driver
from gatewayd.fields import Seconds, Secret, Size
from gatewayd.model import Channel
from gatewayd.output import Limits
from gatewayd.routes import Route
from gatewayd.totals import SAVE_S
from gatewayd.tuning import Tuning

EVERY_S = 10.0
"""How often a device is asked: quick enough to watch, slow enough for any wire and any card."""

TIMEOUT_S = 10.0
"""How long one read may take. The slowest sensors known here need 5 s."""

ACTUATOR_S = 2.0
"""How long one write with its read-back may take. Relays answer within milliseconds; until one did,
nobody knows what it does, and the safe write waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """`[gateway]`: who this is and where it keeps its files.

    Attributes:
        id: what clouds know it by; empty in the file means the first wired MAC, 12 hex digits.
        name: for people; empty in the file means the host's name.
        runtime_dir: a tmpfs for the outbox's hot tier and the control socket; None when there
            is none, then the hot tier is memory.
        allow: what a cloud may do to the machine; nothing unless it is named here.
    """

    id: str = ""
    name: str = ""
    state_dir: Path = Path("/var/lib/gatewayd")
    runtime_dir: Path | None = None
    allow: tuple[Literal["restart", "reboot", "poweroff"], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSettings:
    """`[clock]`: what to do with readings while nobody knows the time.

    They `wait` in the outbox, to be dated right at the first synchronisation, or go out at once,
    `mark`ed UNCERTAIN, each channel's in order. Waiting is the default: a cloud never forgets a
    wrong date.
    """

    unsynchronised: Literal["wait", "mark"] = "wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxSettings:
    """`[outbox]`: how much is kept for clouds that do not answer, and how safely.

    Attributes:
        commit_interval_max: how far commits may be spaced out to keep to the card's budget; None
            = not at all. A power cut loses at most this much.
        card: the size of the card; None = no budget.
        card_writes: how often it can be written from end to end.
        years: how long it shall last.
    """

    commit_interval: Seconds = 1.0
    size_max: Size = 512 * 2**20
    age_max: Seconds = 30 * 86400.0
    commit_interval_max: Seconds | None = None
    card: Size | None = None
    card_writes: int = WRITES
    years: float = 10.0

    @property
    def endurance(self) -> Endurance | None:
        """The card's budget, or None."""
        return None if self.card is None else Endurance(self.card, self.card_writes, self.years)


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsSettings:
    """`[totals]`: how often the totals of counters are brought to the card."""

    save: Seconds = SAVE_S


RoleName = Literal["read", "operate", "administer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleToken:
    """`[console.tokens.NAME]`: what one script may do; commands carry NAME as their origin."""

    role: RoleName
    token: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """`[console]`: the page and the local API, on `host:port`; none without `listen`.

    Attributes:
        password: opens the page, with `password_role`.
        tokens: for scripts, each with a role of its own.
        certificate_file, key_file: PEM; with them the console speaks HTTPS and nothing else.
    """

    listen: str | None = None
    password: Secret | None = None
    password_role: RoleName = "administer"  # noqa: S105  # A role, not a password.
    tokens: Mapping[str, ConsoleToken] = field(default_factory=dict)
    certificate_file: Path | None = None
    key_file: Path | None = None

    @property
    def is_guarded(self) -> bool:
        """Whether anybody is asked who he is."""
        return self.password is not None or bool(self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSettings:
    """`[device.NAME]`: one device, its driver's own keys in `config`.

    `channels`, `tunings` and `limits` go by the channels' local names; outputs have limits,
    sensors may have a tuning. The channels are those that the world sees: tuned, and with those
    that are made of others (`tuning.declared`, `tuning.derived`). `every` means nothing to a
    device that speaks unasked, `quiet_max` nothing to one that is asked.
    """

    name: str
    driver: Driver
    config: object
    channels: tuple[Channel, ...]
    every: float = EVERY_S
    timeout: float = TIMEOUT_S
    quiet_max: float | None = None
    tunings: Mapping[str, Tuning] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkSettings:
    """`[uplink.NAME]`: one cloud account, the cloud's own keys in `config`."""

    name: str
    kind: str
    cloud: ModuleType
    config: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration, checked.

    `ports` holds the keys that the file gives for each `[port.NAME]`, without defaults: a driver
    knows better what its device speaks. `lost` is empty in a file without mistakes: the devices
    with outputs that are left out of `devices`, each with the reason. `text` is the file as it
    was when it was read; it may have been edited since.
    """

    gateway: Gateway
    clock: ClockSettings
    outbox: OutboxSettings
    console: Console
    ports: Mapping[str, Mapping[str, object]]
    devices: Mapping[str, DeviceSettings]
    uplinks: Mapping[str, UplinkSettings]
    routes: tuple[Route, ...] = ()
    totals: TotalsSettings = TotalsSettings()
    lost: Mapping[str, str] = field(default_factory=dict)
    text: str = field(default="", repr=False, compare=False)
