"""The table of analyses of the first edition."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "analyses",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
    )
    op.create_index("analyses_by_owner", "analyses", ["owner", "created_ms"])
    op.create_index("analyses_by_time", "analyses", ["created_ms"])


def downgrade() -> None:
    """Drop the table with all its rows."""
    op.drop_table("analyses")
