"""Encrypted advertisements: AES-128-CCM, and counters that may not go back.

Source: NIST SP 800-38C; the formats that use it say their nonce.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gatewayd.errors import ConfigError, Malformed
from gatewayd.fields import Secret

MIC_BYTES = 4


class Unopened(Malformed):
    """A packet that the key does not open, or that should be encrypted and is not, or is."""


class Replayed(Malformed):
    """A packet that was opened, and is older than the newest."""


def check_key(key: Secret | None) -> None:
    """Find a key that is none, without showing it.

    Raises:
        ValueError: not 32 hex digits.
    """
    if key is not None and not re.fullmatch(r"[0-9a-fA-F]{32}", key.reveal().strip()):
        raise ValueError("key must be 32 hex digits (16 bytes)")


def open_sealed(key: Secret, nonce: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
    """Return what was sealed.

    Args:
        sealed: the ciphertext, and after it the check value of 4 bytes.

    Raises:
        Unopened: the key does not fit, or the packet is garbled.
        ConfigError: the package is not installed.
    """
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESCCM
    except ModuleNotFoundError as error:
        raise ConfigError("encrypted tags need: pip install 'gatewayd[ble]'") from error
    if len(sealed) <= MIC_BYTES:
        raise Malformed("an encrypted packet that is too short")
    try:
        cipher = AESCCM(bytes.fromhex(key.reveal().strip()), tag_length=MIC_BYTES)
        return cipher.decrypt(nonce, sealed, associated)
    except InvalidTag as error:
        raise Unopened("the key does not open its packets; is it this device's?") from error


@dataclass(slots=True)
class Counter:
    """The newest counter of a device, so that a recorded packet is not believed again.

    A counter of few bits comes round; then the newer half of its circle counts as ahead.
    """

    bits: int = 32
    _newest: int | None = None

    def accept(self, count: int) -> None:
        """Take the counter of a packet that was opened; the newest may come again (a repeat).

        Raises:
            Replayed: it went back: a replay, or a device with a new battery.
        """
        if self._newest is not None:
            ahead = (count - self._newest) % (1 << self.bits)
            if ahead >= 1 << (self.bits - 1):
                raise Replayed(f"its counter went back from {self._newest} to {count}: a replay?")
        self._newest = count
