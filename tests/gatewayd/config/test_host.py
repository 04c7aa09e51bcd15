from __future__ import annotations

from pathlib import Path

from gatewayd.config.host import find_mac, find_runtime_dir


def adapter(net: Path, name: str, mac: str, *extras: str, type: str = "1") -> None:
    folder = net / name
    folder.mkdir(parents=True)
    (folder / "address").write_text(f"{mac}\n")
    (folder / "type").write_text(f"{type}\n")
    for extra in extras:
        (folder / extra).mkdir()


def test_the_first_wired_mac_is_taken(tmp_path: Path) -> None:
    """Before wireless ones and before bridges, whatever their names."""
    adapter(tmp_path, "br0", "aa:aa:aa:aa:aa:aa")
    adapter(tmp_path, "a_wlan", "bb:bb:bb:bb:bb:bb", "device", "wireless")
    adapter(tmp_path, "eth0", "b8:27:eb:00:00:01", "device")
    adapter(tmp_path, "lo", "00:00:00:00:00:00", type="772")
    assert find_mac(tmp_path) == "b827eb000001"


def test_without_a_wire_the_wireless_mac_will_do(tmp_path: Path) -> None:
    """A Pi Zero has no Ethernet."""
    adapter(tmp_path, "br0", "aa:aa:aa:aa:aa:aa")
    adapter(tmp_path, "wlan0", "bb:bb:bb:bb:bb:bb", "device", "phy80211")
    assert find_mac(tmp_path) == "bbbbbbbbbbbb"


def test_without_a_network_there_is_no_mac(tmp_path: Path) -> None:
    """The loopback has none."""
    adapter(tmp_path, "lo", "00:00:00:00:00:00")
    assert find_mac(tmp_path) is None
    assert find_mac(tmp_path / "missing") is None


def test_systemd_says_where_the_runtime_folder_is() -> None:
    """The first of several."""
    assert find_runtime_dir({"RUNTIME_DIRECTORY": "/run/x:/run/y"}) == Path("/run/x")
