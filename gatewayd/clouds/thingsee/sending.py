"""Commands as the body of a REST call that sends them, for whoever answers one; pure.

Source: Thingsee Open Services API, "Send a command to a thing".
"""

from __future__ import annotations

from collections.abc import Container

from gatewayd.clouds.thingsee.codec import MESSAGES_MAX, TRANSACTION_MAX, Message, of_json
from gatewayd.errors import Malformed


def read_commands(body: object, allowed: Container[int]) -> list[Message]:
    """Return the commands of a body.

    Args:
        body: decoded JSON.
        allowed: the messages that may be sent.

    Raises:
        Malformed: any of them cannot be sent; then none is.
    """
    if not isinstance(body, list) or not 1 <= len(body) <= MESSAGES_MAX:
        raise Malformed(f"the body is not an array of 1 to {MESSAGES_MAX} commands")
    found = [of_json(each) for each in body]
    for command in found:
        if command.id not in allowed:
            raise Malformed(f"message id {command.id} is not allowed")
        said = command.fields.get("transactionId")
        if said is not None and command.transaction is None:
            raise Malformed(f"transactionId is not a whole number to {TRANSACTION_MAX}")
    return found
