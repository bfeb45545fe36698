"""Who is counted as the sender of a request."""

import pytest

from web.security.senders import of_head

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9, 192.0.2.1\r\nx-forwarded-for: 192.0.2.2\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "proxies", "sender"),
    [
        (HEAD, 0, "198.51.100.1"), (HEAD, 1, "192.0.2.2"), (HEAD, 2, "192.0.2.1"), (HEAD, 9, "198.51.100.1"),
        (b"GET / HTTP/1.1\r\n\r\n", 1, "198.51.100.1"),
        (b"GET / HTTP/1.1\r\nX-Forwarded-For: 2001:db8::7\r\n\r\n", 1, "2001:db8::/64"),
        (b"GET / HTTP/1.1\r\nX-Forwarded-For: \xff\r\n\r\n", 1, "\xff"),
    ],
)  # fmt: skip
def test_a_head_names_the_sender_that_the_announced_proxies_saw(head, proxies, sender):
    assert of_head(head, "198.51.100.1", proxies) == sender
