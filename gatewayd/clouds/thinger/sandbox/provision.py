"""Accounts, devices, credentials, buckets and endpoints in one document.

    {"accounts": [{"user": "alice", "password": "…", "devices_max": 2,
                   "devices": [{"device": "gw01", "credentials": "…", "type": "Generic"}],
                   "buckets": [{"bucket": "boiler"}],
                   "endpoints": [{"endpoint": "alarm", "type": "email"}],
                   "properties": {"gw01": {"settings": {}}}}]}

What is missing is made up. `devices`, `buckets`, `endpoints` at the top belong to the first
account. What is there already is changed, so that a document can be sent twice.
"""

from __future__ import annotations

import secrets

from gatewayd.clouds.thinger.sandbox.call import AppPremises
from gatewayd.clouds.thinger.sandbox.records import Account
from gatewayd.clouds.thinger.sandbox.world import FIRST_USER
from gatewayd.sandbox.bodies import FILLED, OBJECT, TEXT, WHOLE, Document, Field, check, optional
from gatewayd.sandbox.errors import invalid

OBJECTS = Field(
    "a list of objects",
    lambda value: isinstance(value, list) and all(isinstance(each, dict) for each in value),
)
_THINGS = {
    "devices": optional(OBJECTS),
    "buckets": optional(OBJECTS),
    "endpoints": optional(OBJECTS),
    "properties": optional(OBJECT),
}
_TOP = {"accounts": optional(OBJECTS), **_THINGS}
_ACCOUNT = {"user": FILLED, "password": optional(TEXT), "devices_max": optional(WHOLE), **_THINGS}


def provision(premises: AppPremises, document: Document) -> Document:
    """Make what the document says and return it, secrets and tokens included.

    Raises:
        ApiError: something in it cannot be; what stood before it is made.
    """
    said = check(document, _TOP, place="provision")
    own = {name: said[name] for name in said if name != "accounts"}
    described = [check(each, _ACCOUNT, place="account") for each in said.get("accounts", [])]
    if own or not described:
        first = premises.world.accounts[FIRST_USER]
        described.insert(0, {"user": FIRST_USER, "password": first.password, **own})
    return {"accounts": [_account(premises, each) for each in described]}


def _account(premises: AppPremises, said: Document) -> Document:
    password = said.get("password") or secrets.token_urlsafe(9)
    devices_max = said.get("devices_max", 100)
    account = premises.world.add_account(said["user"], password, devices_max)
    devices = [_device(premises, account, each) for each in said.get("devices", [])]
    for each in said.get("buckets", []):
        _bucket(premises, account, each)
    for each in said.get("endpoints", []):
        if each.get("endpoint") not in account.endpoints:
            premises.world.add_endpoint(account, {"type": "http_request", **each})
    for id, properties in said.get("properties", {}).items():
        if not isinstance(properties, dict):
            raise invalid(f"properties of {id[:40]} are no object")
        premises.world.device(account, id).properties.update(properties)
    return {
        "user": account.id,
        "password": password,
        "access_token": premises.doors.pair(account)["access_token"],
        "devices": devices,
        "buckets": sorted(account.buckets),
        "endpoints": sorted(account.endpoints),
    }


def _device(premises: AppPremises, account: Account, said: Document) -> Document:
    body = {"type": "Generic", **said}
    if body["type"] != "HTTP":
        body.setdefault("credentials", secrets.token_urlsafe(9))
    device = account.devices.get(str(body.get("device")))
    if device is None:
        device = premises.world.add_device(account, body)
    else:
        changes = {name: value for name, value in body.items() if name != "device"}
        premises.world.change_device(device, changes)
    return {
        "device": device.id,
        "credentials": device.credentials,
        "callback_token": premises.doors.callback_token(account, device),
    }


def _bucket(premises: AppPremises, account: Account, said: Document) -> None:
    bucket = account.buckets.get(str(said.get("bucket")))
    if bucket is None:
        bucket = premises.world.add_bucket(account, said)
    else:
        changes = {name: value for name, value in said.items() if name != "bucket"}
        premises.world.change_bucket(bucket, changes)
    premises.feeds.settle(account, bucket.id)
