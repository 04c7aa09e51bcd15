"""thethings.iO on the loopback: device side (HTTP, MQTT), app side, control plane, faults.

    async with open_sandbox(SandboxSettings(ports=0)) as sandbox:
        [thing] = sandbox.provision({"things": [{"name": "Boiler room"}]})["things"]
        ...  # thing["token"], sandbox.rest_url, sandbox.mqtt_port

The same over HTTP: `POST /_sandbox/provision` and what `GET /_sandbox/` lists. It behaves as the
vendor's public documents say the cloud does; where they are silent, module docstrings say what
was chosen. Not here, because no page of the vendor's API describes them: CoAP, socket.io, UDP.
"""

from gatewayd.clouds.thethingsio.sandbox.opening import open_sandbox
from gatewayd.clouds.thethingsio.sandbox.sandbox import Sandbox
from gatewayd.clouds.thethingsio.sandbox.settings import SandboxSettings

__all__ = ["Sandbox", "SandboxSettings", "open_sandbox"]
