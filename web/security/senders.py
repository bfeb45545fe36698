"""Who sends a request, as limits count it."""

import ipaddress
import re

_FORWARDED = re.compile(rb"(?im)^x-forwarded-for:([^\r\n]*)")


def network(address: str) -> str:
    """Return what is counted as one sender: an IPv4 address, or a /64 of IPv6, which is one household's."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def of_head(head: bytes, peer: str, proxies: int) -> str:
    """Return the sender of a request by its head, as ProxyFix finds it for the application.

    Args:
        head: the request line and the headers.
        peer: the address at the other end of the connection.
        proxies: how many proxies in front are believed.
    """
    named = [each.strip() for line in _FORWARDED.findall(head) for each in line.split(b",")]
    return network(named[-proxies].decode("latin-1") if len(named) >= proxies > 0 else peer)
