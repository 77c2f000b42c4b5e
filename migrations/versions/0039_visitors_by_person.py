"""visitors of experiments are found by who they turned out to be

Revision: 0039
Follows: 0038
"""

from alembic import op


revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_experiment_visitors_lead_id"), "experiment_visitors", ["lead_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_experiment_visitors_lead_id"), table_name="experiment_visitors")
