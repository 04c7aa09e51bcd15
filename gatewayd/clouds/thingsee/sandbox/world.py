"""All that the sandbox cloud knows: clients with their tokens, groups, things, their history.

Chosen where the public material is silent: a thing is known from its first message on, is `new`
and in no group; an unknown thing or group is 404, a group that exists or has things 409. A thing
may be put back to `unassigned`; no group may be called so.

Source: Thingsee Open Services API; Haltian developer site, deployment groups.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sized

from gatewayd.clouds.thingsee.rest_groups import UNASSIGNED
from gatewayd.clouds.thingsee.rest_types import InstallationStatus
from gatewayd.clouds.thingsee.sandbox.errors import (
    bad,
    conflict,
    missing,
    refusal,
    unauthorized,
)
from gatewayd.clouds.thingsee.sandbox.history import History
from gatewayd.clouds.thingsee.sandbox.records import ApiClient, Group, Installation, Thing
from gatewayd.clouds.thingsee.sandbox.settings import SandboxSettings
from gatewayd.sandbox.clock import MovableClock

FIRST_CLIENT = "sandbox"
"""Client id and secret of what a fresh world has; no secret at all."""

RECORDS_MAX = 10_000
"""Things, groups, clients of each kind; a test that loops must not eat the machine."""

TOKENS_MAX = 10_000
"""Tokens that live at once; the oldest goes. The vendor's installer gets one for every call."""

GROUP_LETTERS_MAX = 64


class World:
    """The records by id."""

    def __init__(self, settings: SandboxSettings, clock: MovableClock) -> None:
        self.initial_settings = settings
        self.clock = clock
        self.history = History(settings.history_max, settings.history_bytes_max)
        self.reset()

    def reset(self) -> None:
        """Forget everything but the first client."""
        self.settings = self.initial_settings
        self.clients = {FIRST_CLIENT: ApiClient(FIRST_CLIENT, FIRST_CLIENT)}
        self.tokens: OrderedDict[str, tuple[ApiClient, int]] = OrderedDict()
        self.groups: dict[str, Group] = {}
        self.things: dict[str, Thing] = {}
        self.history.clear()

    def now_s(self) -> int:
        """Return the cloud's time in unix seconds."""
        return self.clock.now_ms() // 1000

    # Clients and tokens.

    def add_client(self, id: str, secret: str) -> ApiClient:
        """Make a client. Raises ApiError: its id is taken."""
        if id in self.clients:
            raise conflict(f"client {id} exists")
        _expect_room(self.clients)
        client = self.clients[id] = ApiClient(id, secret)
        return client

    def sign_in(self, id: str, secret: str) -> str:
        """Return a new token for a client's credentials. Raises ApiError: 401."""
        client = self.clients.get(id)
        if client is None or not secrets.compare_digest(client.secret.encode(), secret.encode()):
            raise unauthorized("no such client, or a wrong secret")
        return self.issue_token(client)

    def issue_token(self, client: ApiClient) -> str:
        """Return a new token; those before stay good."""
        token = secrets.token_urlsafe(48)
        self.tokens[token] = (client, self.clock.now_ms() + self.settings.token_s * 1000)
        if len(self.tokens) > TOKENS_MAX:
            self.tokens.popitem(last=False)
        return token

    def client_of(self, token: str) -> ApiClient:
        """Return whose token this is. Raises ApiError: 401."""
        found = self.tokens.get(token)
        if found is None:
            raise unauthorized("the token is none of this cloud's, or was revoked")
        client, end_ms = found
        if self.clock.now_ms() >= end_ms:
            raise unauthorized("the token has expired")
        return client

    def revoke_tokens(self, client_id: str = "") -> int:
        """Let the tokens of one client, or of all, be good no more; return how many there were."""
        meant = [token for token, (owner, _) in self.tokens.items() if client_id in ("", owner.id)]
        for token in meant:
            del self.tokens[token]
        return len(meant)

    # Things.

    def thing(self, tuid: str) -> Thing:
        """Return a thing. Raises ApiError: 404."""
        if tuid not in self.things:
            raise missing(f"thing {tuid[:40]}")
        return self.things[tuid]

    def meet(self, tuid: str) -> Thing:
        """Return a thing, made now if there was none. Raises ApiError: there are too many."""
        if tuid not in self.things:
            _expect_room(self.things)
            made = self.things[tuid] = Thing(tuid)
            made.installations.appendleft(Installation("new", self.now_s(), ""))
        return self.things[tuid]

    def install(self, thing: Thing, status: str, responsible: str) -> None:
        """Set a thing's status. Raises ApiError: there is no such status."""
        if status not in {each.value for each in InstallationStatus}:
            raise bad(f"installation_status is {', '.join(InstallationStatus)}")
        thing.installations.appendleft(Installation(status, self.now_s(), responsible))

    def assign(self, thing: Thing, group: str) -> None:
        """Put a thing into a group. Raises ApiError: there is none."""
        if group != UNASSIGNED:
            self.group(group)
        thing.group = group

    # Groups.

    def group(self, id: str) -> Group:
        """Return a group. Raises ApiError: 404."""
        if id not in self.groups:
            raise missing(f"group {id[:80]}")
        return self.groups[id]

    def add_group(self, id: str, description: str = "") -> Group:
        """Make a group. Raises ApiError: a name that none may have, or that is taken."""
        _check_name(id)
        if id in self.groups:
            raise conflict(f"group {id} exists")
        _expect_room(self.groups)
        group = self.groups[id] = Group(id, description)
        return group

    def rename_group(self, group: Group, new: str) -> None:
        """Give a group with its things another name. Raises ApiError."""
        _check_name(new)
        if new in self.groups:
            raise conflict(f"group {new} exists")
        del self.groups[group.id]
        for thing in self.things_of(group.id):
            thing.group = new
        group.id = new
        self.groups[new] = group

    def remove_group(self, group: Group) -> None:
        """Forget a group. Raises ApiError: it has things."""
        if self.things_of(group.id):
            raise conflict(f"group {group.id} still has things")
        del self.groups[group.id]

    def things_of(self, group: str) -> list[Thing]:
        """Return the things of a group."""
        return [thing for thing in self.things.values() if thing.group == group]


def _check_name(group: str) -> None:
    """Raise ApiError for a name that no group may have; it becomes part of topics and paths."""
    if not group or len(group) > GROUP_LETTERS_MAX:
        raise bad(f"group_id has 1 to {GROUP_LETTERS_MAX} characters")
    if any(letter.isspace() for letter in group):
        raise bad("group_id must not have whitespace in it")
    if group == UNASSIGNED:
        raise bad(f"group_id must not be {UNASSIGNED}")
    if set(group) & set("/+#"):
        raise bad("group_id must not have / + # in it")


def _expect_room(records: Sized) -> None:
    if len(records) >= RECORDS_MAX:
        raise refusal(500, f"more than {RECORDS_MAX} records")
