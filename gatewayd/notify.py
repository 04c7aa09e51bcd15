"""Tells systemd how we are: one datagram to the socket that it named, if it named one."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class Notifier:
    """The service manager's ear.

    Source: sd_notify(3), the protocol and the meaning of its variables.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = int(environ.get("WATCHDOG_USEC", "0")) / 1e6 if mine else 0.0
        """How long systemd waits for a sign of progress; 0 = it does not."""

    def tell(self, **variables: object) -> None:
        """Send variables such as READY=1 or STATUS="…". A manager that is gone is no trouble."""
        if not self._address:
            return
        message = "\n".join(f"{name}={value}" for name, value in variables.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            try:
                sender.sendto(message.encode(), self._address)
            except OSError:
                return
