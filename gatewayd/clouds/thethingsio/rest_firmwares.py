"""Firmware of a thing: which there is, and downloading it into a file.

It is kept, never run. A download that broke goes on where it broke, if the cloud can do that: what
is there of it stands in `NAME.part`, and beside it, in `NAME.etag`, which content that is, under
the boot that wrote it. Without it, or with another, it begins anew: what the power cut off may be
zeros.

Source: thethings.iO API reference, "Firmwares"; RFC 9110, Range and If-Range.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gatewayd.clock import SystemClock
from gatewayd.clouds.json_fields import Json, needed, text
from gatewayd.clouds.thethingsio.rest_errors import content_of
from gatewayd.errors import ConfigError, LinkLost, Malformed
from gatewayd.small_files import make_folder
from gatewayd.transports.http import Http, Request, Stream

T = TypeVar("T")

SIZE_MAX = 64 * 1024 * 1024
"""A micro-controller's program is smaller by far; an SD card should not be filled with more."""

NAME_LETTERS_MAX = 100
SILENCE_S = 30.0
ETAG_BYTES_MAX = 256
_CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")


@dataclass(frozen=True, slots=True)
class Firmware:
    """A program for one micro-controller."""

    id: str
    version: str
    mcu: str = ""
    name: str = ""

    @classmethod
    def of(cls, record: Json) -> Firmware:
        """Return what the cloud says of one. Raises Malformed."""
        return cls(
            needed(record, "_id"),
            text(record, "version"),
            text(record, "mcu"),
            text(record, "name"),
        )

    @property
    def file_name(self) -> str:
        """A name of letters, digits, - and _ and single dots, whatever the cloud says."""
        words = (self.mcu, self.version, self.name, self.id)
        name = "-".join(re.sub(r"[^A-Za-z0-9_]+", "_", word).strip("_") for word in words if word)
        return f"{name[:NAME_LETTERS_MAX] or 'firmware'}.bin"


async def download(http: Http, path: str, firmware: Firmware, folder: Path) -> Path:
    """Download into a folder and return the whole file, mode 0600, on the disk.

    Raises:
        NotFound: the cloud has no such firmware for this thing.
        LinkLost: it broke; what has come stays, and the next call goes on from there.
        Malformed: it is larger than `SIZE_MAX`, or not the part that was asked for.
        ConfigError: the folder cannot be written.
    """
    target = folder / firmware.file_name
    part = _Part(target)
    headers = await _on_disk(part.resuming)
    async with http.stream(Request("GET", path, headers), SILENCE_S) as stream:
        is_past_end = stream.status == 416 and part.size > 0
        if not is_past_end:
            if stream.status not in (200, 206):
                content_of(await stream.whole())
                raise Malformed(f"thethings.iO answers a download with {stream.status}")
            await _take(stream, part)
    if is_past_end:  # What is here is not of the cloud's content. The next request is without it.
        await _on_disk(part.forget)
        return await download(http, path, firmware, folder)
    await _on_disk(part.finish)
    return target


class _Part:
    """The part of a file that has come; every method works on the disk and raises ConfigError."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._file = target.with_name(target.name + ".part")
        self._etag = target.with_name(target.name + ".etag")
        self._boot = SystemClock().boot_id()
        self.size = 0

    def resuming(self) -> dict[str, str]:
        """Return the headers that ask for the rest."""
        with _translated(self._target):
            make_folder(self._target.parent)
            if not (self._etag.exists() and self._file.exists()):
                return {}
            with self._etag.open(encoding="ascii", errors="replace") as file:
                boot, _, etag = file.read(2 * ETAG_BYTES_MAX).partition("\n")
            if boot != self._boot:
                return {}
            self.size = self._file.stat().st_size
        return {"Range": f"bytes={self.size}-", "If-Range": etag} if self.size else {}

    def begin(self, etag: str) -> None:
        """Forget what there is; what comes now is this content."""
        with _translated(self._target):
            self.forget()
            if 0 < len(etag) <= ETAG_BYTES_MAX and etag.isascii() and not etag.startswith("W/"):
                self._etag.write_text(f"{self._boot}\n{etag}", encoding="ascii")
            self.size = 0

    def add(self, data: bytes) -> None:
        """Append bytes."""
        with _translated(self._target):
            number = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(number, "ab") as file:
                file.write(data)
        self.size += len(data)

    def forget(self) -> None:
        """Delete the part."""
        self._file.unlink(missing_ok=True)
        self._etag.unlink(missing_ok=True)

    def finish(self) -> None:
        """Make the part the file."""
        with _translated(self._target):
            self.add(b"")
            with self._file.open("rb") as file:
                os.fsync(file.fileno())
            self._file.replace(self._target)
            self._etag.unlink(missing_ok=True)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Name what the disk says about a file."""
    try:
        yield
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error


async def _take(stream: Stream, part: _Part) -> None:
    """Write what a stream brings."""
    whole_size = None
    if stream.status == 206:
        match = _CONTENT_RANGE.fullmatch(stream.headers.get("content-range", ""))
        if match is None or int(match[1]) != part.size:
            raise Malformed("thethings.iO sends another part of the firmware than was asked for")
        whole_size = None if match[3] == "*" else int(match[3])
    else:
        await _on_disk(lambda: part.begin(stream.headers.get("etag", "")))
    async for chunk in stream.chunks():
        if part.size + len(chunk) > SIZE_MAX:
            await _on_disk(part.forget)
            raise Malformed(f"a firmware of more than {SIZE_MAX} bytes")
        await _on_disk(lambda chunk=chunk: part.add(chunk))  # type: ignore[misc]  # Bound now.
    if whole_size is not None and part.size != whole_size:
        raise LinkLost(f"{part.size} bytes of {whole_size} have come")


async def _on_disk(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)
