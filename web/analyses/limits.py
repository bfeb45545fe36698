"""How long PostgreSQL is waited for: no visitor for a lock that somebody holds, or for a server that stands still.

A server that is stopped, or waits for a lock, still acknowledges what the network brings it: timeouts of TCP see
nothing. SQLite has its own limit.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, event

if TYPE_CHECKING:
    from psycopg import Connection as Psycopg

# Two statements that wait for a lock must end before hosts give up at 30 s.
STATEMENT_S, LOCK_S = 10, 5
# Longer than a server that is well takes to end a statement by itself.
SILENCE_S = STATEMENT_S + 2


def limit(engine: Engine) -> None:
    """Let an engine's statements end in time; not for migrations, which may take as long as they need."""
    if engine.dialect.name != "postgresql":
        return
    event.listen(engine, "begin", _end_in_time)
    if engine.driver == "psycopg":
        event.listen(engine, "do_connect", _connect)
    # Connections from before know nothing of it.
    engine.dispose()


def _end_in_time(connection: Connection) -> None:
    # For this transaction only, and no setting of the connection: poolers such as PgBouncer refuse those, or mix them
    # up among their clients. In one statement, since each is a way to the server and back.
    limits = {"statement_timeout": STATEMENT_S, "lock_timeout": LOCK_S}
    words = (f"set_config('{name}', '{round(1000 * seconds)}', true)" for name, seconds in limits.items())
    connection.exec_driver_sql(f"select {', '.join(words)}").close()


def _connect(_: object, __: object, words: list[Any], named: dict[str, Any]) -> "Psycopg[Any]":
    return _impatient().connect(*words, **named)


@cache
def _impatient() -> "type[Psycopg[Any]]":
    import psycopg

    class Impatient(psycopg.Connection[Any]):
        """A connection that is given up when its server is silent for too long."""

        # psycopg's own way to wait for an answer, whatever was asked.
        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, SILENCE_S if timeout is None else timeout)
            except psycopg.OperationalError as error:
                if type(error).__name__ != "_WaitTimeout":
                    raise
                # What it asked may still be answered: nobody else must read that.
                self.close()
                raise psycopg.OperationalError(f"the server gave no answer in {SILENCE_S} s") from error

    return Impatient
