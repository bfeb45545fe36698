"""Links that show one analysis to others for some days."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"
branch_labels = depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "shares",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("analysis", sa.String(32), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("shares_by_analysis", "shares", ["analysis"])


def downgrade() -> None:
    """Drop the table: no link works any more."""
    op.drop_table("shares")
