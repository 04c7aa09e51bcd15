"""The unit that ships: every directive known, every fence in its place."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parent.parent.parent / "systemd"
UNIT = SYSTEMD / "gatewayd.service"

analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine"
)


def directives() -> dict[str, list[str]]:
    """Return every directive of the unit with its values, in order."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def unit_with_a_program_that_exists(folder: Path) -> Path:
    """Return a copy whose program is there, since this machine has none in /opt."""
    copy = folder / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    copy.write_text(text.replace("/opt/gatewayd/bin/gatewayd", "/bin/true"), encoding="utf-8")
    return copy


@analyze
def test_systemd_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    """Every section, directive and value is one that systemd knows."""
    unit = unit_with_a_program_that_exists(tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert not complaints


@analyze
def test_a_misspelt_directive_would_be_noticed(tmp_path: Path) -> None:
    """The check above can fail: systemd names a directive that it does not know."""
    unit = unit_with_a_program_that_exists(tmp_path)
    unit.write_text(unit.read_text(encoding="utf-8").replace("WatchdogSec", "WatchdogSecs"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "WatchdogSecs" in done.stderr


@analyze
def test_the_service_is_well_fenced_in() -> None:
    """The exposure that systemd computes from the unit alone stays OK (below 2.5)."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(UNIT)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-200:]


def test_outputs_go_safe_after_any_end() -> None:
    """`gatewayd safe` runs when the program has stopped, crashed or been killed."""
    assert directives()["ExecStopPost"] == ["/opt/gatewayd/bin/gatewayd safe"]


def test_it_is_started_again_for_ever_but_not_on_a_bad_configuration() -> None:
    """Restarts are not limited in number; exit code 78 waits for the owner."""
    unit = directives()
    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert unit["RestartPreventExitStatus"] == ["78"]


def test_progress_is_watched() -> None:
    """A program that hangs is killed: systemd waits for signs of progress."""
    unit = directives()
    assert unit["Type"] == ["notify"]
    assert unit["WatchdogSec"] == ["60"]


def test_readings_in_memory_outlive_the_process() -> None:
    """The folder of the outbox's hot tier stays when the service ends."""
    unit = directives()
    assert unit["RuntimeDirectory"] == ["gatewayd"]
    assert unit["RuntimeDirectoryPreserve"] == ["yes"]


def test_every_group_of_the_unit_is_made() -> None:
    """A missing group stops a unit (216/GROUP), so sysusers.d makes them all."""
    made = {
        line.split()[1]
        for line in (SYSTEMD / "gatewayd.sysusers").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    }
    (groups,) = directives()["SupplementaryGroups"]
    assert {*groups.split(), "gatewayd"} <= made


def test_nothing_newer_than_debian_12_is_used() -> None:
    """systemd 252 knows neither `notify-reload` nor the stepped restarts."""
    unit = directives()
    assert not {"RestartSteps", "RestartMaxDelaySec"} & unit.keys()
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
