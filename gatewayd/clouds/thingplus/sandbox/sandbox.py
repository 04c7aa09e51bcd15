"""The sandbox cloud as one object: what a test holds in its hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gatewayd.clouds.thingplus.rpc import Request, Response
from gatewayd.clouds.thingplus.sandbox.calls import CallFaults, Calls, new_request
from gatewayd.clouds.thingplus.sandbox.journal import Journal
from gatewayd.clouds.thingplus.sandbox.mqtt import DeviceSide
from gatewayd.clouds.thingplus.sandbox.oauth import Doors
from gatewayd.clouds.thingplus.sandbox.provision import provision
from gatewayd.clouds.thingplus.sandbox.settings import SandboxSettings
from gatewayd.clouds.thingplus.sandbox.world import World
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
    calls: Calls
    doors: Doors
    device_side: DeviceSide
    broker: Broker
    rest_faults: RestFaults
    listeners: tuple[Listener, ...]
    rest_port: int = 0
    ca_file: Path | None = None
    tls_reason: str = ""

    @property
    def settings(self) -> SandboxSettings:
        """How it was set up; `world.settings` may be replaced while it runs."""
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
        """The REST base address, without a prefix."""
        return f"http://127.0.0.1:{self.rest_port}"

    def describe(self) -> Document:
        """Return where this sandbox listens, for people and programs."""
        return {
            "cloud": "thingplus",
            "mqtt": self.mqtt_port,
            "mqtt_tls": self.mqtt_tls_port,
            "rest": self.rest_url,
            "control": f"{self.rest_url}/_sandbox/",
            "ca_file": None if self.ca_file is None else str(self.ca_file),
            "tls": self.tls_reason or "on",
        }

    def provision(self, document: Document) -> Document:
        """Make sites, accounts, apps and gateways; return them. Raises ApiError. See provision."""
        return provision(self.world, document)

    async def request(
        self, gateway: str, method: str, params: object = None, *, request_id: str = ""
    ) -> Response:
        """Send a request to a gateway and return its first answer. Raises NoAnswer."""
        request = new_request(method, params)
        if request_id:
            request = Request(request_id, method, request.params)
        return await self.calls.call(gateway, request, self.settings.command_timeout_s)

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
        return outage.cut_clients(self.broker, lambda client: client.login.username == gateway)

    def faults(self) -> Document:
        """Return what is broken now."""
        calls = self.calls.faults
        mqtt = outage.broken(self.broker, self.listeners)
        lost = {"lose_request": calls.lose, "delay_request_s": calls.delay_s}
        return {"mqtt": mqtt | lost, **rest_broken(self.rest_faults)}

    async def clear_faults(self) -> None:
        """Put everything right again."""
        await outage.mend_broker(self.broker, self.listeners)
        self.calls.faults = CallFaults()
        self.rest_faults.clear()
        self.device_side.time_sync.skew_ms = 0

    async def reset(self) -> None:
        """Begin anew: no faults, no connections, nothing received, the first account only."""
        await self.clear_faults()
        await outage.empty_broker(self.broker)
        self.clock.shift_ms = 0
        self.world.reset()
        self.doors.reset()
        self.journal.clear()
