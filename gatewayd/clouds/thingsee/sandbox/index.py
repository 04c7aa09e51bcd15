"""The page at `/`: what this sandbox is, for a person who opened it in a browser."""

from __future__ import annotations

from html import escape

from aiohttp import web

from gatewayd.clouds.thingsee.sandbox.call import Route
from gatewayd.clouds.thingsee.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingsee.sandbox.world import FIRST_CLIENT
from gatewayd.sandbox.routes import RouteTable


def index_page(sandbox: Sandbox, table: RouteTable[Route]) -> web.Response:
    """Return clients, groups, things and endpoints as plain HTML. Keys are not on it."""
    world = sandbox.world
    lines = [
        "<!doctype html><title>Thingsee sandbox</title><h1>Thingsee sandbox</h1>",
        f"<p>MQTT {sandbox.mqtt_port}, with TLS {sandbox.mqtt_tls_port or sandbox.tls_reason}. ",
        'Control plane: <a href="/_sandbox/">/_sandbox/</a>. ',
        f"First client and its secret: <code>{FIRST_CLIENT}</code>.</p><h2>Things</h2><ul>",
    ]
    lines += [
        f"<li>{escape(each.tuid)}: group {escape(each.group)}, "
        f"{escape(each.installations[0].status)}, by way of {escape(each.way) or 'nobody'}</li>"
        for each in world.things.values()
    ]
    lines.append("</ul><h2>Groups</h2><ul>")
    lines += [
        f"<li>{escape(each.id)} {escape(each.description)}</li>" for each in world.groups.values()
    ]
    lines.append("</ul><h2>REST, under /prod/v1 and /v1</h2><ul>")
    lines += [f"<li>{route.method} {route.path}</li>" for route in table.routes]
    return web.Response(text="\n".join([*lines, "</ul>"]), content_type="text/html")
