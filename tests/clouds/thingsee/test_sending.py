"""Bodies that send commands."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingsee.codec import MESSAGES_MAX
from gatewayd.clouds.thingsee.sending import read_commands
from gatewayd.errors import Malformed

GOOD = {"tsmId": 1500, "tsmEv": 30, "transactionId": 7}


def test_a_body_is_commands() -> None:
    """As many as fit, in their order."""
    commands = read_commands([{**GOOD, "transactionId": n} for n in range(MESSAGES_MAX)], {1500})
    assert [each.transaction for each in commands] == [*range(MESSAGES_MAX)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "array"),
        ([], "array"),
        (GOOD, "array"),
        ([GOOD] * (MESSAGES_MAX + 1), "array"),
        ([GOOD, 7], "not an object"),
        ([GOOD, {"tsmId": 1500}], "tsmEv"),
        ([GOOD, {**GOOD, "tsmId": 1404}], "1404 is not allowed"),
        ([GOOD, {**GOOD, "transactionId": 1.5}], "transactionId"),
        ([GOOD, {**GOOD, "transactionId": 2**31}], "transactionId"),
    ],
)
def test_one_that_cannot_be_sent_keeps_all_back(body: object, words: str) -> None:
    """With what is wrong."""
    with pytest.raises(Malformed, match=words):
        read_commands(body, {1500})
