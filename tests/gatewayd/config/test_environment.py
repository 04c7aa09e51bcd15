from __future__ import annotations

from gatewayd.config.environment import override

FILE = {"uplink": {"Thing-Plus": {"api_key": "old"}}, "device": {"boiler": {"every": "10s"}}}


def test_a_variable_overrides_the_file_by_the_files_own_names() -> None:
    """Small letters stand for capitals, `_` for `-`; the source of the value is remembered."""
    environ = {"GATEWAYD_UPLINK__THING_PLUS__API_KEY": "new", "PATH": "/bin"}
    merged, sources, problems = override(FILE, environ)
    assert merged["uplink"] == {"Thing-Plus": {"api_key": "new"}}
    assert sources == {("uplink", "Thing-Plus", "api_key"): "GATEWAYD_UPLINK__THING_PLUS__API_KEY"}
    assert not problems
    assert FILE["uplink"]["Thing-Plus"]["api_key"] == "old"


def test_digits_stay_text_and_tables_are_read() -> None:
    """An API key of digits is no number; a table, a list and 0x76 are read as in the file."""
    environ = {
        "GATEWAYD_UPLINK__THING_PLUS__API_KEY": "0123",
        "GATEWAYD_UPLINK__THING_PLUS__CA": '{ file = "/x" }',
        "GATEWAYD_DEVICE__BOILER__ADDRESS": "0x76",
        "GATEWAYD_DEVICE__BOILER__CHANNEL__T__DEADBAND": "0.5",
        "GATEWAYD_OUTBOX__SIZE_MAX": "[half",
    }
    merged, _, problems = override(FILE, environ)
    assert merged["uplink"]["Thing-Plus"] == {"api_key": "0123", "ca": {"file": "/x"}}
    assert merged["device"]["boiler"]["address"] == 0x76
    assert merged["device"]["boiler"]["channel"] == {"t": {"deadband": "0.5"}}
    assert merged["outbox"] == {"size_max": "[half"}
    assert not problems


def test_an_unknown_variable_is_refused_with_the_nearest_one() -> None:
    """A misspelt section or name changes nothing and is reported."""
    environ = {
        "GATEWAYD_UPLINKS__X__Y": "1",
        "GATEWAYD_UPLINK__THINGPLUS__API_KEY": "1",
        "GATEWAYD_OUTBOX": "1",
        "GATEWAYD_CONFIG": "/etc/other.toml",
    }
    merged, _, problems = override(FILE, environ)
    assert merged == FILE
    assert [str(problem) for problem in problems] == [
        "environment variable GATEWAYD_OUTBOX: no key in its name; expected GATEWAYD_SECTION__KEY",
        "environment variable GATEWAYD_UPLINKS__X__Y: unknown section uplinks; expected "
        '"gateway", "clock", "outbox", "totals", "console", "port", "device" or "uplink"; '
        "nearest: GATEWAYD_UPLINK__…",
        "environment variable GATEWAYD_UPLINK__THINGPLUS__API_KEY: no [uplink.thingplus] in the "
        'file; expected "Thing-Plus"; nearest: Thing-Plus',
    ]
