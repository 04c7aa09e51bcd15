"""Events of both protocols: there and back at both ends, in any pieces, and nonsense survived."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thinger.codec import Codec, Dialect
from gatewayd.clouds.thinger.events import (
    Answer,
    Call,
    Describe,
    Event,
    KeepAlive,
    Login,
    Operation,
    Run,
    Sample,
    StartStream,
    StopStream,
)
from gatewayd.clouds.thinger.iotmp_codec import Layout
from gatewayd.clouds.thinger.pson import Pson
from gatewayd.errors import Malformed
from gatewayd.fields import Secret
from tests.frames.thinger.vectors import Vector, load_vectors, mutants

IDS = st.integers(1, 65535)
NAMES = st.from_regex(r"[A-Za-z0-9_]{1,32}", fullmatch=True).filter(lambda name: name != "api")
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(tuple)
VALUES: st.SearchStrategy[Pson] = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
SAMPLES = st.dictionaries(st.sampled_from(["in", "out"]), VALUES, min_size=1)
EVENTS: st.SearchStrategy[Event] = (
    st.just(KeepAlive())
    | st.builds(Login, NAMES, NAMES, NAMES.map(Secret), st.just(0))
    | st.builds(Answer, IDS, st.just(True), VALUES)
    | st.builds(Run, IDS, PATHS, VALUES)
    | st.builds(Describe, IDS, PATHS | st.just(()))
    | st.builds(StartStream, IDS, PATHS, st.integers(0, 86_400_000))
    | st.builds(Call, IDS, st.sampled_from([Operation.WRITE_BUCKET]), NAMES, VALUES)
    | st.builds(Call, IDS, st.just(Operation.CALL_DEVICE), NAMES, VALUES, PATHS)
)
FRAMES = {
    dialect: load_vectors(dialect.value, "device->server", "server->device") for dialect in Dialect
}
QUICK, SLOW = 2000, 100_000


def feed(dialect: Dialect, *pieces: bytes) -> list[Event]:
    codec = Codec(dialect)
    return [event for piece in pieces for event in codec.feed(piece)]


@pytest.mark.parametrize("dialect", Dialect)
@given(event=EVENTS)
def test_an_event_means_the_same_at_the_other_end(dialect: Dialect, event: Event) -> None:
    """Whichever protocol carries it."""
    assert feed(dialect, Codec(dialect).encode(event)) == [event]


@given(IDS, SAMPLES, st.booleans())
def test_a_classic_sample_keeps_its_words(
    id: int, payload: dict[str, Pson], is_event: bool
) -> None:
    """`in`, `out` or both, as an event or not."""
    event = Sample(id, payload, is_event)
    assert feed(Dialect.CLASSIC, Codec(Dialect.CLASSIC).encode(event)) == [event]


def test_an_iotmp_sample_is_the_bare_value() -> None:
    """The newer protocol has no words around it."""
    codec = Codec(Dialect.IOTMP)
    assert codec.encode(Sample(120, {"out": 21.5})).hex() == "0a0808781a400000ac41"
    assert feed(Dialect.IOTMP, codec.encode(Sample(5, {"in": True}))) == [Sample(5, True)]


def test_a_stop_says_path_or_id() -> None:
    """Classic names the resource, IOTMP only the stream."""
    stop = StopStream(5, ("tank", "level"))
    assert feed(Dialect.CLASSIC, Codec(Dialect.CLASSIC).encode(stop)) == [stop]
    assert feed(Dialect.IOTMP, Codec(Dialect.IOTMP).encode(stop)) == [StopStream(5)]


@pytest.mark.parametrize("layout", Layout)
def test_both_layouts_of_a_call_are_read(layout: Layout) -> None:
    """An integer in one field or the other says which it is."""
    call = Call(4660, Operation.WRITE_BUCKET, "environment", {"humidity": 65})
    assert feed(Dialect.IOTMP, Codec(Dialect.IOTMP, layout).encode(call)) == [call]


def test_a_device_call_needs_the_layout_that_can_say_it() -> None:
    """Nobody has described the other one."""
    call = Call(1, Operation.CALL_DEVICE, "deviceB", True, ("led",))
    with pytest.raises(ValueError, match="layout"):
        Codec(Dialect.IOTMP, Layout.EMBEDDED).encode(call)


def test_an_iotmp_refusal_carries_its_reason() -> None:
    """With a number like HTTP's; the classic one carries nothing."""
    refusal = Answer(114, is_ok=False, detail="teapot", code=418)
    assert feed(Dialect.IOTMP, Codec(Dialect.IOTMP).encode(refusal)) == [refusal]
    assert Codec(Dialect.CLASSIC).encode(refusal).hex() == "010408721002"


def test_a_property_is_read_without_an_id_in_classic() -> None:
    """As the vendor's device does."""
    call = Call(7, Operation.GET_PROPERTY, "threshold")
    assert Codec(Dialect.CLASSIC).encode(call).hex() == "010e100b1e4a097468726573686f6c64"


def test_what_has_no_meaning_is_said_to_be_unknown() -> None:
    """A newer signal or subscription is not a broken peer."""
    (event,) = feed(Dialect.CLASSIC, bytes.fromhex("01021020"))
    assert type(event).__name__ == "Unknown"


@pytest.mark.parametrize(
    ("dialect", "frame"),
    [
        (Dialect.CLASSIC, "01021005"),  # A log-in of nobody.
        (Dialect.CLASSIC, "0102100a"),  # A write to no bucket.
        (Dialect.IOTMP, "03021a61"),
        (Dialect.IOTMP, "06042005 12e0"),
        (Dialect.IOTMP, "06062003 12e1 8161"),
    ],
)
def test_an_event_that_lacks_what_it_needs_is_malformed(dialect: Dialect, frame: str) -> None:
    """It is refused whole."""
    with pytest.raises(Malformed):
        feed(dialect, bytes.fromhex(frame))


@pytest.mark.parametrize(
    ("vector", "dialect"),
    [(vector, dialect) for dialect in Dialect for vector in FRAMES[dialect]],
    ids=str,
)
def test_every_recorded_frame_means_something(vector: Vector, dialect: Dialect) -> None:
    """One event each, also when it comes byte by byte."""
    events = feed(dialect, vector.data)
    assert len(events) == 1
    assert feed(dialect, *[vector.data[at : at + 1] for at in range(len(vector.data))]) == events


def survive(dialect: Dialect, count: int) -> None:
    refused = 0
    for data in mutants(FRAMES[dialect], count):
        try:
            feed(dialect, data)
        except Malformed:
            refused += 1
    assert 0 < refused < count


@pytest.mark.parametrize("dialect", Dialect)
def test_mutated_frames_are_survived(dialect: Dialect) -> None:
    """With nothing but Malformed."""
    survive(dialect, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", Dialect)
def test_very_many_mutated_frames_are_survived(dialect: Dialect) -> None:
    """With nothing but Malformed."""
    survive(dialect, SLOW)
