from __future__ import annotations

import pytest

from tests.gatewayd.config.written import Check

DEVICES = """
[device.boiler]
driver = "sim"
signals.level = {}
[device.pump]
driver = "sim_relay"
safe = "off"
hold_max = "1h"
"""
UPLINK = '[uplink.main]\nkind = "nimbus"\nhost = "h"\n'


def test_an_uplink_gets_its_clouds_own_config(check: Check, cloud: str) -> None:
    """The kind names the cloud's module; the other keys are its Config."""
    text = UPLINK + 'api_key = "k"\n[uplink.main.sensors]\n"boiler/level" = { id = "x" }'
    uplink = check(DEVICES + text).good.uplinks["main"]
    assert uplink.kind == cloud
    assert uplink.config.sensors["boiler/level"].id == "x"  # type: ignore[attr-defined]  # The cloud's own.
    assert uplink.config.api_key.reveal() == "k"  # type: ignore[attr-defined]  # As above.


def test_unknown_channels_are_named_with_the_nearest(check: Check, cloud: str) -> None:
    """A table of names by channel is checked against the devices of the file."""
    text = UPLINK + 'api_key = "k"\nsensors."boiler/levle" = { id = "x" }\n'
    text += 'actuators."boiler/level" = { id = "y" }'
    assert check(DEVICES + text).said == [
        '13:9: unknown channel "boiler/levle"; expected DEVICE/CHANNEL of this file; '
        "nearest: boiler/level",
        '14:11: "boiler/level" is measured, not set; expected an output among the actuators',
    ]


def test_channels_of_a_device_that_cannot_be_read_are_not_complained_of(
    check: Check, cloud: str
) -> None:
    """One wrong driver name is one problem, not one more for each of its channels."""
    text = UPLINK + 'api_key = "k"\nsensors."x/y" = { id = "x" }\n[device.x]\ndriver = "smi"'
    assert len(check(DEVICES + text).said) == 1


def test_an_unknown_kind_names_the_nearest(check: Check, cloud: str) -> None:
    """Kinds are the clouds that are installed."""
    (line,) = check(DEVICES + '[uplink.x]\nkind = "nimbos"').said
    assert line.startswith('10:8: found "nimbos"; expected "nimbus"')
    assert line.endswith("nearest: nimbus")


def test_no_uplink_may_pass_for_the_local_user(check: Check, cloud: str) -> None:
    """`local` is the origin of commands from this machine."""
    text = UPLINK.replace("main", "local") + 'api_key = "k"\nsensors."pump/relay" = {id = "x"}'
    assert check(DEVICES + text).said == [
        "9:9: found the name local; expected another, this one is taken"
    ]


def test_an_uplink_that_takes_nothing_is_unwise(check: Check, cloud: str) -> None:
    """A warning, and the file is still good."""
    checked = check(DEVICES + UPLINK + 'api_key = "k"')
    assert checked.said == ["9:9: warning: uplink main takes no channel; nothing will be sent"]
    assert checked.good


def test_a_secret_is_never_repeated(check: Check, cloud: str) -> None:
    """Neither a key of the wrong type nor one in the wrong table reaches a message."""
    said = check(
        DEVICES + UPLINK + "api_key = 4711\nreport_interval = 5\npassword = 'hunter2'"
    ).said
    assert [line.partition(";")[0] for line in said] == [
        "12:11: a secret that cannot be used",
        "13:19: found 5",
        '14:1: unknown key "password"',
    ]


def test_a_credential_is_taken_on_trust_outside_the_service(check: Check, cloud: str) -> None:
    """`gatewayd check` in a shell has no credentials; in the service a missing one is an error."""
    text = DEVICES + UPLINK + 'api_key = { credential = "key" }\nsensors."pump/relay" = {id = "x"}'
    outside = check(text)
    assert outside.said == [
        '12:11: warning: credential "key" is for the service only; it cannot be checked from here'
    ]
    assert outside.good
    inside = check(text, {"CREDENTIALS_DIRECTORY": "/nowhere"})
    assert inside.settings is None


def test_a_value_from_the_environment_is_blamed_on_it(check: Check, cloud: str) -> None:
    """The message names the variable, and a good value overrides the file's."""
    text = DEVICES + UPLINK + 'sensors."pump/relay" = {id = "x"}'
    name = "GATEWAYD_UPLINK__MAIN__API_KEY"
    assert check(text, {name: "123"}).good.uplinks["main"].config.api_key.reveal() == "123"  # type: ignore[attr-defined]  # The cloud's own.
    bad = check(text, {name: "123", "GATEWAYD_UPLINK__MAIN__REPORT_INTERVAL": "5"})
    assert bad.said == [
        'environment variable GATEWAYD_UPLINK__MAIN__REPORT_INTERVAL: found "5"; a duration '
        'needs a number and a unit, such as "10s", "5m" or "2h"; nearest: "5s"'
    ]


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("thingplus", 'host = "h"\napi_key = "k"'),
        ("thethingsio", 'token = "k"'),
        ("thinger", 'user = "u"\ncredentials = "k"'),
        ("thingsee", 'host = "h"'),
    ],
)
def test_a_port_that_is_none_is_told_its_range(check: Check, kind: str, keys: str) -> None:
    """In plain words, without the program's names for its parts."""
    [said] = check(DEVICES + f'[uplink.main]\nkind = "{kind}"\nport = 99999\n{keys}').said
    assert "port is 99999; ports are 1 to 65535" in said
    assert "expected this to be put right in uplink main" in said
    assert "gatewayd." not in said
