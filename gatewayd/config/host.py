"""What the configuration takes from the machine: a default id and name, a tmpfs, file modes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

NET = Path("/sys/class/net")
RUNTIME_DIR = Path("/run/gatewayd")
ETHERNET = "1"
"""ARPHRD_ETHER of if_arp.h; wireless adapters have it too."""


def find_mac(net: Path = NET) -> str | None:
    """Return the first wired MAC as 12 hex digits; without one a wireless, then any other.

    "First" is by interface name. Bridges and virtual adapters, which have no device under them,
    come last: their addresses are made up, some anew at every boot.
    """
    found: list[tuple[int, str, str]] = []
    for adapter in sorted(net.iterdir()) if net.is_dir() else ():
        mac = _read(adapter / "address").replace(":", "")
        if _read(adapter / "type") != ETHERNET or len(mac) != 12 or not int(mac, 16):
            continue
        if not (adapter / "device").exists():
            rank = 2
        else:
            rank = 1 if (adapter / "wireless").exists() or (adapter / "phy80211").exists() else 0
        found.append((rank, adapter.name, mac))
    return min(found)[2] if found else None


def find_runtime_dir(environ: Mapping[str, str]) -> Path | None:
    """Return the folder that systemd made for this service, or where it would be, if it is."""
    made = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if made:
        return Path(made)
    return RUNTIME_DIR if RUNTIME_DIR.is_dir() else None


def is_world_readable(path: Path) -> bool:
    """Return whether everybody on this machine may read the file."""
    return bool(path.stat().st_mode & 0o004)


def host_name() -> str:
    """Return what this machine calls itself."""
    return os.uname().nodename


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
