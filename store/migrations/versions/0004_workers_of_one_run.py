"""Workers that work for one run only."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("run_id", sa.String(length=32), nullable=True))


def downgrade() -> None:
    op.drop_column("workers", "run_id")
