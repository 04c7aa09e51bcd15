"""The sandbox cloud as one object: what a test holds in its hand."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from gatewayd.clouds.thinger.codec import Dialect
from gatewayd.clouds.thinger.sandbox.call import AppPremises
from gatewayd.clouds.thinger.sandbox.connection import Connection
from gatewayd.clouds.thinger.sandbox.doors import Doors
from gatewayd.clouds.thinger.sandbox.journal import Journal
from gatewayd.clouds.thinger.sandbox.mqtt import MqttSide
from gatewayd.clouds.thinger.sandbox.provision import provision
from gatewayd.clouds.thinger.sandbox.settings import SandboxSettings
from gatewayd.clouds.thinger.sandbox.socket_side import SocketSide
from gatewayd.clouds.thinger.sandbox.world import FIRST_USER, World
from gatewayd.sandbox import outage
from gatewayd.sandbox.bodies import Document
from gatewayd.sandbox.clock import MovableClock
from gatewayd.sandbox.control import rest_broken
from gatewayd.sandbox.faults import RestFaults
from gatewayd.transports.broker import Broker, Listener

CLOSE_S = 5.0
"""For the connections to be taken leave of after they were cut."""


@dataclass(slots=True)
class Sandbox:
    """One running sandbox; made by `open_sandbox`.

    Everything that the control plane can do over HTTP can be done here by calling. `sockets_tls`
    and `mqtt_listeners[1:]` are empty without a certificate; `tls_reason` then says why.
    """

    clock: MovableClock
    app_premises: AppPremises
    mqtt_side: MqttSide
    broker: Broker
    rest_faults: RestFaults
    sockets_plain: dict[Dialect, Listener]
    sockets_tls: dict[Dialect, Listener]
    mqtt_listeners: tuple[Listener, ...]
    rest_port: int = 0
    ca_file: Path | None = None
    tls_reason: str = ""

    @property
    def world(self) -> World:
        """The records."""
        return self.app_premises.world

    @property
    def settings(self) -> SandboxSettings:
        """How it was set up; `world.settings` may be replaced while it runs."""
        return self.world.settings

    @property
    def journal(self) -> Journal:
        """What was received."""
        return self.app_premises.journal

    @property
    def doors(self) -> Doors:
        """Who may come in."""
        return self.app_premises.doors

    @property
    def sockets(self) -> SocketSide:
        """The device socket."""
        return self.app_premises.sockets

    @property
    def socket_port(self) -> int:
        """The plain device socket of the classic protocol."""
        return self.sockets_plain[Dialect.CLASSIC].port

    @property
    def socket_tls_port(self) -> int | None:
        """The same with TLS, or None without."""
        listener = self.sockets_tls.get(Dialect.CLASSIC)
        return listener.port if listener else None

    @property
    def iotmp_port(self) -> int:
        """The plain device socket of the newer protocol."""
        return self.sockets_plain[Dialect.IOTMP].port

    @property
    def mqtt_port(self) -> int:
        """The plain MQTT port."""
        return self.mqtt_listeners[0].port

    @property
    def rest_url(self) -> str:
        """The REST base address."""
        return f"http://127.0.0.1:{self.rest_port}"

    def describe(self) -> Document:
        """Return where this sandbox listens, for people and programs."""
        tls = {dialect.value: listener.port for dialect, listener in self.sockets_tls.items()}
        return {
            "cloud": "thinger",
            "socket": self.socket_port,
            "socket_tls": tls.get("classic"),
            "iotmp": self.iotmp_port,
            "iotmp_tls": tls.get("iotmp"),
            "mqtt": self.mqtt_port,
            "mqtt_tls": self.mqtt_listeners[1].port if len(self.mqtt_listeners) > 1 else None,
            "rest": self.rest_url,
            "control": f"{self.rest_url}/_sandbox/",
            "ca_file": None if self.ca_file is None else str(self.ca_file),
            "tls": self.tls_reason or "on",
        }

    def provision(self, document: Document) -> Document:
        """Make accounts, devices, buckets, endpoints; return them. Raises ApiError."""
        return provision(self.app_premises, document)

    def connection(self, device: str, user: str = FIRST_USER) -> Connection | None:
        """Return a device's connection to the device socket, or None while it is away."""
        return self.sockets.find(user, device)

    async def refuse_connections(self) -> None:
        """Close the device sockets and cut every connection: the cloud is down."""
        for listener in (*self.sockets_plain.values(), *self.sockets_tls.values()):
            listener.shut()
        self.sockets.cut_all("the sandbox refuses connections")
        await self.sockets.wait_closed()

    async def accept_connections(self) -> None:
        """Listen again on the same ports."""
        for listener in (*self.sockets_plain.values(), *self.sockets_tls.values()):
            await listener.open()

    def kill(self, device: str = "") -> int:
        """Cut the connections of one device, or of all; return how many there were."""
        if not device:
            return self.sockets.cut_all("killed") + self.broker.cut_all("killed")
        found = [each for each in self.sockets.connections.values() if each.device.id == device]
        for connection in found:
            connection.cut("killed")
        clients = outage.cut_clients(self.broker, lambda each: each.login.client_id == device)
        return len(found) + clients

    def faults(self) -> Document:
        """Return what is broken now."""
        is_open = self.sockets_plain[Dialect.CLASSIC].is_open
        return {
            "socket": {"refuse": not is_open, **asdict(self.sockets.faults)},
            "mqtt": outage.broken(self.broker, self.mqtt_listeners),
            **rest_broken(self.rest_faults),
        }

    async def clear_faults(self) -> None:
        """Put everything right again."""
        self.sockets.faults.clear()
        self.sockets.hang(is_hung=False)
        for connection in self.sockets.connections.values():
            connection.is_split = False
        await self.accept_connections()
        await outage.mend_broker(self.broker, self.mqtt_listeners)
        self.rest_faults.clear()

    async def reset(self) -> None:
        """Begin anew: no faults, no connections, nothing received, the first account only."""
        await self.clear_faults()
        self.sockets.cut_all("the sandbox starts anew")
        await self.sockets.wait_closed()
        await outage.empty_broker(self.broker)
        self.mqtt_side.reset()
        self.clock.shift_ms = 0
        self.app_premises.feeds.clear()
        self.app_premises.streams.clear()
        self.world.reset()
        self.doors.reset()
        self.journal.clear()
