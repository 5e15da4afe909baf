"""Whose request it is, by what proxies say and clients may make up."""

import pytest

from tokenbudget_server.web.client_address import client_address, network_of

PEER = "10.0.0.1"


@pytest.mark.parametrize(
    ("forwarded_for", "hops", "address"),
    [
        ([], 0, PEER),
        ([], 1, PEER),
        (["203.0.113.9"], 0, PEER),
        (["203.0.113.9"], 1, "203.0.113.9"),
        (["6.6.6.6, 203.0.113.9"], 1, "203.0.113.9"),
        (["6.6.6.6", "203.0.113.9"], 1, "203.0.113.9"),
        (["6.6.6.6, 203.0.113.9, 10.0.0.2"], 2, "203.0.113.9"),
        (["203.0.113.9"], 2, PEER),
        (["203.0.113.9:4711"], 1, "203.0.113.9"),
        (["[2001:db8::1]:4711"], 1, "2001:db8::1"),
        (["2001:db8::1"], 1, "2001:db8::1"),
        (["::ffff:203.0.113.9"], 1, "203.0.113.9"),
        (["fe80::1%eth0"], 1, "fe80::1"),
        (["unknown"], 1, PEER),
        (["203.0.113.9, "], 1, PEER),
        (["'; DROP TABLE"], 1, PEER),
    ],
)
def test_as_many_entries_are_believed_as_there_are_proxies(forwarded_for, hops, address):
    assert client_address(PEER, forwarded_for, hops) == address


def test_a_unix_socket_has_no_address():
    assert client_address(None, [], 0) is None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2::5", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::5", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::5", "2001:db8:1:3::/64"),
        (None, "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_a_client_is_an_address_or_the_network_that_it_has(address, network):
    assert network_of(address) == network
