"""The words that open one server, in a file that only its owner can read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from gatewayd.errors import ConfigError
from gatewayd.small_files import write_private

RING_BYTES_MAX = 16 * 1024
"""A token file larger than this was not written here."""


class KeyRing:
    """Named words, such as tokens, of one server.

    Characteristics: bound to one base address, so that nothing is ever sent elsewhere ·
    replaced atomically and synced · not locked: the last writer wins.
    """

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self._url = url.rstrip("/")

    def read(self) -> dict[str, str]:
        """Return the words, none where there are none for this server.

        Raises:
            ConfigError: the file is there and cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                kept: object = orjson.loads(file.read(RING_BYTES_MAX))
        except FileNotFoundError:
            return {}
        except (OSError, orjson.JSONDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it holds no token"
            raise ConfigError(f"cannot read the token file {self.path}: {reason}") from error
        if not isinstance(kept, dict) or kept.get("url") != self._url:
            return {}
        return {name: word for name, word in kept.items() if isinstance(word, str)}

    def write(self, words: Mapping[str, str]) -> None:
        """Keep these words and no others, mode 0600, on the disk when this returns.

        Raises:
            ConfigError: the folder cannot be written.
        """
        write_private(self.path, orjson.dumps({"url": self._url, **words}))

    def forget(self) -> bool:
        """Delete the file; return whether there was one."""
        was_there = self.path.exists()
        self.path.unlink(missing_ok=True)
        return was_there
