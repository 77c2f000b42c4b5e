"""The plain design of a rotating link: per click a query for the pool, one for its members, and a commit.

It does less than ours (no visitor, no audience, no limit, no tracking token) and has SQLite in its fastest safe mode.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from flask import Flask, abort, redirect, request
from sqlalchemy import ForeignKey, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload
from werkzeug.wrappers import Response

BOTS = 6


class Base(DeclarativeBase):
    """The tables of the peer."""


class Pool(Base):
    """A link."""

    __tablename__ = "pools"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    turns: Mapped[int] = mapped_column(default=0)
    members: Mapped[list[Member]] = relationship(order_by="Member.id")


class Member(Base):
    """A bot of the pool."""

    __tablename__ = "members"
    id: Mapped[int] = mapped_column(primary_key=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("pools.id"), index=True)
    username: Mapped[str]
    healthy: Mapped[bool] = mapped_column(default=True)
    redirects: Mapped[int] = mapped_column(default=0)


class Click(Base):
    """A click, as it happened."""

    __tablename__ = "clicks"
    id: Mapped[int] = mapped_column(primary_key=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("pools.id"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    at: Mapped[datetime]
    address: Mapped[str]
    agent: Mapped[str]


app = Flask(__name__)
engine = create_engine(f"sqlite:///{os.environ['DATA_DIR']}/plain.sqlite3")


@event.listens_for(engine, "connect")
def _set_pragmas(connection: Any, _: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


Base.metadata.create_all(engine)
with Session(engine) as _session:
    _members = [Member(username=f"fleet_{number}_bot") for number in range(1, BOTS + 1)]
    _session.add(Pool(slug="red1", members=_members))
    _session.commit()


@app.get("/go/<slug>")
def go(slug: str) -> Response:
    """Round robin over the healthy members."""
    with Session(engine) as session:
        query = select(Pool).where(Pool.slug == slug).options(selectinload(Pool.members))
        pool = session.scalar(query)
        members = [member for member in pool.members if member.healthy] if pool else []
        if pool is None or not members:
            abort(503)
        member = members[pool.turns % len(members)]
        pool.turns += 1
        member.redirects += 1
        agent = request.user_agent.string
        click = Click(
            pool_id=pool.id,
            member_id=member.id,
            at=datetime.now(UTC),
            address=request.remote_addr or "",
            agent=agent,
        )
        session.add(click)
        location = f"https://t.me/{member.username}?start=acesso"
        session.commit()
    return redirect(location, 302)
