"""Who is let through before anybody looks at the request, decided without a socket."""

from __future__ import annotations

import pytest

from gatewayd.console.http_guard import HEADERS, find_objection, is_loopback, split_address

POST, GET = "POST", "GET"
OUTPUT = "/api/outputs/pump/relay"
OWN = {"Host": "127.0.0.1:8090"}


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:8090", ("127.0.0.1", 8090)),
        ("[::1]:0", ("::1", 0)),
        ("pi.lan:80", ("pi.lan", 80)),
    ],
)
def test_an_address_is_host_and_port(listen: str, expected: tuple[str, int]) -> None:
    """Brackets belong to the notation of IPv6, not to the address."""
    assert split_address(listen) == expected


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_known_by_name_and_address(host: str) -> None:
    """All of 127/8 is."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "192.168.1.5", "localhost.evil.example", "::"])
def test_nothing_else_is_loopback(host: str) -> None:
    """Neither every address nor a name that only begins so."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "headers",
    [
        OWN,
        {"Host": "localhost:8090", "Origin": "http://localhost:8090"},
        {"Host": "[::1]:8090", "Origin": "http://[::1]:8090", "Sec-Fetch-Site": "same-origin"},
        {"Host": "localhost", "Sec-Fetch-Site": "none"},
    ],
)
def test_own_page_and_scripts_may_ask(headers: dict[str, str]) -> None:
    """A script says nothing of itself; the page says that it is ours."""
    assert find_objection(POST, OUTPUT, headers, needs_key=False) is None


@pytest.mark.parametrize(
    "headers",
    [
        OWN | {"Origin": "http://evil.example"},
        OWN | {"Origin": "null"},
        OWN | {"Origin": "http://127.0.0.1:9999"},
        OWN | {"Sec-Fetch-Site": "cross-site"},
        OWN | {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("needs_key", [False, True])
@pytest.mark.parametrize(("method", "path"), [(POST, OUTPUT), (GET, "/api/events")])
def test_a_page_of_another_origin_may_not(
    headers: dict[str, str], needs_key: bool, method: str, path: str
) -> None:
    """Neither switch a pump nor hold a stream, whether or not its visitor has a session."""
    assert find_objection(method, path, headers, needs_key=needs_key)


@pytest.mark.parametrize("host", ["evil.example:8090", "", "192.168.1.5:8090", "localhost.evil:80"])
def test_a_name_made_to_point_at_the_loopback_is_refused(host: str) -> None:
    """DNS rebinding: the browser believes that the stranger's page is of our origin."""
    assert find_objection(GET, "/api/status", {"Host": host}, needs_key=False)


def test_with_a_password_any_name_will_do() -> None:
    """The session's cookie belongs to the name, so a stranger's name brings none."""
    headers = {"Host": "boiler.lan:8090", "Origin": "http://boiler.lan:8090"}
    assert find_objection(POST, OUTPUT, headers, needs_key=True) is None


def test_a_link_may_lead_to_the_page_and_no_further() -> None:
    """From an e-mail or a wiki."""
    headers = OWN | {"Sec-Fetch-Site": "cross-site"}
    assert find_objection(GET, "/", headers, needs_key=False) is None
    assert find_objection(GET, "/api/status", headers, needs_key=False)


def test_health_is_for_everybody() -> None:
    """A balancer asks with whatever name it likes."""
    assert find_objection(GET, "/healthz", {"Host": "any.thing"}, needs_key=False) is None


def test_no_page_runs_what_is_not_in_our_files() -> None:
    """No script in the text, no frame around us."""
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
