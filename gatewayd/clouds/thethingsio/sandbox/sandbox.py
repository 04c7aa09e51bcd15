"""The sandbox cloud as one object: what a test holds in its hand."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from gatewayd.clouds.thethingsio.addresses import thing_topic
from gatewayd.clouds.thethingsio.codec import Entry, encode_write
from gatewayd.clouds.thethingsio.sandbox.hub import Hub, StreamFaults
from gatewayd.clouds.thethingsio.sandbox.intake import Intake
from gatewayd.clouds.thethingsio.sandbox.journal import Journal
from gatewayd.clouds.thethingsio.sandbox.objects import Objects
from gatewayd.clouds.thethingsio.sandbox.provision import provision
from gatewayd.clouds.thethingsio.sandbox.records import Thing
from gatewayd.clouds.thethingsio.sandbox.settings import SandboxSettings
from gatewayd.clouds.thethingsio.sandbox.world import World
from gatewayd.sandbox import outage
from gatewayd.sandbox.bodies import Document
from gatewayd.sandbox.clock import MovableClock
from gatewayd.sandbox.control import rest_broken
from gatewayd.sandbox.faults import RestFaults
from gatewayd.transports.broker import Broker, Listener


@dataclass(slots=True)
class Sandbox:
    """One running sandbox; made by `open_sandbox`.

    Everything that the control plane can do over HTTP can be done here by calling.
    `ca_file` is what a client must trust to use TLS, None where there is none, and
    `tls_reason` then says why.
    """

    settings: SandboxSettings
    clock: MovableClock
    world: World
    objects: Objects
    journal: Journal
    hub: Hub
    intake: Intake
    broker: Broker
    rest_faults: RestFaults
    listeners: tuple[Listener, ...]
    rest_port: int = 0
    rest_tls_port: int | None = None
    ca_file: Path | None = None
    tls_reason: str = ""

    @property
    def mqtt_port(self) -> int:
        """The plain MQTT port."""
        return self.listeners[0].port

    @property
    def mqtt_tls_port(self) -> int | None:
        """The MQTT port with TLS, or None without."""
        return self.listeners[1].port if len(self.listeners) > 1 else None

    @property
    def address(self) -> str:
        """The HTTP address, without a prefix."""
        return f"http://127.0.0.1:{self.rest_port}"

    @property
    def rest_url(self) -> str:
        """The base address of the API, for devices and apps."""
        return f"{self.address}/v2"

    def describe(self) -> Document:
        """Return where this sandbox listens, for people and programs."""
        safe = self.rest_tls_port
        return {
            "cloud": "thethingsio",
            "mqtt": self.mqtt_port,
            "mqtt_tls": self.mqtt_tls_port,
            "rest": self.rest_url,
            "rest_tls": None if safe is None else f"https://127.0.0.1:{safe}/v2",
            "control": f"{self.address}/_sandbox/",
            "ca_file": None if self.ca_file is None else str(self.ca_file),
            "tls": self.tls_reason or "on",
        }

    def provision(self, document: Document) -> Document:
        """Make codes, apps, users, things, firmware; return them. Raises ApiError."""
        return provision(self.world, document)

    def write(self, thing: Thing, entries: list[Entry]) -> None:
        """Write to a thing as the vendor's panel does. Raises ApiError."""
        self.intake.take(thing, encode_write(entries), "panel")

    async def refuse_connections(self) -> None:
        """Close the MQTT listeners and cut every connection: the cloud is down."""
        await outage.refuse_connections(self.broker, self.listeners)

    async def accept_connections(self) -> None:
        """Listen again on the same ports."""
        await outage.accept_connections(self.listeners)

    def kill(self, token: str = "") -> int:
        """Cut the streams and MQTT connections of one thing, or of all; return how many."""
        if not token:
            return self.hub.end_all("cut") + self.broker.cut_all("killed")
        topic = thing_topic(token)
        cut = outage.cut_clients(self.broker, lambda client: topic in client.subscriptions)
        return cut + self.hub.end_all("cut", token)

    def revoke(self, thing: Thing, token: str = "") -> None:
        """Give a thing another token; whoever is connected with the old one is cut."""
        old = thing.token
        self.world.renew_token(thing, token)
        self.kill(old)

    def faults(self) -> Document:
        """Return what is broken now."""
        return {
            "mqtt": outage.broken(self.broker, self.listeners),
            "stream": asdict(self.hub.faults),
            **rest_broken(self.rest_faults),
        }

    async def clear_faults(self) -> None:
        """Put everything right again."""
        await outage.mend_broker(self.broker, self.listeners)
        self.rest_faults.clear()
        for name, value in asdict(StreamFaults()).items():
            setattr(self.hub.faults, name, value)

    async def reset(self) -> None:
        """Begin anew: no faults, no connections, nothing received, the first user only."""
        await self.clear_faults()
        self.hub.end_all("cut")
        await outage.empty_broker(self.broker)
        self.clock.shift_ms = 0
        self.world.reset()
        self.objects.clear()
        self.journal.clear()
