"""Conditions on the goals that people have reached (`goals`)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists

from models import Goal, Lead


def has_goal(goals: Sequence[str]) -> ColumnElement[bool]:
    """The condition of leads who reached one of these goals at least at their bot."""
    return exists().where(
        Goal.bot_id == Lead.bot_id, Goal.telegram_id == Lead.telegram_id, Goal.goal.in_(goals)
    )
