"""Thinger.io on the loopback: device sockets, MQTT, HTTP devices, REST, control plane, faults.

    async with open_sandbox(SandboxSettings(ports=0)) as sandbox:
        sandbox.provision({"devices": [{"device": "gw01", "credentials": "s3cret-PW"}],
                           "buckets": [{"bucket": "boiler"}]})
        ...  # sandbox.socket_port, .socket_tls_port, .iotmp_port, .mqtt_port, .rest_url, .ca_file

The same over HTTP: `POST /_sandbox/provision` and what `GET /_sandbox/` lists. The first account
is `sandbox` with the password `sandbox`. It behaves as the vendor's public documents and clients
say the cloud does; where they are silent, module docstrings say what was chosen.
"""

from gatewayd.clouds.thinger.sandbox.opening import open_sandbox
from gatewayd.clouds.thinger.sandbox.sandbox import Sandbox
from gatewayd.clouds.thinger.sandbox.settings import SandboxSettings

__all__ = ["Sandbox", "SandboxSettings", "open_sandbox"]
