"""The sandbox cloud as one object: what a test holds in its hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.sandbox.intake import Intake, Tally
from gatewayd.clouds.thingsee.sandbox.journal import Journal
from gatewayd.clouds.thingsee.sandbox.mqtt import DeviceSide, who
from gatewayd.clouds.thingsee.sandbox.orders import Orders
from gatewayd.clouds.thingsee.sandbox.outlets import Outlets
from gatewayd.clouds.thingsee.sandbox.provision import provision
from gatewayd.clouds.thingsee.sandbox.settings import SandboxSettings
from gatewayd.clouds.thingsee.sandbox.world import World
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

    clock: MovableClock
    world: World
    journal: Journal
    outlets: Outlets
    intake: Intake
    orders: Orders
    device_side: DeviceSide
    broker: Broker
    rest_faults: RestFaults
    listeners: tuple[Listener, ...]
    rest_port: int = 0
    ca_file: Path | None = None
    tls_reason: str = ""

    @property
    def settings(self) -> SandboxSettings:
        """How it is set up; `world.settings` may be replaced while it runs."""
        return self.world.settings

    @property
    def mqtt_port(self) -> int:
        """The plain MQTT port."""
        return self.listeners[0].port

    @property
    def mqtt_tls_port(self) -> int | None:
        """The MQTT port with TLS, or None without."""
        return self.listeners[1].port if len(self.listeners) > 1 else None

    @property
    def rest_url(self) -> str:
        """Where the HTTP side is, without a path."""
        return f"http://127.0.0.1:{self.rest_port}"

    @property
    def api_url(self) -> str:
        """The base address of the API, with its stage and version."""
        return f"{self.rest_url}/prod/v1/"

    def uplink_url(self, gateway: str) -> str:
        """Return where a gateway may POST its messages instead of publishing them."""
        return f"{self.rest_url}/thingsee/gw/{gateway}/up"

    def describe(self) -> Document:
        """Return where this sandbox listens, for people and programs."""
        return {
            "cloud": "thingsee",
            "mqtt": self.mqtt_port,
            "mqtt_tls": self.mqtt_tls_port,
            "rest": self.rest_url,
            "api": self.api_url,
            "http_uplink": self.uplink_url("TUID"),
            "control": f"{self.rest_url}/_sandbox/",
            "ca_file": None if self.ca_file is None else str(self.ca_file),
            "tls": self.tls_reason or "on",
        }

    def provision(self, document: Document) -> Document:
        """Make clients, groups, things and targets; return them. Raises ApiError. See provision."""
        return provision(self.world, self.outlets, document)

    def inject(self, messages: Sequence[Message], gateway: str = "") -> Tally:
        """Take messages as if a gateway had sent them."""
        return self.intake.take(messages, gateway, self.journal.next_number())

    async def refuse_connections(self) -> None:
        """Close the MQTT listeners and cut every connection: the cloud is down."""
        await outage.refuse_connections(self.broker, self.listeners)

    async def accept_connections(self) -> None:
        """Listen again on the same ports."""
        await outage.accept_connections(self.listeners)

    def kill(self, gateway: str = "") -> int:
        """Cut the TCP connection of one gateway, or of all; return how many there were."""
        if not gateway:
            return self.broker.cut_all("killed")
        return outage.cut_clients(self.broker, lambda client: who(client.login) == gateway)

    def faults(self) -> Document:
        """Return what is broken now."""
        downlink = asdict(self.orders.downlink.faults) | {"delay_s": self.orders.delay_s}
        return {
            "mqtt": outage.broken(self.broker, self.listeners),
            "downlink": downlink,
            "stream": asdict(self.outlets.stream.faults),
            **rest_broken(self.rest_faults),
        }

    async def clear_faults(self) -> None:
        """Put everything right again."""
        await outage.mend_broker(self.broker, self.listeners)
        self.orders.mend()
        self.outlets.mend()
        self.rest_faults.clear()

    async def reset(self) -> None:
        """Begin anew: no faults, no connections, nothing received, the first client only."""
        await self.clear_faults()
        await outage.empty_broker(self.broker)
        self.clock.shift_ms = 0
        self.outlets.clear()
        self.world.reset()
        self.journal.clear()
