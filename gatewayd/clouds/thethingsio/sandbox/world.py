"""All that the sandbox cloud knows, and who may do what with it.

Chosen where the vendor's pages are silent: an unknown activation code is 404, a used one 403; an
e-mail address that is taken is 400; a wrong password 401; a thing that is not linked 403.

Source: thethings.iO API reference; App Development guide.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sized

from gatewayd.clouds.thethingsio.sandbox.errors import bad, forbidden, missing, no_session, refusal
from gatewayd.clouds.thethingsio.sandbox.records import (
    ALL_RIGHTS,
    DESCRIPTION,
    App,
    Code,
    Firmware,
    Session,
    Thing,
    User,
)
from gatewayd.clouds.thethingsio.sandbox.settings import SandboxSettings
from gatewayd.clouds.thethingsio.sandbox.timeline import Timeline
from gatewayd.sandbox.clock import MovableClock

FIRST_APP = "sandbox"
FIRST_EMAIL = "sandbox@example.com"
FIRST_PASSWORD = "sandbox"  # noqa: S105 - Of a cloud that ends with its process; no secret at all.

RECORDS_MAX = 10_000
"""Things, users, codes, sessions of each kind; a test that loops must not eat the machine."""

KEYS_MAX = 10_000
"""Resources of one thing."""


class World:
    """The records. Tokens and ids are of the vendor's lengths: 43 letters, codes 34."""

    def __init__(self, settings: SandboxSettings, clock: MovableClock) -> None:
        self.settings = settings
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything but the first app with its first user."""
        self.things: dict[str, Thing] = {}
        self.ids: dict[str, Thing] = {}
        self.codes: dict[str, Code] = {}
        self.apps = {FIRST_APP: App(FIRST_APP)}
        self.users: dict[tuple[str, str], User] = {}
        self.sessions: dict[str, Session] = {}
        self.firmwares: dict[str, Firmware] = {}
        self.register(FIRST_EMAIL, FIRST_PASSWORD, FIRST_APP)

    # Things.

    def add_code(self, code: str = "", product: str = "") -> Code:
        """Mint an activation code. Raises ApiError."""
        self._check_room(self.codes)
        made = Code(code or secrets.token_urlsafe(26)[:34], product)
        if made.code in self.codes:
            raise bad("Activation code exists already")
        self.codes[made.code] = made
        return made

    def activate(self, code: str, product: str = "") -> Thing:
        """Spend a code on a new thing. Raises ApiError."""
        found = self.codes.get(code)
        if found is None:
            raise missing("Activation code")
        if found.used_by:
            raise forbidden("Activation code already used")
        thing = self.add_thing(product=found.product or product)
        found.used_by = thing.id
        return thing

    def add_thing(
        self, token: str = "", id: str = "", *, name: str = "", product: str = ""
    ) -> Thing:
        """Make a thing. Raises ApiError: the token or id is taken."""
        self._check_room(self.things)
        token, id = token or secrets.token_urlsafe(32), id or secrets.token_urlsafe(32)
        if token in self.things or id in self.ids:
            raise bad("The thing exists already")
        thing = Thing(token, id, name, product, self.clock.now_ms())
        self.things[token] = self.ids[id] = thing
        return thing

    def thing(self, token: str) -> Thing:
        """Return the thing of a token. Raises ApiError: 404."""
        if token not in self.things:
            raise missing("Thing")
        return self.things[token]

    def thing_of(self, id: str) -> Thing:
        """Return the thing of an id. Raises ApiError: 404."""
        if id not in self.ids:
            raise missing("Thing")
        return self.ids[id]

    def renew_token(self, thing: Thing, token: str = "") -> None:
        """Revoke a thing's token; it has another one now."""
        del self.things[thing.token]
        thing.token = token or secrets.token_urlsafe(32)
        self.things[thing.token] = thing

    def timeline(self, thing: Thing, key: str) -> Timeline:
        """Return a resource of a thing, made now if there was none. Raises ApiError."""
        if key not in thing.timelines:
            if len(thing.timelines) >= KEYS_MAX:
                raise bad(f"More than {KEYS_MAX} resources")
            thing.timelines[key] = Timeline(self.settings.rows_max)
        return thing.timelines[key]

    # Users.

    def register(self, email: str, password: str, app: str) -> User:
        """Make a user of an app. Raises ApiError."""
        self._check_room(self.users)
        if app not in self.apps:
            raise missing("App")
        if (app, email) in self.users:
            raise bad("The user exists already")
        user = self.users[app, email] = User(email, password, self.apps[app])
        return user

    def log_in(self, email: str, password: str, app: str) -> Session:
        """Open a session. Raises ApiError: 401."""
        user = self.users.get((app, email))
        if user is None or not secrets.compare_digest(user.password.encode(), password.encode()):
            raise refusal(401, "Invalid email, password or app")
        return self.open_session(user)

    def open_session(self, user: User) -> Session:
        """Return a new session of a user."""
        self._check_room(self.sessions)
        expires_ms = self.clock.now_ms() + self.settings.session_s * 1000
        session = Session(secrets.token_urlsafe(20), user, expires_ms)
        self.sessions[session.token] = session
        return session

    def session(self, token: str) -> Session:
        """Return an open session. Raises ApiError: 401."""
        found = self.sessions.get(token)
        if found is None or found.expires_ms <= self.clock.now_ms():
            raise no_session()
        return found

    def user(self, app: str, email: str) -> User:
        """Return a user. Raises ApiError: 404."""
        if (app, email) not in self.users:
            raise missing("User")
        return self.users[app, email]

    # Rights.

    def rights(self, user: User, key: str, thing_id: str) -> frozenset[str]:
        """Return what a user may do with a resource: get, post, grant, put, delete."""
        is_asked = user.app.resources is None or key in {*user.app.resources, DESCRIPTION}
        if thing_id in user.things and is_asked:
            return ALL_RIGHTS
        return frozenset(user.grants.get((key, thing_id), ()))

    def visible(self, user: User) -> Iterator[tuple[str, str]]:
        """Yield every (key, thing id) that a user may do something with."""
        pairs = {
            (key, thing_id)
            for thing_id in user.things
            for key in (DESCRIPTION, *self.ids[thing_id].timelines)
        }
        for key, thing_id in sorted(pairs | user.grants.keys()):
            if thing_id in self.ids and self.rights(user, key, thing_id):
                yield key, thing_id

    def permitted(self, user: User, key: str, thing_id: str, right: str) -> Thing:
        """Return the thing, if the user may do this with its resource. Raises ApiError."""
        thing = self.thing_of(thing_id)
        if right not in self.rights(user, key, thing_id):
            raise forbidden("The thing is not linked, or this resource of it is not allowed")
        return thing

    def _check_room(self, records: Sized) -> None:
        if len(records) >= RECORDS_MAX:
            raise refusal(500, f"More than {RECORDS_MAX} records")
