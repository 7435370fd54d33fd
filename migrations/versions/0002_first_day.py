"""The first day: adopted objects, expected people, undo, languages, a greeting.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("guilds", sa.Column("greeted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("language", sa.String(length=8), nullable=True))
    op.add_column(
        "managed_objects",
        sa.Column("adopted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "managed_overwrites",
        sa.Column("adopted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.alter_column(
        "sync_states", "error_text", type_=sa.Text(), existing_type=sa.String(length=500)
    )
    op.add_column("audit_log", sa.Column("undoes_id", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_audit_log_undoes_id"), "audit_log", ["undoes_id"])
    op.create_foreign_key(
        op.f("fk_audit_log_undoes_id_audit_log"), "audit_log", "audit_log", ["undoes_id"], ["id"]
    )
    op.create_table(
        "expected",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("cohort_id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=16), server_default="participant", nullable=False),
        sa.Column("seat", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role in ('participant', 'facilitator')", name=op.f("ck_expected_role_known")
        ),
        sa.ForeignKeyConstraint(
            ["guild_id"], ["guilds.id"], name=op.f("fk_expected_guild_id_guilds"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["cohort_id"], ["cohorts.id"], name=op.f("fk_expected_cohort_id_cohorts")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_expected_group_id_groups")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expected")),
    )  # fmt: skip
    op.create_index(op.f("ix_expected_guild_id"), "expected", ["guild_id"])
    op.create_index(op.f("ix_expected_group_id"), "expected", ["group_id"])
    op.create_index(
        "uq_expected_name", "expected", ["cohort_id", sa.text("lower(name)")], unique=True
    )
    op.create_index("ix_expected_arrival", "expected", ["guild_id", sa.text("lower(name)")])


def downgrade() -> None:
    op.drop_table("expected")
    op.drop_constraint(op.f("fk_audit_log_undoes_id_audit_log"), "audit_log", type_="foreignkey")
    op.drop_index(op.f("ix_audit_log_undoes_id"), table_name="audit_log")
    op.drop_column("audit_log", "undoes_id")
    # Packed texts can be longer than the old column: what is cut is only the wording of an error.
    op.alter_column(
        "sync_states", "error_text", type_=sa.String(length=500), existing_type=sa.Text(),
        postgresql_using="left(error_text, 500)",
    )  # fmt: skip
    op.drop_column("managed_overwrites", "adopted")
    op.drop_column("managed_objects", "adopted")
    op.drop_column("users", "language")
    op.drop_column("guilds", "greeted_at")
