"""Share links: each shows one analysis, read-only, for some days to whoever has its token.

The database holds the hash of a token, not the token: whoever reads it can open nothing.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, insert, select

from web.analyses.database import analyses, reading, shares, writing
from web.analyses.records import Record, Records, milliseconds

TOKEN_BYTES = 32
LONGEST_DAYS = 7
# Links of one analysis that are open at the same time.
MOST = 5


@dataclass(frozen=True)
class Share:
    """A link that is open.

    Attributes:
        hash: of its token.
        expires: when it ends, in UTC.
    """

    hash: str
    expires: datetime


@dataclass(frozen=True)
class Shares:
    """The share links of all analyses.

    Every method raises DatabaseError where the database fails.
    """

    records: Records

    def make(self, record: Record, days: int) -> str | None:
        """Make a link to an analysis.

        Args:
            record: the analysis, which its owner asked to share.
            days: for how long, 1 to LONGEST_DAYS.

        Returns:
            The token, which is stored nowhere; None where the analysis is gone, or has MOST links.

        Raises:
            ValueError: `days` is out of range.
        """
        if not 1 <= days <= LONGEST_DAYS:
            raise ValueError(f"Expected 1 to {LONGEST_DAYS} days. Received {days}.")
        token, now = secrets.token_urlsafe(TOKEN_BYTES), datetime.now(UTC)
        kept = timedelta(days=self.records.keep_days)
        owned = select(analyses.c.id).where(analyses.c.id == record.id, analyses.c.owner == record.owner)
        number = select(func.count()).where(shares.c.analysis == record.id)
        with writing(self.records.engine) as connection:
            connection.execute(delete(shares).where(shares.c.expires_ms <= milliseconds(now)))
            # Locked, so that it is not deleted meanwhile; SQLite has locked all of it by now.
            if connection.execute(owned.with_for_update()).first() is None:
                return None
            if connection.execute(number).scalar_one() >= MOST:
                return None
            row = {
                "hash": digest(token),
                "analysis": record.id,
                "created_ms": milliseconds(now),
                "expires_ms": milliseconds(min(now + timedelta(days=days), record.created + kept)),
            }
            connection.execute(insert(shares).values(row))
        return token

    def of(self, id: str) -> list[Share]:
        """Return the open links of an analysis, the first to end first."""
        rows = select(shares.c.hash, shares.c.expires_ms).where(shares.c.analysis == id, _is_open())
        with reading(self.records.engine) as connection:
            found = connection.execute(rows.order_by(shares.c.expires_ms)).all()
        return [Share(hash, datetime.fromtimestamp(expires_ms / 1000, UTC)) for hash, expires_ms in found]

    def withdraw(self, id: str, hash: str) -> None:
        """End a link of an analysis; one that has ended is no error."""
        with writing(self.records.engine) as connection:
            connection.execute(delete(shares).where(shares.c.analysis == id, shares.c.hash == hash))

    def shown(self, hash: str) -> Record | None:
        """Return what a link shows; None where it has expired, was withdrawn, or never was."""
        row = select(analyses.c.id, analyses.c.owner).join(shares, shares.c.analysis == analyses.c.id)
        with reading(self.records.engine) as connection:
            found = connection.execute(row.where(shares.c.hash == hash, _is_open())).first()
        record = self.records.get(*found) if found else None
        return record and record.for_guest()


def digest(token: str) -> str:
    """Return the hash under which a token is known. It needs no salt: nobody can guess 256 random bits."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _is_open() -> ColumnElement[bool]:
    return shares.c.expires_ms > milliseconds(datetime.now(UTC))
