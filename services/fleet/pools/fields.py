"""What may be said about a pool and a member: the bodies of the API and the forms of the panel."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from models import OverLimit, Strategy
from services.fleet.pools.start_payload import START_PARAM_PATTERN

PoolName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
StartParam = Annotated[str, StringConstraints(pattern=START_PARAM_PATTERN)]
RateLimit = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
MaxBots = Annotated[int, Field(strict=True, ge=1, le=100)]
RowId = Annotated[int, Field(strict=True, ge=1, lt=2**63)]
BotId = Annotated[RowId | Annotated[str, StringConstraints(min_length=1, max_length=32)], Field()]
Weight = Annotated[int, Field(strict=True, ge=0, le=100)]
Priority = Annotated[int, Field(strict=True, ge=-1, le=1)]
Capacity = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
SpareCount = Annotated[int, Field(strict=True, ge=0, le=20)]
NamingPattern = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)]  # "": after the slug
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
Switch = Annotated[bool, Field(strict=True)]
STRATEGY_NAMES = AliasChoices("strategy", "distribution_strategy")


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class NewPool(_Fields):
    """A pool to be made. None means: the installation's default."""

    name: PoolName
    slug: str = Field(max_length=60)
    strategy: Strategy = Field(Strategy.ROUND_ROBIN, validation_alias=STRATEGY_NAMES)
    is_active: Switch = True
    sticky: Switch = False
    start_param: StartParam | None = None
    tracking: Switch = True
    max_bots: MaxBots | None = None
    rate_limit_per_minute: RateLimit | None = None
    over_limit: OverLimit = OverLimit.REJECT
    critical_below_percent: Percent = 50
    fallback_url: str | None = None
    fallback_pool_id: RowId | None = None
    naming_pattern: NamingPattern = ""
    spare_count: SpareCount = 0


class PoolChange(_Fields):
    """Changes to a pool: only fields that are given change; null is meaningful for the fallbacks alone."""

    name: PoolName = ""
    slug: str = Field("", max_length=60)
    strategy: Strategy = Field(Strategy.ROUND_ROBIN, validation_alias=STRATEGY_NAMES)
    is_active: Switch = True
    sticky: Switch = False
    start_param: StartParam = ""
    tracking: Switch = True
    max_bots: MaxBots = 1
    rate_limit_per_minute: RateLimit = 0
    over_limit: OverLimit = OverLimit.REJECT
    critical_below_percent: Percent = 50
    fallback_url: str | None = None
    fallback_pool_id: RowId | None = None
    naming_pattern: NamingPattern = ""
    spare_count: SpareCount = 0


class MemberChange(_Fields):
    """Changes to a member: only fields that are given change."""

    weight: Weight = 1
    priority: Priority = 0
    is_enabled: Switch = True
    draining: Switch = False
    capacity_per_hour: Capacity = 1


class NewMember(_Fields):
    """A bot to be added to a pool; `bot_id` is the number or the public id `bot_<12 hex>`."""

    bot_id: BotId
    weight: Weight = 1
    priority: Priority = 0
    is_enabled: Switch = True
    draining: Switch = False
    capacity_per_hour: Capacity | None = None
    follow: Switch = Field(
        False, description="it gives up its own behaviour, all of it, for the pool's; what it had is not kept"
    )
