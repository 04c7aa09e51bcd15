"""The page at `/`: what this sandbox is, for a person who opened it in a browser."""

from __future__ import annotations

from html import escape

from aiohttp import web

from gatewayd.clouds.thingplus.sandbox.call import Route
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingplus.sandbox.world import FIRST_LOGIN
from gatewayd.sandbox.routes import RouteTable


async def index_page(sandbox: Sandbox, table: RouteTable[Route]) -> web.Response:
    """Return accounts, gateways and endpoints as plain HTML. API keys are not on it."""
    lines = [
        "<!doctype html><title>Thing+ sandbox</title><h1>Thing+ sandbox</h1>",
        f"<p>MQTT {sandbox.mqtt_port}, with TLS {sandbox.mqtt_tls_port or sandbox.tls_reason}. ",
        'Control plane: <a href="/_sandbox/">/_sandbox/</a>. ',
        f"First account, app and secret: <code>{FIRST_LOGIN}</code>.</p><h2>Gateways</h2><ul>",
    ]
    for gateway in sandbox.world.gateways.values():
        points = sum(sensor.series.total for sensor in gateway.sensors.values())
        lines.append(
            f"<li>{escape(gateway.id)} {escape(gateway.name)}: {gateway.connection}, "
            f"{len(gateway.sensors)} sensors, {points} points</li>"
        )
    lines.append("</ul><h2>Accounts</h2><ul>")
    lines += [f"<li>{escape(each.login_id)}</li>" for each in sandbox.world.accounts.values()]
    lines.append("</ul><h2>REST, under /v2 and /v1</h2><ul>")
    lines += [f"<li>{route.method} {route.path}</li>" for route in table.routes]
    return web.Response(text="\n".join([*lines, "</ul>"]), content_type="text/html")
