"""REST endpoints of deployment groups, of tokens, and those that one guide only names.

Source: Thingsee Open Services API, Deployment Groups and Authentication; Thingsee Toolbox (list
of groups, things of a group); Haltian developer site, deployment groups.
"""

from __future__ import annotations

from gatewayd.clouds.thingsee.rest_groups import UNASSIGNED
from gatewayd.clouds.thingsee.sandbox.call import Call, Route
from gatewayd.clouds.thingsee.sandbox.errors import refusal
from gatewayd.clouds.thingsee.sandbox.records import Group
from gatewayd.sandbox.bodies import FILLED, TEXT, Document, optional


def client_token(call: Call) -> object:
    """A new token for a client's credentials."""
    body = call.checked({"client_id": FILLED, "client_secret": FILLED})
    return {"token": call.world.sign_in(body["client_id"], body["client_secret"])}


def create(call: Call) -> object:
    """Make a group."""
    body = call.checked({"group_id": TEXT, "group_description": optional(TEXT)})
    return _group(call.world.add_group(body["group_id"], body.get("group_description", "")))


def rename(call: Call) -> object:
    """Give a group another name."""
    group = call.group()
    old = group.id
    call.world.rename_group(group, call.checked({"group_id": TEXT})["group_id"])
    return {"group_id": group.id, "old": old, "renamed": True}


def remove(call: Call) -> object:
    """Delete a group that has no things."""
    group = call.group()
    call.world.remove_group(group)
    return {"group_id": group.id, "deleted": True}


def groups(call: Call) -> object:
    """The groups, those that have `q` in their names, `limit` of them."""
    part, limit = call.asked.get("q", ""), call.whole("limit")
    found = [_group(each) for each in call.world.groups.values() if part in each.id]
    return found[: limit or None]


def group(call: Call) -> object:
    """One group."""
    return _group(call.group())


def things(call: Call) -> object:
    """The TUIDs of a group; `unassigned` is one here."""
    id = call.names["group"]
    found = id if id == UNASSIGNED else call.world.group(id).id
    return {"group_id": found, "tuids": [each.tuid for each in call.world.things_of(found)]}


def _group(group: Group) -> Document:
    return {"group_id": group.id, "group_description": group.description}


def not_described(call: Call) -> object:
    """What nobody has described."""
    raise refusal(501, "the vendor names this endpoint and describes neither body nor answer")


ROUTES = (
    Route("POST", "/auth/client-token", client_token, is_open=True),
    Route("POST", "/groups", create),
    Route("POST", "/groups/{group}/rename", rename),
    Route("DELETE", "/groups/{group}", remove),
    Route("GET", "/groups", groups),
    Route("GET", "/groups/{group}", group),
    Route("GET", "/groups/{group}/things", things),
    Route("POST", "/groups/{group}/firmware", not_described),
    Route("POST", "/groups/{group}/config", not_described),
    Route("GET", "/groups/{group}/status", not_described),
)
