"""Firmware against the sandbox: which there is, whole downloads, broken ones, hostile ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio import rest_firmwares
from gatewayd.clouds.thethingsio.rest_errors import NotFound
from gatewayd.clouds.thethingsio.rest_firmwares import Firmware
from gatewayd.clouds.thethingsio.rest_things import Thing
from gatewayd.clouds.thethingsio.sandbox import Sandbox
from gatewayd.errors import ConfigError, LinkLost, Malformed
from gatewayd.sandbox.faults import RestFault
from tests.clouds.thethingsio.rest.scene import FIRMWARE

TEN = Firmware("fw-10", "10", "main", "../../etc/passwd")
ETAG = f'"{hashlib.sha256(FIRMWARE).hexdigest()[:16]}"'


def broken(folder: Path, part: bytes, etag: str = ETAG, boot: str = "") -> None:
    """Leave in a folder what a download leaves that broke."""
    folder.mkdir(exist_ok=True)
    (folder / f"{TEN.file_name}.part").write_bytes(part)
    (folder / f"{TEN.file_name}.etag").write_text(f"{boot or SystemClock().boot_id()}\n{etag}")


async def test_the_latest_of_every_micro_controller_is_told(thing: Thing) -> None:
    """10 is newer than 9, and another product's firmware is none of ours."""
    assert await thing.firmwares() == (TEN,)


async def test_firmware_of_an_unknown_thing_is_not_found(stranger: Thing) -> None:
    """404."""
    with pytest.raises(NotFound):
        await stranger.firmwares()


async def test_a_download_is_one_private_file_that_cannot_be_run(
    thing: Thing, tmp_path: Path
) -> None:
    """Its name stays in the folder, whatever the cloud calls it; nothing else is left."""
    folder = tmp_path / "new"
    file = await thing.download(TEN, folder)
    assert file == folder / "main-10-etc_passwd-fw_10.bin"
    assert file.read_bytes() == FIRMWARE
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(folder.iterdir()) == [file]


async def test_an_unknown_firmware_is_not_found(thing: Thing, tmp_path: Path) -> None:
    """Another product's neither; no file appears."""
    for id in ("nope", "fw-x"):
        with pytest.raises(NotFound, match="Firmware"):
            await thing.download(Firmware(id, "1"), tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


async def test_a_broken_download_goes_on_where_it_broke(
    thing: Thing, tmp_path: Path, sandbox: Sandbox
) -> None:
    """The part that is there is not asked for again: a mark in it survives."""
    broken(tmp_path / "new", b"M" + FIRMWARE[1:50_000])
    file = await thing.download(TEN, tmp_path / "new")
    assert file.read_bytes() == b"M" + FIRMWARE[1:]


async def test_a_part_of_another_boot_is_thrown_away(thing: Thing, tmp_path: Path) -> None:
    """If the power was cut, a file system shows zeros where nothing had been written yet."""
    broken(tmp_path / "new", FIRMWARE[:1000] + bytes(9000), boot="another")
    assert (await thing.download(TEN, tmp_path / "new")).read_bytes() == FIRMWARE


async def test_a_part_of_other_content_is_thrown_away(thing: Thing, tmp_path: Path) -> None:
    """The cloud has another version by now."""
    broken(tmp_path / "new", b"old" * 1000, '"other"')
    assert (await thing.download(TEN, tmp_path / "new")).read_bytes() == FIRMWARE


async def test_a_part_longer_than_the_whole_is_thrown_away(thing: Thing, tmp_path: Path) -> None:
    """416, and once more from the beginning."""
    broken(tmp_path / "new", FIRMWARE + b"more")
    assert (await thing.download(TEN, tmp_path / "new")).read_bytes() == FIRMWARE


async def test_a_cut_download_leaves_no_file(
    thing: Thing, tmp_path: Path, sandbox: Sandbox
) -> None:
    """The next one succeeds. (A GET is tried twice by the HTTP library itself.)"""
    sandbox.rest_faults.add(RestFault(path="/download/", cut=True, times=2))
    with pytest.raises(LinkLost):
        await thing.download(TEN, tmp_path / "new")
    assert not (tmp_path / "new" / TEN.file_name).exists()
    assert (await thing.download(TEN, tmp_path / "new")).read_bytes() == FIRMWARE


async def test_a_firmware_without_end_is_refused(
    thing: Thing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card is not filled; what came of it is gone."""
    monkeypatch.setattr(rest_firmwares, "SIZE_MAX", 1000)
    with pytest.raises(Malformed, match="1000 bytes"):
        await thing.download(TEN, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


async def test_a_folder_that_cannot_be_written_is_said(thing: Thing, tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write"):
        await thing.download(TEN, tmp_path / "file")


@pytest.mark.parametrize(
    ("firmware", "name"),
    [
        (Firmware("../../x", "1/2"), "1_2-x.bin"),
        (Firmware("..", ".", "", "/"), "---.bin"),
        (Firmware("a" * 300, "1"), ("1-" + "a" * 300)[:100] + ".bin"),
    ],
)
def test_a_file_name_never_leaves_its_folder(firmware: Firmware, name: str) -> None:
    """No slash, no dots to climb with, not too long."""
    assert firmware.file_name == name or "/" not in firmware.file_name
    assert not firmware.file_name.startswith(".")
    assert len(firmware.file_name) <= 104
