"""Users of apps: register, log in, link and unlink things, share them, keep settings.

Source: thethings.iO App Development guide; API reference rows 11 to 16, 21, 22, 30, 31.
"""

from __future__ import annotations

from gatewayd.clouds.thethingsio.sandbox.call import Answer, Auth, Call, Route, success
from gatewayd.clouds.thethingsio.sandbox.errors import bad, forbidden
from gatewayd.clouds.thethingsio.sandbox.records import ALL_RIGHTS, Session, Thing, User
from gatewayd.clouds.thethingsio.sandbox.world import World
from gatewayd.sandbox.bodies import FILLED, OBJECT, Document, optional

SETTINGS_MAX = 1000
GRANTS_MAX = 10_000

_LOGIN = {"email": FILLED, "password": FILLED, "app": FILLED}
_LINK = {"thingToken": optional(FILLED), "thingId": optional(FILLED)}
_GRANT = {"email": optional(FILLED), "permissions": OBJECT}


async def register(call: Call) -> Answer:
    """Make a user, and log him in."""
    body = call.checked(_LOGIN)
    user = call.world.register(body["email"], body["password"], body["app"])
    opened = describe_session(call.world, call.world.open_session(user))
    return Answer({**opened, "status": "success", "message": "user created"}, 201)


async def log_in(call: Call) -> Answer:
    """Open a session."""
    body = call.checked(_LOGIN)
    session = call.world.log_in(body["email"], body["password"], body["app"])
    return Answer(describe_session(call.world, session))


def describe_session(world: World, session: Session) -> Document:
    """Return a session as the cloud shows it: token, seconds until its end, rights."""
    roles: Document = {}
    for key, thing_id in world.visible(session.user):
        rights = world.rights(session.user, key, thing_id)
        roles.setdefault(f"RSRC_{key}", {})[thing_id] = dict.fromkeys(sorted(rights), True)
    left_ms = session.expires_ms - world.clock.now_ms()
    return {"token": session.token, "expirationDate": left_ms // 1000, "roles": roles}


async def link(call: Call) -> Answer:
    """Make the user the owner of a thing whose token, or id, he knows."""
    body = call.checked(_LINK)
    if "thingToken" in body:
        thing = call.world.thing(body["thingToken"])
    elif "thingId" in body:
        thing = call.world.thing_of(body["thingId"])
    else:
        raise bad("thingToken is required")
    call.user.things.add(thing.id)
    return success("created", 201, thingId=thing.id)


async def linked(call: Call) -> Answer:
    """Return the user's things."""
    world = call.world
    things = [world.ids[id] for id in sorted(call.user.things) if id in world.ids]
    return Answer([{"_id": thing.id, "name": thing.name} for thing in things])


async def unlink(call: Call) -> Answer:
    """Take a thing from the user; its id in the path, the query or the body."""
    thing_id = call.names.get("id") or call.request.query.get("thingId")
    thing_id = thing_id or call.checked(_LINK).get("thingId")
    if not thing_id:
        raise bad("thingId is required")
    if thing_id not in call.user.things:
        raise forbidden("The thing is not linked")
    call.user.things.remove(thing_id)
    return success("unlinked")


async def grant(call: Call) -> Answer:
    """Let another user do what one may do oneself, or the app what the user allows it."""
    body, world, user = call.checked(_GRANT), call.world, call.user
    target = world.user(user.app.id, body["email"]) if "email" in body else user
    wanted = list(_wanted(call, body["permissions"]))
    for key, thing, rights in wanted:
        if not _may_grant(world, user, (key, thing.id), rights, is_own=target is user):
            raise forbidden("It is not possible to grant permissions that the session lacks")
    if len(target.grants) + len(wanted) > GRANTS_MAX:
        raise bad(f"More than {GRANTS_MAX} grants")
    for key, thing, rights in wanted:
        target.grants.setdefault((key, thing.id), set()).update(rights)
    if target is not user:
        mail = {"to": target.email, "from": user.email, "permissions": body["permissions"]}
        call.premises.journal.mails.append(mail)
    return success("granted")


def _wanted(call: Call, permissions: Document) -> list[tuple[str, Thing, set[str]]]:
    """Return what is to be granted. Raises ApiError."""
    found = []
    for key, things in permissions.items():
        if not isinstance(things, dict):
            raise bad(f"The permissions of {key} are no object")
        for thing_id, rights in things.items():
            if not isinstance(rights, dict) or not rights.keys() <= ALL_RIGHTS:
                raise bad("A permission is neither get, post, grant, put nor delete")
            asked = {name for name, is_granted in rights.items() if is_granted is True}
            found.append((key, call.world.thing_of(thing_id), asked))
    return found


def _may_grant(
    world: World, user: User, place: tuple[str, str], rights: set[str], *, is_own: bool
) -> bool:
    if is_own:
        return place[1] in user.things
    own = world.rights(user, *place)
    return "grant" in own and rights <= own


async def settings(call: Call) -> Answer:
    """Return the user's settings."""
    return Answer(call.user.settings)


async def set_settings(call: Call) -> Answer:
    """Change some of the user's settings; `password` changes the password and is not kept."""
    changes = dict(call.body())
    password = changes.pop("password", None)
    if password is not None and not (isinstance(password, str) and password):
        raise bad("password is no text")
    if len(call.user.settings | changes) > SETTINGS_MAX:
        raise bad(f"More than {SETTINGS_MAX} settings")
    call.user.settings |= changes
    call.user.password = password or call.user.password
    return success("updated")


ROUTES = (
    Route("POST", "/register", register, Auth.NONE),
    Route("POST", "/login", log_in, Auth.NONE),
    Route("POST", "/me/things", link),
    Route("GET", "/me/things", linked),
    Route("DELETE", "/me/things", unlink),
    Route("DELETE", "/me/things/{id}", unlink),
    Route("PUT", "/me/grant", grant),
    Route("GET", "/me/settings", settings),
    Route("PUT", "/me/settings", set_settings),
)
