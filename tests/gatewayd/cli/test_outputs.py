"""Which outputs are made safe, from which file, in which round."""

from __future__ import annotations

from pathlib import Path

from gatewayd.cli._outputs import Source, find_twins, make_plan
from gatewayd.config import salvage

BOARD = '[device.board]\ndriver = "serial_relay"\nport = "line"\nsafe = "off"\n'
LINE = '[port.line]\ntype = "serial"\npath = "/dev/ttyS1"\n'


def source(file: Path, text: str) -> Source:
    """Return a file as it is understood."""
    file.write_text(text)
    settings, _ = salvage(file, {})
    assert settings is not None
    return Source(file, settings)


def twins(folder: Path, last: str, today: str) -> dict[str, str]:
    """Return the devices that are the same hardware, the last's name to today's."""
    found = find_twins(source(folder / "last", last), source(folder / "today", today))
    return {name: job.device.name for name, job in found.items()}


def test_a_renamed_device_is_the_same_hardware(tmp_path: Path) -> None:
    """A name switches nothing."""
    assert twins(tmp_path, BOARD + LINE, BOARD.replace("board", "fan") + LINE) == {"board": "fan"}


def test_a_name_that_was_kept_goes_first(tmp_path: Path) -> None:
    """Two boards that cannot be told apart by their keys."""
    relay = '[device.{}]\ndriver = "sim_relay"\nsafe = "off"\n'
    last = relay.format("a") + relay.format("b")
    assert twins(tmp_path, last, relay.format("b") + relay.format("c")) == {"b": "b", "a": "c"}


def test_another_wire_under_the_same_name_is_other_hardware(tmp_path: Path) -> None:
    """Both are driven."""
    assert twins(tmp_path, BOARD + LINE, BOARD + LINE.replace("S1", "S2")) == {}


def test_what_differs_is_driven_in_two_rounds(tmp_path: Path) -> None:
    """Each with the wires of its own file: one of another polarity may be the same line still."""
    last = source(tmp_path / "last", BOARD + LINE)
    today = source(tmp_path / "today", BOARD + LINE.replace("S1", "S2"))
    first, second = make_plan(today, last).rounds
    assert [(job.device.name, job.file.name) for job in first.jobs] == [("board", "last")]
    assert [(job.device.name, job.file.name) for job in second.jobs] == [("board", "today")]
    assert first.wires["line"]["path"] == "/dev/ttyS1"
    assert second.wires["line"]["path"] == "/dev/ttyS2"


def test_what_is_the_same_is_driven_in_the_first_round_alone(tmp_path: Path) -> None:
    """As today's file says, which may have another safe value."""
    last = source(tmp_path / "last", BOARD + LINE)
    today = source(tmp_path / "today", BOARD.replace("off", "on") + LINE)
    first, second = make_plan(today, last).rounds
    assert [job.device.limits["relay"].safe for job in first.jobs] == [True]
    assert second.jobs == ()


def test_what_is_sound_in_neither_file_is_lost_once(tmp_path: Path) -> None:
    """With the reason of today's file, which the owner can mend."""
    broken = BOARD.replace('safe = "off"\n', "")
    last = source(tmp_path / "last", broken + LINE)
    today = source(tmp_path / "today", "\n" + broken + LINE)
    plan = make_plan(today, last)
    assert [(lost.name, lost.file.name) for lost in plan.lost] == [("board", "today")]
    assert 'line 2: no "safe" for board/relay' in plan.lost[0].reason
    assert make_plan(today, source(tmp_path / "last", BOARD + LINE)).lost == ()


def test_two_state_folders_may_have_two_daemons(tmp_path: Path) -> None:
    """Both are looked for, the last's first; one folder is looked into once."""
    last = source(tmp_path / "last", '[gateway]\nstate_dir = "/a"\n')
    today = source(tmp_path / "today", '[gateway]\nstate_dir = "/b"\n')
    asked = [str(gateway.state_dir) for gateway in make_plan(today, last).gateways]
    assert asked == ["/a", "/b"]
    assert len(make_plan(last, last).gateways) == 1
