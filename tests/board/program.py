"""gatewayd as the unit finds it, in /opt/gatewayd, on a disk of its own; and the radio's software.

Wheels are fetched by this machine's pip for the guest's Python; nothing is installed in the guest.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.board.cache import ROOT, cached, run
from tests.board.image import PYTHON

PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")

PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")

INSTALL = (
    *PIP,
    "install",
    "--only-binary=:all:",
    "--implementation=cp",
    f"--python-version={PYTHON}",
    *(f"--platform={each}" for each in PLATFORMS),
)

RADIO = "bumble==0.0.236"
"""The Bluetooth controller and the tag, run by the tests. Its inside moves, hence one version."""

DISK_BYTES = 256 * 1024**2

LAUNCHER = """#!/opt/gatewayd/bin/python
import sys

from gatewayd.cli import main

sys.exit(main())
"""


def program() -> Path:
    """Return the disk that a guest has at /opt/gatewayd: a virtual environment with this tree.

    Raises:
        CannotRun: the wheels cannot be had.
    """
    return cached("program", _inputs(), _build) / "disk.ext4"


def radio() -> Path:
    """Return the folder with bumble. Raises CannotRun."""

    def make(target: Path) -> None:
        run([*PIP, "install", "--target", target, RADIO])

    return cached("radio", [RADIO, sys.version], make)


def _inputs() -> list[str | bytes]:
    """Return everything that the disk is made of: names and contents."""
    files = [ROOT / "pyproject.toml", ROOT / "requirements.lock", Path(__file__)]
    for package in ("gatewayd", "drivers"):
        files += sorted(
            file
            for file in (ROOT / package).rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        )
    return [part for file in files for part in (str(file.relative_to(ROOT)), file.read_bytes())]


def _needed() -> Path:
    """Return the folder with all that gatewayd needs, for the guest's Python."""
    lock = ROOT / "requirements.lock"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["ble"], *extras["hotplug"]]

    def make(target: Path) -> None:
        run([*INSTALL, "--target", target, "--constraint", lock, *wanted])

    return cached("wheels", [*INSTALL, *wanted, lock.read_bytes()], make)


def _build(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="gatewayd-board-") as name:
        work = Path(name)
        home = work / "home"
        packages = home / f"lib/python{PYTHON}/site-packages"
        shutil.copytree(_needed(), packages, ignore=shutil.ignore_patterns("bin"))
        run([*PIP, "wheel", "--no-deps", "--wheel-dir", work, ROOT])
        run([*INSTALL, "--no-deps", "--target", packages, next(work.glob("gatewayd-*.whl"))])
        _make_environment(home)
        disk = target / "disk.ext4"
        with disk.open("wb") as file:
            file.truncate(DISK_BYTES)
        run(["mke2fs", "-q", "-t", "ext4", "-L", "program", "-d", home, disk])


def _make_environment(home: Path) -> None:
    """Make a virtual environment of it, as `python3 -m venv` would (PEP 405)."""
    home.chmod(0o755)
    (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    (home / "bin").mkdir()
    (home / "bin/python").symlink_to("/usr/bin/python3")
    (home / "bin/gatewayd").write_text(LAUNCHER)
    (home / "bin/gatewayd").chmod(0o755)
