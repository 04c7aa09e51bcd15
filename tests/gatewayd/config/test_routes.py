"""The `[[route]]` tables, right and wrong, and where each mistake is said to be."""

from __future__ import annotations

from tomllib import loads
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tomlkit import dumps

from gatewayd.config import Problem
from gatewayd.routes import Route
from tests.gatewayd.config.written import Check, Checked

DEVICES = """\
[device.light]
driver = "sim_relay"
safe = "off"
hold_max = "1h"
state_file = "/tmp/light"
[device.hall]
driver = "sim"
[device.hall.signals.temperature]
kind = "temperature"
"""
GOOD = {
    "message": "2100",
    "thing": '"TSPR04E2O90201558"',
    "field": '"state"',
    "output": '"light/relay"',
    "values": '{ 0 = "off", "> 0" = "on" }',
    "hold": '"10m"',
}


def route(**changes: str) -> str:
    keys = {**GOOD, **changes}
    return "[[route]]\n" + "".join(f"{name} = {text}\n" for name, text in keys.items() if text)


def mistakes(checked: Checked) -> list[Problem]:
    return [problem for problem in checked.problems if not problem.is_warning]


def test_a_route_is_read(check: Check) -> None:
    """With its output, its values in their order, and its hold in seconds."""
    found = check(DEVICES + route() + route(thing='"*"', hold="", values="")).good
    assert found.routes == (
        Route(
            message=2100,
            thing="TSPR04E2O90201558",
            field="state",
            output="light/relay",
            values={"0": "off", "> 0": "on"},
            hold=600,
        ),
        Route(message=2100, thing="*", field="state", output="light/relay"),
    )


@pytest.mark.parametrize(
    ("changes", "line", "said"),
    [
        ({"message": "21000"}, 1, "message that things send; nearest: 2100"),
        ({"field": '"stat"'}, 3, 'message 2100: expected "state" or "tsmEv"; nearest: state'),
        ({"thing": '"tspr04e2o90201558"'}, 2, "nearest: TSPR04E2O90201558"),
        ({"thing": ""}, 0, 'no "thing"'),
        ({"output": '"light/rely"'}, 4, "of an output; nearest: light/relay"),
        ({"output": '"hall/temperature"'}, 4, "expected DEVICE/CHANNEL of an output"),
        ({"values": '{ 0 = "of" }'}, 5, 'found "of"; expected on or off'),
        ({"values": '{ "> much" = "on" }'}, 5, "a comparison such as"),
        ({"values": '{ 0 = ["on"] }'}, 5, "expected a value for the output"),
        ({"hold": '"0s"'}, 6, "expected more than zero"),
        ({"hold": "10"}, 6, 'nearest: "10s"'),
    ],
)
def test_a_mistake_in_a_route_has_its_line(
    check: Check, changes: dict[str, str], line: int, said: str
) -> None:
    """And what would be right, with the nearest word where there is one."""
    (problem,) = mistakes(check(DEVICES + route(**changes)))
    assert said in str(problem)
    assert problem.line == DEVICES.count("\n") + 1 + line
    assert problem.column >= 1


ODD: tuple[Any, ...] = (
    *(-1, 2**62, 1.5, float("nan"), True, "", "x", "a/b", "1s", "*"),
    *([], [1], {}, {"": 1}, {"> x": [{}]}, {"*": {"a": 1}}, {"1": float("inf")}),
)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from([*GOOD, "other"]), st.sampled_from(ODD), min_size=1))
def test_no_value_of_a_route_is_too_much(check: Check, odd: dict[str, Any]) -> None:
    """Odd values are problems with places inside the file."""
    text = DEVICES + dumps({"route": [{**loads(route())["route"][0], **odd}]})
    for problem in check(text).problems:
        assert 0 < problem.line <= text.count("\n") + 5


def test_an_unknown_key_of_a_route_is_told_with_the_nearest(check: Check) -> None:
    """As everywhere in the file."""
    (problem,) = mistakes(check(DEVICES + route() + 'ouput = "light/relay"\n'))
    assert str(problem).endswith("nearest: output")


def test_a_route_that_is_no_list_of_tables_is_told(check: Check) -> None:
    """One pair of brackets too few is the usual mistake."""
    (problem,) = mistakes(check(DEVICES + route().replace("[[route]]", "[route]")))
    assert "expected tables [[route]]" in str(problem)


def test_a_section_called_routes_is_told_with_the_nearest(check: Check) -> None:
    """Sections are known with this one too."""
    (problem,) = mistakes(check(DEVICES + route().replace("route", "routes")))
    assert problem.nearest == "route"
