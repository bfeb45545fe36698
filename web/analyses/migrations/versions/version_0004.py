"""Sessions that were left with the password's "leave" stay left, even for a cookie that was saved before."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"
branch_labels = depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "departures",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("left_ms", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("departures")
