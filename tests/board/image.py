"""The board's disk: a small Debian with its stock kernel, built with root rights in half a minute.

Strategy: mmdebstrap unpacks into memory (on a disk dpkg's fsyncs take minutes). The kernel package
is unpacked, never installed: of its modules only those stay that a test needs, and a 15-line init
takes the place of the generic initramfs, which is what makes emulated machines boot slowly.
Debian's mirror is the one of this machine's own apt.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.board.cache import CACHE, CannotRun, cached, run
from tests.board.modules import Tree

SUITE = "bookworm"
"""The oldest Debian that the unit file promises: systemd 252, Linux 6.1, BlueZ 5.66."""

PYTHON = "3.11"
"""Its Python."""

PACKAGES = """
    systemd systemd-sysv udev dbus kmod bluez python3 python3-venv i2c-tools gpiod
    qemu-guest-agent iproute2 procps busybox-static
"""

MODULES = """
    virtio_pci virtio_blk virtio_net virtio_console virtio_rng ext4 crc32c_generic autofs4
    i2c_dev uhid hid_cp2112 lm75 bmp280_i2c
    xhci_pci usbserial ftdi_sio cdc_acm
    bluetooth hci_uart
    cmac ecb aes_generic algif_hash algif_skcipher ccm ecdh_generic
    drbg jitterentropy_rng hmac sha256_generic sha512_generic ctr seqiv gcm
    i6300esb
"""
"""What a test needs. The ciphers are for Bluetooth, which cannot make its keys without."""

BOOT_MODULES = "crc32c_generic virtio_pci virtio_blk ext4"

MASKED = """
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer
    e2scrub_reap.service fstrim.timer systemd-networkd-wait-online.service systemd-binfmt.service
    proc-sys-fs-binfmt_misc.automount getty@tty1.service serial-getty@ttyS0.service
    serial-getty@hvc0.service
"""
"""What only takes time; and an agetty would write its prompt into the radio's stream of bytes."""

INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for module in /modules/*.ko; do $b insmod $module; done
for _ in $($b seq 150); do [ -b /dev/vda ] && break; $b sleep 0.1; done
$b mount -t ext4 -o rw,noatime /dev/vda /root
for each in dev sys proc; do $b mount --move /$each /root/$each; done
exec $b switch_root /root /lib/systemd/systemd
"""

FILES = {
    "etc/hostname": "board\n",
    "etc/hosts": "127.0.0.1 localhost board\n",
    "etc/fstab": "/dev/vda / ext4 defaults,noatime 0 1\n"
    "LABEL=program /opt/gatewayd ext4 ro,nofail 0 0\n",
    "etc/systemd/network/10-board.network": "[Match]\nName=e*\n[Network]\nDHCP=yes\n"
    "LinkLocalAddressing=no\nIPv6AcceptRA=no\n",
    "etc/systemd/journald.conf.d/board.conf": "[Journal]\nStorage=volatile\n",
    # As Raspberry Pi OS has it; Debian itself leaves GPIO chips to root.
    "usr/lib/sysusers.d/gpio.conf": "g gpio -\n",
    "etc/udev/rules.d/60-gpio.rules": 'SUBSYSTEM=="gpio", GROUP="gpio", MODE="0660"\n',
}

SIZE_BYTES = 2 * 1024**3
"""Sparse; some 320 MB are filled."""

WORKSPACE_BYTES = 1536 * 1024**2
"""What unpacking takes at its height, in memory where there is so much."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a machine boots from; nothing is ever written to it."""

    kernel: Path
    initrd: Path
    disk: Path


def image() -> Image:
    """Return the image, built where it is not in the cache. Raises CannotRun."""
    inputs = [Path(__file__).read_bytes(), Path(__file__).with_name("modules.py").read_bytes()]
    folder = cached("image", inputs, _build)
    return Image(folder / "vmlinuz", folder / "initrd", folder / "disk.ext4")


def _build(target: Path) -> None:
    if os.geteuid() != 0:
        raise CannotRun("building the image needs root: sudo make board")
    if platform.machine() != "x86_64":
        raise CannotRun(f"the image is for x86_64, and this is {platform.machine()}")
    memory = Path("/dev/shm")
    is_roomy = memory.is_dir() and shutil.disk_usage(memory).free > WORKSPACE_BYTES
    with tempfile.TemporaryDirectory(
        prefix="gatewayd-board-", dir=memory if is_roomy else CACHE
    ) as name:
        work = Path(name)
        root = work / "root"
        _debian(root, work)
        modules, version = _kernel(root, work, target)
        own = root / "lib/modules" / version
        own.mkdir(parents=True)
        modules.copy(MODULES.split(), own)
        run(["depmod", "-b", root, version])
        _initrd(root, work, modules, target / "initrd")
        _configure(root)
        disk = target / "disk.ext4"
        with disk.open("wb") as file:
            file.truncate(SIZE_BYTES)
        run(["mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1", "-d", root, disk])


def _debian(root: Path, work: Path) -> None:
    which = ("Created-By: Packages", "Label: Debian")
    lines = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", *which]).splitlines()
    if not lines:
        raise CannotRun("this machine's apt knows no Debian mirror")
    documents = ("doc", "man", "locale", "info", "lintian", "bug")
    options = ["--mode=root", "--variant=apt", "--format=directory", "--quiet"]
    options += ["--dpkgopt=force-unsafe-io", '--aptopt=Acquire::Languages "none"']
    options += [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in documents]
    options += [f"--include={','.join(PACKAGES.split())}"]
    environ = {**os.environ, "TMPDIR": str(work)}
    run(["mmdebstrap", *options, SUITE, root, lines[0]], environ=environ)


def _kernel(root: Path, work: Path, target: Path) -> tuple[Tree, str]:
    """Fetch the suite's kernel with the guest's own apt and unpack it beside; leave no lists."""
    run(["chroot", root, "apt-get", "-qq", "update"])
    about = run(["chroot", root, "apt-cache", "depends", "linux-image-amd64"])
    package = next(line.split()[1] for line in about.splitlines() if "linux-image-" in line[5:])
    (root / "tmp/kernel").mkdir(mode=0o777)
    run(["chroot", root, "sh", "-c", f"cd /tmp/kernel && apt-get -qq download {package}"])
    unpacked = work / "kernel"
    run(["dpkg-deb", "-x", next((root / "tmp/kernel").glob("*.deb")), unpacked])
    for rubbish in ("tmp/kernel", "var/lib/apt/lists", "var/cache/apt"):
        shutil.rmtree(root / rubbish)
    version = package.removeprefix("linux-image-")
    run(["depmod", "-b", unpacked, version])
    shutil.copyfile(unpacked / f"boot/vmlinuz-{version}", target / "vmlinuz")
    return Tree.of(unpacked / "lib/modules" / version), version


def _initrd(root: Path, work: Path, modules: Tree, target: Path) -> None:
    folder = work / "initrd"
    for each in ("bin", "modules", "proc", "sys", "dev", "root"):
        (folder / each).mkdir(parents=True)
    shutil.copy(root / "bin/busybox", folder / "bin/busybox")
    (work / "boot").mkdir()
    for number, module in enumerate(modules.copy(BOOT_MODULES.split(), work / "boot")):
        shutil.copyfile(module, folder / f"modules/{number:02}.ko")
    (folder / "init").write_text(INIT)
    (folder / "init").chmod(0o755)
    run(
        ["sh", "-c", 'find . | cpio --quiet -o -H newc | zstd -q -o "$0"', target],
        cwd=folder,
    )


def _configure(root: Path) -> None:
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "opt/gatewayd").mkdir(exist_ok=True)
    (root / "etc/machine-id").write_text("")
    run(["chroot", root, "systemd-machine-id-setup"])
    run(["chroot", root, "systemd-sysusers"])
    run(["chroot", root, "systemctl", "-q", "enable", "systemd-networkd.service"])
    run(["chroot", root, "systemctl", "-q", "mask", *MASKED.split()])
