"""What became of every reading, for each uplink: accepted = delivered + pending + dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gatewayd.model import ChannelId


@dataclass(slots=True)
class Account:
    """One uplink's side of the log.

    Attributes:
        cursor: the last seq that this uplink is done with.
        accepted: readings of its channels that the log took.
        delivered: readings that its cloud has acknowledged.
        dropped: readings that it will never get, by reason: `rejected` (the cloud refused them),
            `full`, `aged`, `corrupt`, `unsubscribed`, `removed`, and `thinned/…` (see thinning).
        wanted: its channels; a change of configuration is told by comparing with this.
        offered: the last seq that was on its way to the cloud.
        repeated: readings that were on their way more than once, because no answer came to the
            first time: the cloud may have them twice.
    """

    cursor: int = 0
    accepted: int = 0
    delivered: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    wanted: frozenset[ChannelId] = frozenset()
    offered: int = 0
    repeated: int = 0

    @property
    def pending(self) -> int:
        """Readings that the log holds for this uplink."""
        return self.accepted - self.delivered - sum(self.dropped.values())

    def drop(self, reason: str, count: int) -> None:
        """Count readings that this uplink will never get; a negative count takes some back."""
        total = self.dropped.get(reason, 0) + count
        if total:
            self.dropped[reason] = total
        else:
            self.dropped.pop(reason, None)

    def copy(self) -> Account:
        """Return an account to be changed and put in the place of this one."""
        return replace(self, dropped=dict(self.dropped))


@dataclass(frozen=True, slots=True)
class Balance:
    """One line of the ledger, for people and scripts.

    `held` is counted in the log itself, row by row; the ledger balances when it equals what the
    counters say is pending. `repeated` may have reached the cloud twice.
    """

    accepted: int
    delivered: int
    pending: int
    held: int
    dropped: Mapping[str, int]
    repeated: int = 0

    @property
    def is_balanced(self) -> bool:
        """accepted = delivered + held + dropped."""
        return self.accepted == self.delivered + self.held + sum(self.dropped.values())


def balance_of(account: Account, held: int) -> Balance:
    """Return one line: an account, and what the log was counted to hold for it."""
    a = account
    return Balance(a.accepted, a.delivered, a.pending, held, dict(a.dropped), a.repeated)
