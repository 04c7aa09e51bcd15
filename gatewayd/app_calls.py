"""The clouds' own app calls on a running gateway: which there are, and what answers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec

from gatewayd.app import Gateway
from gatewayd.clouds.local import LocalApp, Site
from gatewayd.config.uplinks import LOCAL, cloud_kinds


def local_apps(gateway: Gateway) -> Mapping[str, Callable[[], LocalApp]]:
    """Return what opens each cloud's answers, by its kind; not before somebody calls."""
    modules = {kind: f"{link.rpartition('.')[0]}.local" for kind, link in cloud_kinds().items()}
    return {
        kind: partial(_open, gateway, kind, module)
        for kind, module in modules.items()
        if find_spec(module)
    }


def _open(gateway: Gateway, kind: str, module: str) -> LocalApp:
    uplinks = gateway.settings.uplinks
    uplink = next((each for each in uplinks.values() if each.kind == kind), None)
    # What a cloud may do to the machine, its owner has not allowed to everybody here.
    premises = replace(gateway.premises(uplink.name if uplink else LOCAL), manage={})
    site = Site(uplink.config if uplink else None, premises, gateway.desk.submit)
    app: LocalApp = import_module(module).open_local(site)
    return app
