"""Where attempts run, what they hold of their host, and the workers that are there."""

import sqlalchemy as sa
from alembic import op

from store.tables import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("host", sa.String(length=255), nullable=True))
    op.add_column("attempts", sa.Column("allocation", sa.JSON(), nullable=True))
    op.create_index("ix_attempts_state_host", "attempts", ["state", "host"])
    op.create_index(
        "ix_attempts_waiting",
        "attempts",
        ["state", "run_id", "competition_id", "technique", "position", "queued_at"],
    )
    op.create_table(
        "workers",
        sa.Column("worker", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.JSON(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_workers")),
    )


def downgrade() -> None:
    op.drop_table("workers")
    op.drop_index("ix_attempts_waiting", "attempts")
    op.drop_index("ix_attempts_state_host", "attempts")
    op.drop_column("attempts", "allocation")
    op.drop_column("attempts", "host")
