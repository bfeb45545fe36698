"""Analyses store a group of senders, so that a full table loses those of whoever sent most."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"
branch_labels = depends_on = None


def upgrade() -> None:
    """Add the column; earlier analyses count as those of one group."""
    op.add_column("analyses", sa.Column("sender", sa.String(4), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("analyses", "sender")
