"""What a token may do: scopes, the resources they open, and with which methods. Pure.

Source: Thing+ REST API "Getting Started", chapter Scopes; `gateway-management` and
`actuator-command` came later (Thing+ guide, OAuth2).
"""

from __future__ import annotations

from collections.abc import Collection

READ = frozenset({"GET"})
UPDATE = frozenset({"GET", "PUT"})
CALL = frozenset({"POST"})
ALL = frozenset({"GET", "POST", "PUT", "DELETE"})

SCOPES: dict[str, dict[str, frozenset[str]]] = {
    "user-profile": {"users": UPDATE, "changePassword": ALL},
    "user-profile-read": {"users": READ},
    "gateway": {
        "gateways": ALL,
        "loadSeries": CALL,
        "registerGateway": CALL,
        "registerGatewayKey": CALL,
        "manageGateway": CALL,
        "controlActuator": CALL,
        "sensorTypes": READ,
        "sensorDrivers": READ,
        "gatewayModels": READ,
    },
    "gateway-read": {"gateways": READ, "controlActuator": CALL},
    "gateway-update": {
        "gateways": UPDATE,
        "loadSeries": CALL,
        "manageGateway": CALL,
        "controlActuator": CALL,
    },
    "gateway-management": {"manageGateway": CALL},
    "actuator-command": {"controlActuator": CALL},
    "timeline-read": {"timelines": READ},
    "tag": {"tags": ALL},
    "tag-read": {"tags": READ},
    "rule": {"rules": ALL, "pushDevices": ALL},
    "rule-read": {"rules": READ},
    "service-read": {"services": READ},
    "site-read": {"sites": READ},
    "billing-read": {"billings": READ},
}
"""Scope → resource (the first word of the path) → methods."""


def is_allowed(scopes: Collection[str], resource: str, method: str) -> bool:
    """Return whether one of the scopes opens this resource for this method."""
    return any(method in SCOPES.get(scope, {}).get(resource, ()) for scope in scopes)


def parse_scopes(text: str) -> frozenset[str]:
    """Return the known scopes of a list with spaces or commas between them."""
    return frozenset(text.replace(",", " ").split()) & SCOPES.keys()
