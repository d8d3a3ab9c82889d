"""What runs and attempts spend on models."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_spending",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("committed_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("next_call_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_run_spending_run_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run_spending")),
    )
    op.create_table(
        "model_usage",
        sa.Column("attempt_id", sa.String(length=32), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("estimated", sa.Integer(), nullable=False),
        sa.Column("unpriced", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("open_calls", sa.Integer(), nullable=False),
        sa.Column("reserved_nano_usd", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.attempt_id"], name=op.f("fk_model_usage_attempt_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_model_usage_run_id")),
        sa.PrimaryKeyConstraint("attempt_id", "fence", "model", name=op.f("pk_model_usage")),
    )
    op.create_index("ix_model_usage_run_id", "model_usage", ["run_id"])


def downgrade() -> None:
    op.drop_table("model_usage")
    op.drop_table("run_spending")
