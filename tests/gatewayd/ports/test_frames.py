"""Frames of a recording: what is written is what is read, and nothing else is made of a file."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.errors import DeviceTimeout, Malformed
from gatewayd.ports.frames import Frame, error_of, plain, read_frame, rich, write_frame
from gatewayd.ports.modbus import Slave

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.integers() | st.text(), inner),
)


@given(PLAIN)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    """Through JSON and back: bytes stay bytes, whole numbers stay keys."""
    assert rich(json.loads(json.dumps(plain(value)))) == value


def test_a_frame_comes_back_as_it_was() -> None:
    """An answer and an error."""
    for frame in (
        Frame(1.25, "i2c('i2c:1')", "transfer", {"": [118, {"hex": "d0"}]}, {"hex": "60"}),
        Frame(2.5, "serial('x')", "lines", {"": []}, None, ("DeviceTimeout", "silent"), "item"),
    ):
        assert read_frame(json.loads(json.dumps(write_frame(frame)))) == frame


def test_an_error_is_raised_again_as_what_it_was() -> None:
    """A driver that told time-out from absence still does."""
    error = error_of(Frame(0, "w", "c", {}, None, ("DeviceTimeout", "too late")))
    assert isinstance(error, DeviceTimeout) and str(error) == "too late"


@pytest.mark.parametrize(
    "told",
    [
        {"hex": "zz"},
        {"is": "os.system", "fields": {"command": "true"}},
        {"is": "gatewayd.ports.worker.Worker", "fields": {"name": "x"}},
        {"is": "gatewayd.ports.modbus.Slave", "fields": {"nonsense": 1}},
    ],
)
def test_a_file_makes_nothing_but_what_ports_say(told: object) -> None:
    """A recording comes from anybody: no function of it is called, no thread begun."""
    with pytest.raises(Malformed):
        rich(told)


def test_what_json_does_not_know_is_named_and_no_more() -> None:
    """A filter that a driver passes along, say."""
    assert plain(print) == {"some": "builtin_function_or_method"}
    assert rich(plain(print)) is None
    assert plain([Slave]) == [{"some": "type"}]


def test_a_set_has_one_order() -> None:
    """Every process shuffles its own; a replay must ask what was recorded."""
    assert plain(frozenset({"b", "a", "c"})) == plain({"c", "a", "b"}) == ["a", "b", "c"]


def test_nesting_has_an_end() -> None:
    """A file cannot exhaust the stack."""
    told: object = 1
    for _ in range(200):
        told = [told]
    with pytest.raises(Malformed):
        rich(told)


@given(st.dictionaries(st.sampled_from(["t", "wire", "call", "given", "error", "how"]), PLAIN))
def test_a_broken_line_is_malformed(line: dict[str, object]) -> None:
    """Whatever stands there, one kind of error."""
    try:
        frame = read_frame(line)
    except Malformed:
        return
    assert isinstance(frame.time_s, float)
