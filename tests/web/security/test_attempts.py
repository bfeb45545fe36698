"""How often an address may guess."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from web.security import attempts
from web.security.attempts import AT_ONCE, Attempts


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_after_some_at_once_one_a_second(clock):
    counted = Attempts(clock)
    assert [counted.take("1.2.3.4") for _ in range(AT_ONCE)] == [0] * AT_ONCE
    wait = counted.take("1.2.3.4")
    assert wait >= 1
    clock.now += wait
    assert counted.take("1.2.3.4") == 0
    assert counted.take("1.2.3.4") > 0


def test_refused_attempts_do_not_make_the_wait_longer(clock):
    counted = Attempts(clock)
    for _ in range(1000):
        counted.take("1.2.3.4")
    clock.now += 1
    assert counted.take("1.2.3.4") == 0


def test_other_addresses_are_not_held_up(clock):
    counted = Attempts(clock)
    for _ in range(2 * AT_ONCE):
        counted.take("1.2.3.4")
    assert counted.take("1.2.3.5") == 0
    assert counted.take("") == 0


def test_one_household_of_ipv6_is_one_address(clock):
    counted = Attempts(clock)
    assert sum(counted.take(f"2001:db8::{number:x}") == 0 for number in range(3 * AT_ONCE)) == AT_ONCE
    assert counted.take("2001:db8:0:1::1") == 0


def test_whoever_knew_it_begins_anew(clock):
    counted = Attempts(clock)
    for _ in range(AT_ONCE):
        counted.take("1.2.3.4")
    counted.forgive("1.2.3.4")
    assert [counted.take("1.2.3.4") for _ in range(AT_ONCE)] == [0] * AT_ONCE


def test_an_attack_from_many_addresses_fills_no_memory(clock, monkeypatch):
    monkeypatch.setattr(attempts, "MOST_ADDRESSES", 10)
    counted = Attempts(clock)
    for number in range(100):
        counted.take(f"10.0.0.{number}")
    assert len(counted._buckets) == 10


def test_threads_that_guess_together_get_no_more(clock):
    counted = Attempts(clock)
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: counted.take("1.2.3.4"), range(200)))
    assert waits.count(0) == AT_ONCE
