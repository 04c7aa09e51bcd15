"""Everything that can go wrong, and whose turn it is to act.

```
GatewayError
├── ConfigError             the owner must act; exit 78, no restart
├── DeviceError             carries the Quality it becomes
│   ├── DeviceAbsent        nobody answered
│   ├── DeviceTimeout       answered too late
│   └── DeviceFault         answered nonsense
├── LinkError
│   ├── LinkLost            reopen, with back-off
│   ├── LinkDenied          credentials or rights; slowly, loudly
│   ├── Throttled           carries retry_after_s
│   └── BatchRefused        carries the seqs, if the cloud named them
├── Malformed               the peer's bytes break its own protocol
├── WrongUsage              what was typed means nothing here; exit 2
├── NoDaemon                a verb needs the running daemon, and there is none; exit 69
└── OutboxError             the log cannot be written
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from gatewayd.model import Quality


class GatewayError(Exception):
    """The root of all that gatewayd raises on purpose."""


class ConfigError(GatewayError):
    """The owner must edit the configuration; nothing restarts until then."""


class DeviceError(GatewayError):
    """A device gave no usable value; the sampler publishes the reason and tries again."""

    quality: ClassVar[Quality] = Quality.FAULT


class DeviceAbsent(DeviceError):
    """Nobody answered; someone may have to look at the cable."""

    quality = Quality.ABSENT


class DeviceTimeout(DeviceError):
    """An answer came too late or not at all; after a write, the output's state is unknown."""

    quality = Quality.TIMEOUT


class DeviceFault(DeviceError):
    """The device answered nonsense: wrong identity, bad checksum, impossible value."""

    quality = Quality.FAULT


class LinkError(GatewayError):
    """Something between this gateway and a cloud."""


class LinkLost(LinkError):
    """The connection is gone; the supervisor opens a new one, with back-off."""


class LinkDenied(LinkError):
    """Credentials or rights are wrong; tried again slowly, and somebody must be told."""


class Throttled(LinkError):
    """The cloud asks to slow down; the drain waits and sends the same batch again."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BatchRefused(LinkError):
    """The cloud will never take these rows; they are recorded as rejected and skipped.

    `seqs` names them; empty means that the cloud did not say which, and the drain halves.
    """

    def __init__(self, message: str, seqs: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.seqs = tuple(seqs)


class Malformed(GatewayError):
    """The peer's bytes break its own protocol; counted and skipped, or the link is reopened."""


class WrongUsage(GatewayError):
    """What was typed with a verb means nothing here; its user types something else."""


class NoDaemon(GatewayError):
    """A verb needs the running daemon and nobody answers; someone has to start it."""


class OutboxError(GatewayError):
    """The log cannot be written; commands and safety go on, the operator is told."""
