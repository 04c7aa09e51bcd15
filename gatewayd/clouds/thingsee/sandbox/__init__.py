"""Thingsee on the loopback: gateways' link, customer's streams, REST, control plane, faults.

    async with open_sandbox(SandboxSettings(ports=0)) as sandbox:
        sandbox.provision({"groups": [{"group_id": "prfi00office"}], "things": [
            {"tuid": "XXGD01AAAAAAAAAAA", "is_gateway": True, "group": "prfi00office"}]})
        ...  # sandbox.mqtt_port, .api_url, .uplink_url(gateway), .ca_file

The same over HTTP: `POST /_sandbox/provision` and what `GET /_sandbox/` lists. It behaves as the
vendor's public documents say the cloud does; where they are silent, module docstrings say what
was chosen. Nobody has published how a gateway speaks to this cloud: topics and arrays of the link
are our own.
"""

from gatewayd.clouds.thingsee.sandbox.opening import open_sandbox
from gatewayd.clouds.thingsee.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingsee.sandbox.settings import SandboxSettings

__all__ = ["Sandbox", "SandboxSettings", "open_sandbox"]
