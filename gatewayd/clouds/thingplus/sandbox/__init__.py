"""Thing+ on the loopback: device side (MQTT), app side (REST), control plane, faults.

    async with open_sandbox(SandboxSettings(ports=0)) as sandbox:
        made = sandbox.provision({"gateways": [{"id": "b827eb000001", "sensors": [
            {"id": "b827eb000001-0-temp", "type": "temperature"}]}]})
        api_key = made["gateways"][0]["api_key"]
        ...  # sandbox.mqtt_port, .mqtt_tls_port, .rest_url, .ca_file

The same over HTTP: `POST /_sandbox/provision` and what `GET /_sandbox/` lists. It behaves as the
vendor's public documents say the cloud does; where they are silent, module docstrings say what
was chosen.
"""

from gatewayd.clouds.thingplus.sandbox.opening import open_sandbox
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingplus.sandbox.settings import SandboxSettings

__all__ = ["Sandbox", "SandboxSettings", "open_sandbox"]
