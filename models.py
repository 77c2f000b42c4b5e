"""All tables, thin. Rules live in services/; here are columns, keys and constraints only.

Times are UTC (`UtcDateTime`), identifiers of Telegram are 64-bit, every foreign key is indexed. What a column of states
may hold stands in `services/core/states.py`.

In this order, each part below a comment of its name:

    Accounts                            Account, AccountSession, SecondFactor, RecoveryCode, ApiKey, TelegramLink, TelegramLinkCode, ChatRequest, AuditEvent, AuditChain
    Bots                                Bot, BotAccess, BotPlugin, BotWorker, PluginStore, PluginState, HandledUpdate
    Files                               StoredFile, UploadedFile
    Pools and their members             RedirectPool, PoolSlug, PoolBot
    Managed bots                        BotOffer, ManagedBot
    Health                              PoolBotTransition, CheckGap, CheckDuration, BanWave, BanWaveMove, Conversion, ConversionHour
    Clicks and what is counted of them  Click, ClickRollup, RefusedClicks, ClickBreakdown, DailyVisitor, BoundStart, ClickLedger
    Experiments and rules               Experiment, ExperimentArm, ExperimentVisitor, PoolRule
    Leads                               Lead, Start
    Dead letters                        DeadLetter
    Notifications                       Notification, NotificationDestination, NotificationRule, NotificationDelivery
    Switches                            Switch
    Status pages                        PoolDay, StatusPage, StatusPagePool
    Flows                               Flow, FlowVersion
    Timers and people in flows          Timer, FlowRun, FlowVisit
    People and their messages           Segment, PeopleChange, Conversation, ChatMessage
    Goals, payments and postbacks       Goal, Payment, PaymentWebhook, PaymentWebhookCall, Postback, PostbackDelivery
    Broadcasts                          Broadcast, BroadcastRecipient
    What advertising cost               SpendImport, SpendImportPart, Spend, ExchangeRate
    Library of files                    Media, MediaUpload
"""
# Annotations are not postponed here: SQLAlchemy would compile the text of each of 760 again, a fifth of this module's time.

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.core import i18n
from services.core.states import (
    AccessList,
    Audience,
    BotMode,
    BotStatus,
    BroadcastKind,
    BroadcastStatus,
    CallResult,
    ChatRequestState,
    DeadLetterState,
    DeliveryStatus,
    DestinationKind,
    FsmStrategy,
    GoalSource,
    ImportStatus,
    MemberStatus,
    OverLimit,
    PostbackDriver,
    PostbackEvent,
    RecipientStatus,
    RunStatus,
    Strategy,
    UncertainPolicy,
    WaveStep,
)
from services.core.times import utc_now

__all__ = [  # imported here and from here: the tables' states go with the tables
    "AccessList",
    "Audience",
    "BotMode",
    "BotStatus",
    "BroadcastKind",
    "BroadcastStatus",
    "CallResult",
    "ChatRequestState",
    "DeadLetterState",
    "DeliveryStatus",
    "DestinationKind",
    "FsmStrategy",
    "GoalSource",
    "ImportStatus",
    "MemberStatus",
    "OverLimit",
    "PostbackDriver",
    "PostbackEvent",
    "RecipientStatus",
    "RunStatus",
    "Strategy",
    "UncertainPolicy",
    "WaveStep",
]

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers only an INTEGER key by itself
# In the order of its letters' numbers, as SQLite and Python have it: what begins alike stands together.
KEY = String(200).with_variant(String(200, collation="C"), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases. SQLite keeps it naive; a naive value going in is an error."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime must not reach the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class TextColumn(TypeDecorator[i18n.Text]):
    """A text as its template and values, so that it is read in any language; a finished sentence of old stays one."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: i18n.Text | None, dialect: Dialect) -> str | None:
        return None if value is None else value.for_column()

    def process_result_value(self, value: str | None, dialect: Dialect) -> i18n.Text | None:
        return None if value is None else i18n.Text.stored(value)


class JsonWithTexts(TypeDecorator[Any]):
    """JSON in which texts may stand."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return i18n.plain(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return i18n.revived(value)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON, int: BigId}  # noqa: RUF012

    @classmethod
    def __table_cls__(cls, *args: Any, **options: Any) -> Table:
        """The table; one that is numbered never gives a deleted row's number again, on SQLite too.

        Streams, spool and counters hold numbers for longer than the rows live: the next owner would get them.
        """
        table = Table(*args, **options)
        table.dialect_options["sqlite"]["autoincrement"] = table.autoincrement_column is not None
        return table


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(str(v)) for v in values)})", name=f"{column}_known")


# Accounts


class Account(Base):
    """A person who signs in; owns bots and pools."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)  # lower case
    password_hash: Mapped[str] = mapped_column(String(255))
    is_admin: Mapped[bool] = mapped_column(default=False)
    locale: Mapped[str] = mapped_column(String(8), default="")  # "": not chosen yet, so the browser's
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    def language(self) -> str:
        """The language to write to this account in where no browser says one: the chosen one, else Portuguese."""
        return self.locale or "pt_BR"


class AccountSession(Base):
    """One sign-in of one browser; listed and revocable. The cookie's secret is kept as SHA-256."""

    __tablename__ = "account_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    ip: Mapped[str] = mapped_column(String(45), default="")
    user_agent: Mapped[str] = mapped_column(String(255), default="")
    is_remembered: Mapped[bool] = mapped_column(default=False)  # for REMEMBER_DAYS, not SESSION_HOURS
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_seen_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]


class SecondFactor(Base):
    """An account's authenticator app. While it is being set up it has no `enabled_at`, and no sign-in wants its codes."""

    __tablename__ = "second_factors"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    sealed_secret: Mapped[str] = mapped_column(Text)  # for "second_factor:<account_id>"
    last_step: Mapped[int] = mapped_column(
        default=0
    )  # of 30 s since 1970: its code and earlier ones are used up
    enabled_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """Stands in for the app once, 80 random bits kept as SHA-256; gone when used."""

    __tablename__ = "recovery_codes"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)


class ApiKey(Base):
    """`flk_<key_id>_<secret>`; the secret is kept as SHA-256."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    key_id: Mapped[str] = mapped_column(String(16), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(100), default="")
    scopes: Mapped[list[Any]] = mapped_column(default=list)
    made_by: Mapped[str] = mapped_column(
        String(16), default="", server_default=""
    )  # key_id of the key that did
    replaced_by: Mapped[str] = mapped_column(
        String(16), default="", server_default=""
    )  # key_id of its successor; it ends when the overlap does
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class TelegramLink(Base):
    """A person at Telegram who may run an account's fleet from the manager bot; of one account only."""

    __tablename__ = "telegram_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    telegram_id: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(64), default="")  # as Telegram had it, for showing
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    confirmed_at: Mapped[datetime | None]  # when a code of two-step sign-in was taken in the chat


class TelegramLinkCode(Base):
    """A one-time code that links whoever sends it to the manager bot; kept as SHA-256, deleted by its use."""

    __tablename__ = "telegram_link_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime]


class ChatRequest(Base):
    """What a person asked for in the manager bot's chat and what takes more than a tap; the last such request of each."""

    __tablename__ = "chat_requests"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # at random: none comes twice
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    link_id: Mapped[int] = mapped_column(ForeignKey("telegram_links.id", ondelete="CASCADE"), unique=True)
    action: Mapped[str] = mapped_column(String(32))
    payload: Mapped[str] = mapped_column(String(64))
    words: Mapped[i18n.Text] = mapped_column(TextColumn(300))  # what would be done
    language: Mapped[str] = mapped_column(String(16))  # in which the chat is answered
    state: Mapped[str] = mapped_column(String(16), default=ChatRequestState.WAITING)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]


class AuditEvent(Base):
    """Who did what, when, from where; about a bot, a pool or the account itself. A link of its account's chain.

    Triggers (migration 0029) refuse to change one, and to delete one that the chain's anchor does not stand for.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        Index(None, "account_id", "at"),
        Index(None, "account_id", "sequence", unique=True),
        Index(None, "bot_id", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    sequence: Mapped[int] = mapped_column(nullable=True)  # 1, 2, 3 … of the account; NULL by a former release
    actor: Mapped[str] = mapped_column(String(100))  # "account:3", "key:ab12", "system:sweep"
    kind: Mapped[str] = mapped_column(String(50))
    # No foreign keys: the trail outlives what it speaks of.
    bot_id: Mapped[int | None]
    pool_id: Mapped[int | None] = mapped_column(index=True)
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    changes: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")  # field by field
    ip: Mapped[str] = mapped_column(String(45), default="")
    at: Mapped[datetime] = mapped_column(default=utc_now)
    hash: Mapped[str] = mapped_column(String(64), server_default="")  # SHA-256 of the former one's and this


class AuditChain(Base):
    """Where an account's trail ends, and behind which entry it begins: those up to the anchor were deleted by age."""

    __tablename__ = "audit_chains"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    sequence: Mapped[int] = mapped_column(default=0)
    hash: Mapped[str] = mapped_column(String(64), default="")
    anchor_sequence: Mapped[int] = mapped_column(default=0)
    anchor_hash: Mapped[str] = mapped_column(String(64), default="")


# Bots


class BehaviourColumns:
    """The part of a behaviour that stands in the bot's own row; the rest are its plugins."""

    uncertain_policy: Mapped[str] = mapped_column(String(20), default=UncertainPolicy.AT_LEAST_ONCE)
    fsm_strategy: Mapped[str] = mapped_column(String(12), default=FsmStrategy.USER_IN_CHAT)
    parse_mode: Mapped[str] = mapped_column(String(10), default="HTML", server_default="HTML")  # "": plain
    disable_web_page_preview: Mapped[bool] = mapped_column(default=False, server_default=false())
    limits_people: Mapped[bool] = mapped_column(default=True, server_default=true())
    rate_per_minute: Mapped[float | None]  # of one person; None: as the installation's settings say
    rate_burst: Mapped[int | None]
    maintenance: Mapped[bool] = mapped_column(default=False, server_default=false())
    maintenance_message: Mapped[str] = mapped_column(String(1000), default="", server_default="")
    captcha: Mapped[bool] = mapped_column(default=False, server_default=false())


class Bot(BehaviourColumns, Base):
    """A Telegram bot identity of one account. The token is sealed for "bot:<id>"."""

    __tablename__ = "bots"
    __table_args__ = (_one_of("mode", BotMode), _one_of("status", BotStatus))

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    public_id: Mapped[str] = mapped_column(String(16), unique=True)  # bot_<12 hex>
    telegram_bot_id: Mapped[int] = mapped_column(unique=True)
    username: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(64), default="")
    identity: Mapped[int] = mapped_column(default=1, server_default="1")  # 2: another bot took over once
    identity_since: Mapped[datetime | None]  # of the second and later ones: what is older was the former's
    sealed_token: Mapped[str] = mapped_column(Text)
    capabilities: Mapped[dict[str, Any]] = mapped_column(default=dict)  # getMe's can_* flags
    mode: Mapped[str] = mapped_column(String(10))
    path_id: Mapped[str] = mapped_column(String(32), unique=True)  # random last part of the webhook's address
    desired_running: Mapped[bool] = mapped_column(default=True)
    running_since: Mapped[datetime | None]  # started or restarted last; None: when it was added
    is_manager: Mapped[bool] = mapped_column(default=False, server_default=false())  # of MANAGER_BOT_TOKEN
    status: Mapped[str] = mapped_column(String(10), default=BotStatus.CREATED)
    status_reason: Mapped[i18n.Text] = mapped_column(TextColumn(300), default=i18n.NO_TEXT)
    status_cause: Mapped[str] = mapped_column(String(50), default="")  # the reason as a stable word
    worker_updates: Mapped[list[Any]] = mapped_column(
        default=list, server_default="[]"
    )  # its program's kinds
    pending_dropped: Mapped[bool] = mapped_column(default=False)  # drop_pending_updates was sent once
    tags: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")  # the owner's words, sorted
    description: Mapped[str] = mapped_column(String(512), default="", server_default="")
    webhook_path: Mapped[str] = mapped_column(String(64), default="", server_default="")  # such as /support
    max_connections: Mapped[int] = mapped_column(default=40, server_default="40")
    alias: Mapped[str | None] = mapped_column(String(64), unique=True, index=True)  # id in its YAML file
    declared_in: Mapped[str] = mapped_column(String(255), default="", server_default="")  # that file's name
    declared_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    follows_pool_id: Mapped[int | None] = mapped_column(
        ForeignKey("redirect_pools.id", ondelete="SET NULL"), index=True
    )  # the pool whose behaviour it has
    follows_version: Mapped[int] = mapped_column(default=0, server_default="0")  # of that behaviour
    delivery_state: Mapped[str] = mapped_column(String(10), default="unknown")  # ok, failing, unknown, off
    delivery_cause: Mapped[str] = mapped_column(String(50), default="")
    delivery_checked_at: Mapped[datetime | None]
    webhook_info: Mapped[dict[str, Any]] = mapped_column(default=dict)  # the guard's last look
    config_version: Mapped[int] = mapped_column(default=1)  # raised by every change to be noticed
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)
    plugins: Mapped[list["BotPlugin"]] = relationship(
        order_by="BotPlugin.position", cascade="all, delete-orphan", passive_deletes=True
    )
    keeps_messages: Mapped[bool] = mapped_column(default=False, server_default=false())  # for the inbox
    followed: Mapped["RedirectPool | None"] = relationship(viewonly=True)


ONE_MANAGER = text("is_manager")  # an installation has one at most
Index(
    "uq_bots_is_manager", Bot.is_manager, unique=True, sqlite_where=ONE_MANAGER, postgresql_where=ONE_MANAGER
)


class BotAccess(Base):
    """Somebody on one of a bot's lists, until a moment or for good; a person, or a chat that people write as."""

    __tablename__ = "bot_access"
    __table_args__ = (UniqueConstraint("bot_id", "list", "telegram_id"), _one_of("list", AccessList))

    id: Mapped[int] = mapped_column(primary_key=True)
    bot_id: Mapped[int] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"), index=True)
    list: Mapped[str] = mapped_column(String(7))
    telegram_id: Mapped[int]
    until: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class BotPlugin(Base):
    """A plugin switched on for a bot, with its configuration; `position` is the routing order."""

    __tablename__ = "bot_plugins"
    __table_args__ = (UniqueConstraint("bot_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    bot_id: Mapped[int] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(50))
    enabled: Mapped[bool] = mapped_column(default=True)
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    config_version: Mapped[int] = mapped_column(
        default=1, server_default="1"
    )  # the plugin's, when it was saved


class BotWorker(Base):
    """The owner's own program behind a bot, which gets its updates instead of plugins; a bot without a row has none (ADR 42)."""

    __tablename__ = "bot_workers"
    __table_args__ = (
        CheckConstraint("min_replicas >= 0 AND min_replicas <= max_replicas", name="replicas_in_order"),
    )

    bot_id: Mapped[int] = mapped_column(
        ForeignKey("bots.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    ordered: Mapped[bool] = mapped_column(
        default=True, server_default=true()
    )  # one update of a chat at a time
    lease_seconds: Mapped[int] = mapped_column(default=60, server_default="60")
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)  # SHA-256; None: none in force
    token_made_at: Mapped[datetime | None]
    command: Mapped[str] = mapped_column(String(1000), default="", server_default="")  # what a driver starts
    image: Mapped[str] = mapped_column(String(255), default="", server_default="")
    min_replicas: Mapped[int] = mapped_column(default=0, server_default="0")
    max_replicas: Mapped[int] = mapped_column(default=1, server_default="1")
    sealed_environment: Mapped[str] = mapped_column(
        Text, default="", server_default=""
    )  # for "worker:<bot_id>", as all that is sealed here
    sealed_token: Mapped[str] = mapped_column(
        Text, default="", server_default=""
    )  # for programs that we start
    transport: Mapped[str] = mapped_column(String(8), default="redis", server_default="redis")  # or "kafka"
    passes_bot_token: Mapped[bool] = mapped_column(default=False, server_default=false())  # as BOT_TOKEN
    restarted_at: Mapped[datetime | None]  # copies that were started before are replaced
    sealed_webhook_url: Mapped[str] = mapped_column(
        Text, default="", server_default=""
    )  # the program's, by setWebhook; some libraries put the token into it
    sealed_webhook_secret: Mapped[str] = mapped_column(Text, default="", server_default="")
    webhook_connections: Mapped[int] = mapped_column(default=40, server_default="40")  # updates at once
    webhook_updates: Mapped[list[Any]] = mapped_column(
        default=list, server_default="[]"
    )  # kinds that go there; []: all that the bot gets
    ending_since: Mapped[datetime | None]  # its end was asked for and is under way
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class PluginStore(Base):
    """What a plugin keeps for one bot, as a whole: its size, and what is locked while it changes."""

    __tablename__ = "plugin_stores"

    bot_id: Mapped[int] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"), primary_key=True)
    plugin: Mapped[str] = mapped_column(String(50), primary_key=True)
    size: Mapped[int] = mapped_column(default=0)  # bytes of all keys and values


class PluginState(Base):
    """Durable key/value store of a plugin per bot."""

    __tablename__ = "plugin_states"
    __table_args__ = (UniqueConstraint("bot_id", "plugin", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    bot_id: Mapped[int] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"), index=True)
    plugin: Mapped[str] = mapped_column(String(50))
    key: Mapped[str] = mapped_column(KEY)
    value: Mapped[Any] = mapped_column(JSON)


class HandledUpdate(Base):
    """An update whose handling wrote into plugins' stores, once: what came of it, for the case that it is read again."""

    __tablename__ = "handled_updates"

    bot_id: Mapped[int] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"), primary_key=True)
    update_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    part: Mapped[str] = mapped_column(String(8), primary_key=True)  # "", or "error": what error handlers did
    sealed_outcome: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


# Files


class StoredFile(Base):
    """A file that a person sent to a bot, in DATA_DIR/files/<account>/<stored_name>.

    The row is there first, with `stored_at` empty: `size` is then the room that is kept for it.
    """

    __tablename__ = "stored_files"
    __table_args__ = (UniqueConstraint("bot_id", "update_id", "file_unique_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    bot_id: Mapped[int] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"))
    update_id: Mapped[int]
    telegram_id: Mapped[int]  # of the sender
    kind: Mapped[str] = mapped_column(String(20))  # photo, document …
    mime: Mapped[str] = mapped_column(String(100), default="")  # by its content
    size: Mapped[int]  # bytes
    sha256: Mapped[str] = mapped_column(String(64), default="")
    name: Mapped[str] = mapped_column(String(100))  # what the sender called it, for showing
    stored_name: Mapped[str] = mapped_column(String(32), unique=True)  # random
    file_unique_id: Mapped[str] = mapped_column(String(100))  # Telegram's
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    stored_at: Mapped[datetime | None]


class UploadedFile(Base):
    """The file_id by which a bot knows a file of ours that it has sent: it works for this bot and kind alone."""

    __tablename__ = "uploaded_files"

    file_id: Mapped[int] = mapped_column(ForeignKey("stored_files.id", ondelete="CASCADE"), primary_key=True)
    bot_id: Mapped[int] = mapped_column(
        ForeignKey("bots.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    telegram_file_id: Mapped[str] = mapped_column(Text)


# Pools and their members


class RedirectPool(Base):
    """One public link over several bots. `slug` is the present one; `PoolSlug` holds former ones too."""

    __tablename__ = "redirect_pools"
    __table_args__ = (
        _one_of("distribution_strategy", Strategy),
        _one_of("over_limit", OverLimit),
        CheckConstraint("rate_limit_per_minute >= 0", name="rate_limit_not_negative"),
        CheckConstraint("max_bots >= 1", name="max_bots_positive"),
        Index(None, "account_id", "is_active"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    slug: Mapped[str] = mapped_column(String(50), unique=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    distribution_strategy: Mapped[str] = mapped_column(String(20), default=Strategy.ROUND_ROBIN)
    sticky: Mapped[bool] = mapped_column(default=False)
    start_param: Mapped[str] = mapped_column(String(51), default="acesso")
    tracking: Mapped[bool] = mapped_column(default=True)
    max_bots: Mapped[int] = mapped_column(default=10)
    rate_limit_per_minute: Mapped[int] = mapped_column(default=100)  # 0 = off
    over_limit: Mapped[str] = mapped_column(String(10), default=OverLimit.REJECT)
    critical_below_percent: Mapped[int] = mapped_column(default=50)  # of health; 0 = no alarm
    fallback_url: Mapped[str | None] = mapped_column(String(2000))
    fallback_pool_id: Mapped[int | None] = mapped_column(
        ForeignKey("redirect_pools.id", ondelete="SET NULL"), index=True
    )
    total_redirects: Mapped[int] = mapped_column(default=0)  # counted clicks, kept by the flusher
    health: Mapped[int] = mapped_column(default=0)  # cached percentage, A4's formula
    healthy_bots: Mapped[int] = mapped_column(default=0)
    total_bots: Mapped[int] = mapped_column(default=0)
    wave_at: Mapped[datetime | None]  # the ban wave whose promotions stand until the owner reverts them
    conversion_alarm_at: Mapped[datetime | None]  # all members fell together since
    behaviour: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), deferred=True
    )  # what its bots follow: the document of a bot's configuration, as it is shared
    behaviour_version: Mapped[int] = mapped_column(default=0, server_default="0")  # 0: it owns none
    naming_pattern: Mapped[str] = mapped_column(
        String(40), default="", server_default=""
    )  # of its new bots' usernames, with {n}; "": after the slug
    spare_count: Mapped[int] = mapped_column(
        default=0, server_default="0"
    )  # wanted to stand by; 0 = no offers
    spares_short_since: Mapped[
        datetime | None
    ]  # they have been fewer since, and the owner was offered another
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)
    members: Mapped[list["PoolBot"]] = relationship(
        order_by="PoolBot.id", cascade="all, delete-orphan", passive_deletes=True, back_populates="pool"
    )


class PoolSlug(Base):
    """Every slug a pool has or had: former ones keep working, and none is given twice."""

    __tablename__ = "pool_slugs"

    slug: Mapped[str] = mapped_column(String(50), primary_key=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("redirect_pools.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class PoolBot(Base):
    """A member: a bot in a pool, with its switches and the breaker's state."""

    __tablename__ = "pool_bots"
    __table_args__ = (
        UniqueConstraint("pool_id", "bot_id"),
        _one_of("status", MemberStatus),
        CheckConstraint("weight BETWEEN 0 AND 100", name="weight_range"),
        CheckConstraint("priority BETWEEN -1 AND 1", name="priority_range"),
        Index(None, "pool_id", "status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("redirect_pools.id", ondelete="CASCADE"))
    bot_id: Mapped[int] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"), index=True)
    weight: Mapped[int] = mapped_column(default=1)  # 0 = drain
    priority: Mapped[int] = mapped_column(default=0)  # 1 preferred, 0 normal, -1 backup
    is_enabled: Mapped[bool] = mapped_column(default=True)
    draining: Mapped[bool] = mapped_column(default=False)
    capacity_per_hour: Mapped[int] = mapped_column(default=2250)
    status: Mapped[str] = mapped_column(String(10), default=MemberStatus.CHECKING)
    status_cause: Mapped[str] = mapped_column(String(50), default="")  # the last failure's stable cause
    last_health_check: Mapped[datetime | None]
    check_ms: Mapped[int | None]  # duration of the last check
    consecutive_failures: Mapped[int] = mapped_column(default=0)
    permanent_failures: Mapped[int] = mapped_column(
        default=0
    )  # 401/404/frozen answers since the last good check
    good_checks: Mapped[int] = mapped_column(default=0)  # consecutive, in half-open
    circuit_breaker_until: Mapped[datetime | None]
    hold_seconds: Mapped[int] = mapped_column(default=0)  # length of the present hold, doubled up to 600
    next_check_at: Mapped[datetime | None]  # earlier or later than the sweep's rhythm
    slow_start_at: Mapped[datetime | None]  # when it (re)joined the rotation
    promoted_at: Mapped[datetime | None]  # a spare that a ban wave raised to priority 0
    last_failures: Mapped[list[Any]] = mapped_column(
        JsonWithTexts, default=list
    )  # newest first, at most 10: {at, cause, detail}
    total_redirects: Mapped[int] = mapped_column(default=0)
    added_at: Mapped[datetime] = mapped_column(default=utc_now)
    pool: Mapped["RedirectPool"] = relationship(back_populates="members")
    bot: Mapped["Bot"] = relationship()


# Managed bots


class BotOffer(Base):
    """A username that was suggested for a bot yet to be made, so that nobody else is offered it meanwhile."""

    __tablename__ = "bot_offers"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    pool_id: Mapped[int | None] = mapped_column(
        ForeignKey("redirect_pools.id", ondelete="CASCADE"), index=True
    )  # which the bot is to join
    username: Mapped[str] = mapped_column(String(32), unique=True)  # lower case
    as_spare: Mapped[bool] = mapped_column(default=False)
    expires_at: Mapped[datetime]


class ManagedBot(Base):
    """A bot that somebody made by the manager bot's link, whether it is registered here or not; never with its token."""

    __tablename__ = "managed_bots"

    id: Mapped[int] = mapped_column(primary_key=True)
    telegram_bot_id: Mapped[int] = mapped_column(unique=True)
    manager_telegram_id: Mapped[int]
    username: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(64), default="")
    owner_telegram_id: Mapped[int] = mapped_column(index=True)  # who made it, or got it since
    owner_name: Mapped[str] = mapped_column(String(64), default="")
    waits: Mapped[bool] = mapped_column(default=True)  # to be registered; its maker may be nobody known here
    pool_id: Mapped[int | None] = mapped_column(
        ForeignKey("redirect_pools.id", ondelete="SET NULL"), index=True
    )  # which it joins when it is registered
    as_spare: Mapped[bool] = mapped_column(default=False)
    rotating_at: Mapped[datetime | None]  # a new token was asked for, and is not stored yet
    seen_at: Mapped[datetime] = mapped_column(default=utc_now)


# Health


class PoolBotTransition(Base):
    """A change of a member's status; uptime is computed from these."""

    __tablename__ = "pool_bot_transitions"
    __table_args__ = (Index(None, "pool_bot_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    pool_bot_id: Mapped[int] = mapped_column(ForeignKey("pool_bots.id", ondelete="CASCADE"))
    from_status: Mapped[str] = mapped_column(String(10))
    to_status: Mapped[str] = mapped_column(String(10))
    cause: Mapped[str] = mapped_column(String(50), default="")
    at: Mapped[datetime] = mapped_column(default=utc_now)


class CheckGap(Base):
    """Time in which nobody looked at a member, for longer than the sweeps explain: its state then is unknown."""

    __tablename__ = "check_gaps"
    __table_args__ = (Index(None, "pool_bot_id", "ended_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    pool_bot_id: Mapped[int] = mapped_column(ForeignKey("pool_bots.id", ondelete="CASCADE"))
    began_at: Mapped[datetime]  # the last check before
    ended_at: Mapped[datetime]  # the first one after


class CheckDuration(Base):
    """How long health checks of a bot took, by hour and class of duration: enough for a mean and a percentile.

    No foreign key: a check may end after its bot was deleted, and must not fail the sweep by it.
    """

    __tablename__ = "check_durations"

    bot_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    le_ms: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # upper bound of the class
    checks: Mapped[int] = mapped_column(default=0)
    total_ms: Mapped[int] = mapped_column(default=0)


class BanWave(Base):
    """Members of a pool lost within minutes of each other; it stands until the owner reverts its promotions."""

    __tablename__ = "ban_waves"
    __table_args__ = (Index(None, "pool_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("redirect_pools.id", ondelete="CASCADE"))
    began_at: Mapped[datetime]  # the pool's `wave_at` while it stands: the loss that made it a wave
    reverted_at: Mapped[datetime | None]
    moves: Mapped[list["BanWaveMove"]] = relationship(
        order_by="BanWaveMove.id", cascade="all, delete-orphan", passive_deletes=True
    )


class BanWaveMove(Base):
    """One moment of a wave. The bot is named here and has no foreign key: a lost bot is often removed soon after."""

    __tablename__ = "ban_wave_moves"
    __table_args__ = (_one_of("step", WaveStep),)

    id: Mapped[int] = mapped_column(primary_key=True)
    wave_id: Mapped[int] = mapped_column(ForeignKey("ban_waves.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    step: Mapped[str] = mapped_column(String(10))
    bot_id: Mapped[int]
    username: Mapped[str] = mapped_column(String(32))
    cause: Mapped[str] = mapped_column(String(50), default="")


class Conversion(Base):
    """The conversion layer of a member: what is usual for it, and the evidence gathered since."""

    __tablename__ = "conversions"

    pool_bot_id: Mapped[int] = mapped_column(
        ForeignKey("pool_bots.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    judged_until: Mapped[datetime]  # matured clicks up to here are in the evidence
    run: Mapped[int] = mapped_column(default=0)  # consecutive matured clicks without a start
    score: Mapped[float] = mapped_column(default=0.0)  # log likelihood of "half" over "as usual"
    verdict: Mapped[str] = mapped_column(String(10), default="")  # suspect, degraded, or none
    verdict_at: Mapped[datetime | None]
    hold_seconds: Mapped[int] = mapped_column(default=0)  # of a degradation, doubled with each one
    trial: Mapped[float | None]  # a released member's evidence, while its trickle is judged
    trickle: Mapped[float] = mapped_column(default=0.02)  # the part of its traffic that a suspect keeps
    # What is usual, over seven days; left as it is while a verdict stands.
    clicks: Mapped[int] = mapped_column(default=0)  # matured
    starts: Mapped[int] = mapped_column(default=0)
    busiest_hour: Mapped[int] = mapped_column(default=0)  # clicks
    lag_seconds: Mapped[int] = mapped_column(default=600)  # p95 of click -> start, clamped to 60-600
    learned_at: Mapped[datetime | None]


class ConversionHour(Base):
    """A member's matured clicks of one hour, so that seven days are 168 rows."""

    __tablename__ = "conversion_hours"

    pool_bot_id: Mapped[int] = mapped_column(
        ForeignKey("pool_bots.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    clicks: Mapped[int] = mapped_column(default=0)
    starts: Mapped[int] = mapped_column(default=0)
    lags: Mapped[list[Any]] = mapped_column(default=list)  # starts per 30 s of lag, the last one: later


# Clicks and what is counted of them


class Click(Base):
    """One request to `/go`. Its id is the base62 token inside the start payload."""

    __tablename__ = "clicks"
    __table_args__ = (
        _one_of("audience", Audience),
        Index(None, "pool_id", "at"),
        Index(None, "bot_id", "at"),
        Index(None, "account_id", "at"),
    )

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    at: Mapped[datetime]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    pool_id: Mapped[int] = mapped_column(ForeignKey("redirect_pools.id", ondelete="CASCADE"))
    # No foreign key: a click may arrive after its bot was deleted and is somebody's money all the same.
    bot_id: Mapped[int | None]  # None: answered by the fallback
    visitor: Mapped[str] = mapped_column(String(32), default="")
    unique_hash: Mapped[str] = mapped_column(String(32), default="")  # daily-keyed hash of the visitor
    country: Mapped[str] = mapped_column(String(2), default="")
    device: Mapped[str] = mapped_column(String(10), default="")
    language: Mapped[str] = mapped_column(String(8), default="")
    referrer_host: Mapped[str] = mapped_column(String(253), default="")
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)  # utm_* and ad ids, length-limited
    audience: Mapped[str] = mapped_column(String(10), default=Audience.HUMAN)
    counted: Mapped[bool] = mapped_column(default=True)
    over_limit: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(String(40), default="")  # strategy/tier or fallback that chose
    candidates: Mapped[str] = mapped_column(
        Text, server_default=""
    )  # who could have been chosen: `7*2,9~0.350`
    position: Mapped[int | None]  # the shared position that chose among them
    # without foreign keys: what sent the click to `pool_id`; None when it is the pool of the link itself.
    link_pool_id: Mapped[int | None]
    experiment_id: Mapped[int | None]
    rule_id: Mapped[int | None]
    source: Mapped[str] = mapped_column(
        String(80), server_default=""
    )  # `services.traffic.clicks.source`; "" = direct
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("leads.id", ondelete="SET NULL"), index=True)
    started_at: Mapped[datetime | None]


class ClickRollup(Base):
    """Counted clicks per pool, bot and hour, kept for good. `bot_id` 0 stands for the fallback, so the key has no NULL."""

    __tablename__ = "click_rollups"

    pool_id: Mapped[int] = mapped_column(
        ForeignKey("redirect_pools.id", ondelete="CASCADE"), primary_key=True
    )
    bot_id: Mapped[int] = mapped_column(primary_key=True, index=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    clicks: Mapped[int] = mapped_column(default=0)
    uncounted: Mapped[int] = mapped_column(default=0)  # crawlers, previews, prefetch, HEAD, over the limit
    visitors: Mapped[int] = mapped_column(
        default=0, server_default="0"
    )  # whose first click of the UTC day this was
    starts: Mapped[int] = mapped_column(
        default=0, server_default="0"
    )  # of these clicks, whenever they arrived


class RefusedClicks(Base):
    """Clicks that a pool refused over its limit in an hour, kept for good; none of them is a row."""

    __tablename__ = "refused_clicks"

    pool_id: Mapped[int] = mapped_column(
        ForeignKey("redirect_pools.id", ondelete="CASCADE"), primary_key=True
    )
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    refused: Mapped[int] = mapped_column(default=0)


class ClickBreakdown(Base):
    """Counted clicks per pool and hour by one dimension, as `services.traffic.clicks.rollups` names them; kept for good."""

    __tablename__ = "click_breakdowns"

    pool_id: Mapped[int] = mapped_column(
        ForeignKey("redirect_pools.id", ondelete="CASCADE"), primary_key=True
    )
    dimension: Mapped[str] = mapped_column(String(10), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(
        String(600), primary_key=True
    )  # "" = unknown or direct; of campaigns and ads a path
    clicks: Mapped[int] = mapped_column(default=0)
    visitors: Mapped[int] = mapped_column(default=0)
    starts: Mapped[int] = mapped_column(default=0)


class DailyVisitor(Base):
    """A visitor's hash seen in a pool on a UTC day, so that each counts once; deleted after a few days."""

    __tablename__ = "daily_visitors"

    # The day leads, by which they are deleted. No foreign key: a deleted pool's are gone as soon.
    day: Mapped[datetime] = mapped_column(primary_key=True)
    pool_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    unique_hash: Mapped[str] = mapped_column(String(32), primary_key=True)


class BoundStart(Base):
    """A click that became a start and waits to be added to the rollups by the one flusher (no hot counter rows)."""

    __tablename__ = "bound_starts"

    click_id: Mapped[str] = mapped_column(String(16), primary_key=True)


class ClickLedger(Base):
    """How far one life of the click stream has come into the tables: the base of "clicks lost: 0"."""

    __tablename__ = "click_ledgers"

    life: Mapped[str] = mapped_column(
        String(16), primary_key=True
    )  # of the stream; a new Redis begins a new one
    before: Mapped[int] = mapped_column(default=0)  # entries settled before the ledger was opened
    last_entry: Mapped[str] = mapped_column(String(41), default="0-0")
    entries: Mapped[int] = mapped_column(default=0)  # settled since; written with their rows, so never twice
    rows: Mapped[int] = mapped_column(default=0)  # of these, new rows
    dropped: Mapped[int] = mapped_column(default=0)  # of these, unreadable or of a deleted pool
    opened_at: Mapped[datetime] = mapped_column(default=utc_now)


# Experiments and rules


class Experiment(Base):
    """A pool's link split over two or more pools by percentage, sticky per visitor."""

    __tablename__ = "experiments"
    __table_args__ = (
        Index(
            "uq_experiments_running",
            "pool_id",
            unique=True,
            sqlite_where=text("is_active"),
            postgresql_where=text("is_active"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("redirect_pools.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    is_active: Mapped[bool] = mapped_column(default=False)
    goal_tag: Mapped[str] = mapped_column(
        String(50), server_default=""
    )  # a lead's tag that counts as the goal
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]  # the first time; from then on the arms stand
    ended_at: Mapped[datetime | None]
    arms: Mapped[list["ExperimentArm"]] = relationship(
        order_by="ExperimentArm.pool_id", cascade="all, delete-orphan", passive_deletes=True, lazy="selectin"
    )


class ExperimentArm(Base):
    """One of the pools an experiment splits over, with its part in percent."""

    __tablename__ = "experiment_arms"
    __table_args__ = (CheckConstraint("percent BETWEEN 0 AND 100", name="percent_range"),)

    experiment_id: Mapped[int] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True
    )
    pool_id: Mapped[int] = mapped_column(
        ForeignKey("redirect_pools.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    percent: Mapped[int]


class ExperimentVisitor(Base):
    """A visitor of an experiment, once, however often they click: what its rates are made of. Outlives the clicks."""

    __tablename__ = "experiment_visitors"

    experiment_id: Mapped[int] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    visitor: Mapped[str] = mapped_column(String(32), primary_key=True)
    pool_id: Mapped[int]  # the arm; without a foreign key, so that deleting a pool does not search here
    clicks: Mapped[int] = mapped_column(default=0)
    first_at: Mapped[datetime]
    lead_id: Mapped[int | None] = mapped_column(index=True)  # who this visitor turned out to be
    started_at: Mapped[datetime | None]


class PoolRule(Base):
    """A rule of a pool's link: visitors who meet all conditions go to another pool; the first match wins."""

    __tablename__ = "pool_rules"
    __table_args__ = (Index(None, "pool_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("redirect_pools.id", ondelete="CASCADE"))
    position: Mapped[int]
    is_active: Mapped[bool] = mapped_column(default=True)
    conditions: Mapped[dict[str, Any]] = mapped_column(default=dict)  # as of `services.fleet.pools.rules`
    target_pool_id: Mapped[int] = mapped_column(
        ForeignKey("redirect_pools.id", ondelete="CASCADE"), index=True
    )


# Leads


class Lead(Base):
    """A Telegram user known to a bot. The first touch never changes; the last one does."""

    __tablename__ = "leads"
    __table_args__ = (
        UniqueConstraint("bot_id", "telegram_id"),
        Index(None, "account_id", "first_interaction"),
        # Which bots each person knows, read from the index alone (the lifeboat).
        Index("ix_leads_acquaintances", "account_id", "telegram_id", "bot_id", "state", "identity"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    bot_id: Mapped[int] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"))
    telegram_id: Mapped[int]
    first_name: Mapped[str] = mapped_column(String(64), default="")
    last_name: Mapped[str] = mapped_column(String(64), default="")
    username: Mapped[str] = mapped_column(String(32), default="")
    language: Mapped[str] = mapped_column(String(16), default="")
    state: Mapped[str] = mapped_column(String(20), default="active")  # active, blocked, deactivated
    # The bot's identity that they last met: another than the bot's own cannot write to them.
    identity: Mapped[int] = mapped_column(default=1, server_default="1")
    tags: Mapped[list[Any]] = mapped_column(default=list)
    first_click_id: Mapped[str | None] = mapped_column(String(16))
    last_click_id: Mapped[str | None] = mapped_column(String(16))
    first_interaction: Mapped[datetime] = mapped_column(default=utc_now)
    last_interaction: Mapped[datetime] = mapped_column(default=utc_now)
    captcha_passed_at: Mapped[datetime | None]


class Start(Base):
    """A `/start` that arrived, once per (bot, update_id), so that a repeated update adds nothing."""

    __tablename__ = "starts"
    __table_args__ = (UniqueConstraint("bot_id", "update_id"), Index(None, "bot_id", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    bot_id: Mapped[int] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"))
    update_id: Mapped[int]
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id", ondelete="CASCADE"), index=True)
    start_param: Mapped[str] = mapped_column(String(64), default="")  # without the token
    click_id: Mapped[str | None] = mapped_column(
        String(16), index=True
    )  # as received; the click may come later
    at: Mapped[datetime] = mapped_column(default=utc_now)


# Dead letters


class DeadLetter(Base):
    """An update, send or job that was given up. The payload is redacted; the original is sealed until resolved."""

    __tablename__ = "dead_letters"
    __table_args__ = (
        Index(None, "account_id", "at"),
        Index(None, "fingerprint"),
        Index(None, "state", "account_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    bot_id: Mapped[int | None] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10))  # intake, update, send, job
    source_id: Mapped[str] = mapped_column(String(100), unique=True)  # makes a repeated give-up add nothing
    error_id: Mapped[str] = mapped_column(String(16))
    error: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(default=1)
    timeline: Mapped[list[Any]] = mapped_column(
        JsonWithTexts, default=list
    )  # {at, error, replay}; replay 0 is the first life
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    sealed_payload: Mapped[str] = mapped_column(Text, default="")  # what a replay sends in
    is_uncertain: Mapped[bool] = mapped_column(default=False)  # a send that may have arrived
    at: Mapped[datetime] = mapped_column(default=utc_now)
    state: Mapped[str] = mapped_column(String(10), default=DeadLetterState.OPEN)
    replays: Mapped[int] = mapped_column(default=0)  # how many were begun
    # "<stream> <entry>" of the present replay; "" until it is sent in
    replay_entry: Mapped[str] = mapped_column(String(120), default="")
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[str] = mapped_column(String(200), default="")  # "replayed", or "discarded: <reason>"


# Notifications


class Notification(Base):
    """Something the owner should know, one per change (`dedupe_key`), shown in the panel."""

    __tablename__ = "notifications"
    __table_args__ = (Index(None, "account_id", "at"), Index(None, "kind", "account_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(50))
    level: Mapped[str] = mapped_column(String(10))  # info, warning, critical, recovery
    dedupe_key: Mapped[str] = mapped_column(String(100), unique=True)
    params: Mapped[dict[str, Any]] = mapped_column(
        JsonWithTexts, default=dict
    )  # fills the text of `kind` in the reader's language
    pool_id: Mapped[int | None] = mapped_column(
        ForeignKey("redirect_pools.id", ondelete="CASCADE"), index=True
    )
    bot_id: Mapped[int | None] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"), index=True)
    incident: Mapped[int | None] = mapped_column(
        index=True
    )  # id of the first notification about the same trouble
    at: Mapped[datetime] = mapped_column(default=utc_now)
    read_at: Mapped[datetime | None]


class NotificationDestination(Base):
    """Where an account's notifications go besides the panel."""

    __tablename__ = "notification_destinations"
    __table_args__ = (_one_of("kind", DestinationKind),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(100), default="")
    # Chat id, e-mail address, or the webhook's host: what may be shown. Empty until a chat is linked.
    address: Mapped[str] = mapped_column(String(254), default="")
    bot_id: Mapped[int | None] = mapped_column(  # Telegram: who sends; None is the manager bot
        ForeignKey("bots.id", ondelete="CASCADE"), index=True
    )
    sealed_config: Mapped[str] = mapped_column(Text, default="")  # webhook: its URL and signing secret
    link_hash: Mapped[str | None] = mapped_column(String(64), unique=True)  # of the one-time code
    link_expires_at: Mapped[datetime | None]
    reserve_bot_id: Mapped[int | None] = mapped_column(  # Telegram: who sends while the other one cannot
        ForeignKey("bots.id", ondelete="SET NULL"), index=True
    )
    reserve_linked: Mapped[bool] = mapped_column(default=False)  # the chat has started the reserve too
    reserve_link_hash: Mapped[str | None] = mapped_column(String(64), unique=True, index=True)
    is_enabled: Mapped[bool] = mapped_column(default=True)
    quiet_from: Mapped[str] = mapped_column(
        String(5), default=""
    )  # "22:00", wall clock; empty: no quiet hours
    quiet_until: Mapped[str] = mapped_column(String(5), default="")
    time_zone: Mapped[str] = mapped_column(String(64), default="America/Sao_Paulo")
    critical_passes: Mapped[bool] = mapped_column(default=True)  # through quiet hours
    last_sent_at: Mapped[datetime | None]
    last_error: Mapped[i18n.Text] = mapped_column(
        TextColumn(300), default=i18n.NO_TEXT
    )  # empty after a success
    last_error_at: Mapped[datetime | None]
    is_refused: Mapped[bool] = mapped_column(default=False)  # the last failure was permanent
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    rules: Mapped[list["NotificationRule"]] = relationship(
        order_by="NotificationRule.id", cascade="all, delete-orphan", passive_deletes=True
    )


class NotificationRule(Base):
    """What a destination gets; without any rule it gets everything. An empty column matches all."""

    __tablename__ = "notification_rules"

    id: Mapped[int] = mapped_column(primary_key=True)
    destination_id: Mapped[int] = mapped_column(
        ForeignKey("notification_destinations.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str | None] = mapped_column(String(50))
    min_level: Mapped[str | None] = mapped_column(String(10))  # info, warning, critical
    pool_id: Mapped[int | None] = mapped_column(
        ForeignKey("redirect_pools.id", ondelete="CASCADE"), index=True
    )


class NotificationDelivery(Base):
    """One notification on its way to one destination; written with the notification, sent by a job."""

    __tablename__ = "notification_deliveries"
    __table_args__ = (
        UniqueConstraint("notification_id", "destination_id"),
        _one_of("status", DeliveryStatus),
        Index(None, "status", "next_attempt_at"),
        Index(None, "destination_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    notification_id: Mapped[int] = mapped_column(ForeignKey("notifications.id", ondelete="CASCADE"))
    destination_id: Mapped[int] = mapped_column(
        ForeignKey("notification_destinations.id", ondelete="CASCADE")
    )
    alarm_id: Mapped[int | None] = mapped_column(  # a recovery: the alarm's delivery that it ends
        ForeignKey("notification_deliveries.id", ondelete="SET NULL"), index=True
    )
    group: Mapped[int] = mapped_column("group_id", default=0)  # the incident: what shares a message
    message: Mapped[str] = mapped_column(
        String(32), default="", index=True
    )  # set by the first attempt, kept by all
    status: Mapped[str] = mapped_column(String(10), default=DeliveryStatus.PENDING)
    hold: Mapped[str] = mapped_column(String(10), default="")  # why it waits: cooldown, quiet, sending
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    last_error: Mapped[i18n.Text] = mapped_column(TextColumn(300), default=i18n.NO_TEXT)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    sent_at: Mapped[datetime | None]
    sent_as: Mapped[str] = mapped_column(
        String(80), default=""
    )  # Telegram's message, which later ones change
    notification: Mapped["Notification"] = relationship()
    destination: Mapped["NotificationDestination"] = relationship()


# Switches


class Switch(Base):
    """A switch of the whole installation, turned on by an admin; it ends by time alone, or before by `ended_at`.

    The newest of a name is what holds. Rows stay: they say what was on when.
    """

    __tablename__ = "switches"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(32))
    value: Mapped[Any] = mapped_column(JSON)  # what the switch's kind says, null for none
    reason: Mapped[str] = mapped_column(String(200))
    set_by: Mapped[str] = mapped_column(String(50))  # an actor, as in the audit trail
    set_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]  # before its time
    is_end_told: Mapped[bool] = mapped_column(default=False, server_default=false(), index=True)


# Status pages


class PoolDay(Base):
    """How long of a UTC day a pool had a bot that could get clicks, and how long anybody looked; the rest is unknown.

    Counted bit by bit, as members' transitions go with them: only what lies behind `counted_until` is in it.
    """

    __tablename__ = "pool_days"

    pool_id: Mapped[int] = mapped_column(
        ForeignKey("redirect_pools.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    day: Mapped[datetime] = mapped_column(primary_key=True)
    up_seconds: Mapped[int] = mapped_column(default=0)
    watched_seconds: Mapped[int] = mapped_column(default=0)
    counted_until: Mapped[datetime]


class StatusPage(Base):
    """What an account shows to everybody of its pools, below an address that nobody can guess."""

    __tablename__ = "status_pages"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    token: Mapped[str] = mapped_column(String(32), unique=True)  # the end of its address
    is_on: Mapped[bool] = mapped_column(default=False)
    title: Mapped[str] = mapped_column(String(100), default="")
    shows_incidents: Mapped[bool] = mapped_column(default=True)
    allows_search: Mapped[bool] = mapped_column(default=False)  # engines may list it
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)
    pools: Mapped[list["StatusPagePool"]] = relationship(
        order_by="StatusPagePool.position", cascade="all, delete-orphan", passive_deletes=True
    )


class StatusPagePool(Base):
    """A pool on its account's status page, and what it is called there."""

    __tablename__ = "status_page_pools"

    pool_id: Mapped[int] = mapped_column(
        ForeignKey("redirect_pools.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    account_id: Mapped[int] = mapped_column(
        ForeignKey("status_pages.account_id", ondelete="CASCADE"), index=True
    )
    label: Mapped[str] = mapped_column(String(60))
    position: Mapped[int]


# Flows


class Flow(Base):
    """What bots say and do, as data: the draft that is being written, and which version they play.

    Bots name it by its key in the configuration of their plugin `flow`; a draft may still be incomplete, a version never is.
    """

    __tablename__ = "flows"
    __table_args__ = (UniqueConstraint("account_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(100))
    draft: Mapped[dict[str, Any]]
    draft_revision: Mapped[int] = mapped_column(
        default=1
    )  # one more with every save: who has an older is told
    draft_by: Mapped[str] = mapped_column(String(100))  # an actor, as in the audit trail
    draft_at: Mapped[datetime] = mapped_column(default=utc_now)
    published: Mapped[int | None]  # number of the version in force
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class FlowVersion(Base):
    """A flow as it was published. Versions stay: buttons carry the number of the one that they were sent with."""

    __tablename__ = "flow_versions"

    flow_id: Mapped[int] = mapped_column(
        ForeignKey("flows.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # 1, 2, 3 … of the flow
    document: Mapped[dict[str, Any]]
    published_by: Mapped[str] = mapped_column(String(100))  # an actor
    published_at: Mapped[datetime] = mapped_column(default=utc_now)
    moves: Mapped[dict[str, Any]] = mapped_column(
        default=dict
    )  # removed step -> where its people went, null: the end
    restores: Mapped[int | None]  # the version that this one brought back


# Timers and people in flows


class Timer(Base):
    """What a plugin wants to be told of a chat at a later moment (ADR 60). The row goes when that was handled.

    `ring_at` is when an update for it goes to the chat's lane next: at `due_at` first, later again as long as nobody handled it.
    """

    __tablename__ = "timers"
    __table_args__ = (UniqueConstraint("bot_id", "plugin", "chat_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    bot_id: Mapped[int] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"))
    plugin: Mapped[str] = mapped_column(String(50))
    chat_id: Mapped[int]
    telegram_id: Mapped[int]  # whose update it was set in, 0 for nobody's
    key: Mapped[str] = mapped_column(String(100))
    due_at: Mapped[datetime]
    ring_at: Mapped[datetime] = mapped_column(index=True)
    rings: Mapped[int] = mapped_column(default=0)  # updates that were made for it
    note: Mapped[Any] = mapped_column(JSON)
    address: Mapped[dict[str, Any]] = mapped_column(default=dict)  # of the chat: topic, business connection


class FlowRun(Base):
    """Where a person stands in a flow; of one bot they are in one flow at a time (ADR 61).

    `version` is the number of the document that sent them the last message. Whoever writes the row raises `revision`.
    """

    __tablename__ = "flow_runs"
    __table_args__ = (
        UniqueConstraint("bot_id", "telegram_id"),
        _one_of("status", RunStatus),
        Index(None, "flow_id", "step"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    bot_id: Mapped[int] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"))
    telegram_id: Mapped[int]
    flow_id: Mapped[int] = mapped_column(ForeignKey("flows.id", ondelete="CASCADE"))
    version: Mapped[int]
    step: Mapped[str] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(10))
    entered_at: Mapped[datetime]  # the step
    started_at: Mapped[datetime]  # the flow
    paused_until: Mapped[datetime | None]
    variables: Mapped[dict[str, Any]] = mapped_column(default=dict)
    goals: Mapped[list[Any]] = mapped_column(default=list)  # reached in this flow
    is_moved: Mapped[bool] = mapped_column(default=False, server_default=false())  # to a step not entered yet
    handed_over: Mapped[bool] = mapped_column(default=False, server_default=false())  # by the step, to people
    revision: Mapped[int] = mapped_column(default=1, server_default="1")


class FlowVisit(Base):
    """That a person reached a step of a flow: when first, when last, how often."""

    __tablename__ = "flow_visits"
    __table_args__ = (Index(None, "flow_id", "step"),)

    bot_id: Mapped[int] = mapped_column(
        ForeignKey("bots.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    telegram_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    flow_id: Mapped[int] = mapped_column(
        ForeignKey("flows.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    step: Mapped[str] = mapped_column(String(40), primary_key=True)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    times: Mapped[int] = mapped_column(default=1)


# People and their messages


class Segment(Base):
    """Conditions on people under a name, to be used again; who meets them is looked up each time."""

    __tablename__ = "segments"
    __table_args__ = (UniqueConstraint("account_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    conditions: Mapped[dict[str, Any]] = mapped_column(default=dict)  # of `services.traffic.audience`
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class PeopleChange(Base):
    """One change for many people: which, for whom, and how far it has come. Leads are gone through by their numbers.

    Those that came after it was asked for, above `last_lead_id`, are left alone.
    """

    __tablename__ = "people_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(10))  # tag, untag
    tag: Mapped[str] = mapped_column(String(50))
    conditions: Mapped[dict[str, Any]] = mapped_column(default=dict)
    lead_ids: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))  # None: all who meet them
    total: Mapped[int]  # when it was asked for
    last_lead_id: Mapped[int]
    cursor: Mapped[int] = mapped_column(default=0)  # the last lead that is done
    changed: Mapped[int] = mapped_column(default=0)
    looked_at: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)  # who have as many tags as anybody may
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None] = mapped_column(index=True)


class Conversation(Base):
    """A person and a bot that keeps messages: whether they wait for an answer, and who sees to it.

    `revision` is one more with each answer and decision of an operator's: who acts on an older one is told. What the person
    writes does not raise it.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("bot_id", "telegram_id"),
        Index(None, "account_id", "unanswered_since"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    bot_id: Mapped[int] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"))
    telegram_id: Mapped[int]
    unanswered_since: Mapped[datetime | None]  # by people: what the bot says by itself is no answer
    last_message_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str] = mapped_column(String(100), default="", server_default="")
    assigned_to: Mapped[str] = mapped_column(String(100), default="", server_default="")
    taken_over_until: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1, server_default="1")


class ChatMessage(Base):
    """A message between a person and a bot that keeps messages. The text is sealed for "messages:<bot_id>".

    `form_key` names the form in which an operator wrote it: the same form sent again adds nothing.
    """

    __tablename__ = "chat_messages"
    __table_args__ = (
        UniqueConstraint("bot_id", "update_id"),
        UniqueConstraint("bot_id", "form_key"),
        Index(None, "bot_id", "telegram_id", "id"),
        Index(None, "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    bot_id: Mapped[int] = mapped_column(ForeignKey("bots.id", ondelete="CASCADE"))
    telegram_id: Mapped[int]
    direction: Mapped[str] = mapped_column(String(3))  # in, out
    kind: Mapped[str] = mapped_column(String(20))  # text, photo …; of those out the method's
    sealed_text: Mapped[str] = mapped_column(Text, default="")  # a text, or the caption of something else
    message_id: Mapped[int | None]
    update_id: Mapped[int | None]
    status: Mapped[str] = mapped_column(
        String(10), default="", server_default=""
    )  # out: sending, sent, failed
    failure: Mapped[str] = mapped_column(String(300), default="", server_default="")
    by: Mapped[str] = mapped_column(String(100), default="", server_default="")  # an operator's; "": the bot
    form_key: Mapped[str | None] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(default=utc_now)


# Goals, payments and postbacks


class Goal(Base):
    """A goal that somebody reached, once per (account, event_id), with the click that is its lead's last touch.

    Of that click is copied what figures are made of and what ad networks want to hear, since clicks go by age. Money is
    whole millionths; a refund is a negative amount. Without foreign keys to bot and pool: money outlives both.
    """

    __tablename__ = "goals"
    __table_args__ = (
        _one_of("source", GoalSource),
        UniqueConstraint("account_id", "event_id"),
        Index(None, "account_id", "clicked_hour"),
        Index(None, "bot_id", "telegram_id"),
        Index(None, "pool_id", "clicked_hour"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    bot_id: Mapped[int | None]
    telegram_id: Mapped[int | None]  # None: nobody knows, or the person was erased
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("leads.id", ondelete="SET NULL"), index=True)
    goal: Mapped[str] = mapped_column(String(30))
    amount_micros: Mapped[int | None]
    currency: Mapped[str] = mapped_column(String(3), default="")
    event_id: Mapped[str] = mapped_column(String(100))
    source: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(default=utc_now)
    touched_at: Mapped[datetime | None]  # when its click became the lead's last touch; given ones: `at`
    click_id: Mapped[str | None] = mapped_column(String(16))
    clicked_at: Mapped[datetime | None]
    clicked_hour: Mapped[datetime | None]  # in which figures count it
    pool_id: Mapped[int | None]
    click_source: Mapped[str] = mapped_column(String(80), default="")
    campaign: Mapped[str] = mapped_column(String(60), default="")
    ad: Mapped[str] = mapped_column(String(60), default="")
    country: Mapped[str] = mapped_column(String(2), default="")
    device: Mapped[str] = mapped_column(String(10), default="")
    ad_ids: Mapped[dict[str, Any]] = mapped_column(default=dict)  # gclid, fbclid …


class Payment(Base):
    """A payment that Telegram told a bot of, once per (bot, charge); a refund is noted in the same row."""

    __tablename__ = "payments"
    __table_args__ = (UniqueConstraint("bot_id", "charge_id"), Index(None, "bot_id", "telegram_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    bot_id: Mapped[int]  # without a foreign key, as of goals
    telegram_id: Mapped[int | None]
    charge_id: Mapped[str] = mapped_column(String(255))  # telegram_payment_charge_id
    provider_charge_id: Mapped[str] = mapped_column(String(255), default="")
    amount_micros: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    payload: Mapped[str] = mapped_column(String(128), default="")  # of the invoice
    is_recurring: Mapped[bool] = mapped_column(default=False)
    is_first_recurring: Mapped[bool] = mapped_column(default=False)
    paid_until: Mapped[datetime | None]  # of a subscription
    subscription_state: Mapped[str] = mapped_column(String(10), default="")  # active, canceled, failed
    refunded_at: Mapped[datetime | None]
    at: Mapped[datetime] = mapped_column(default=utc_now)


class PaymentWebhook(Base):
    """An address at which a payment provider tells of payments, signed; `mapping` says where in its JSON what stands."""

    __tablename__ = "payment_webhooks"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    path_id: Mapped[str] = mapped_column(String(32), unique=True)  # the end of its address
    sealed_secret: Mapped[str] = mapped_column(Text, default="")
    signature_header: Mapped[str] = mapped_column(String(64))
    timestamp_header: Mapped[str] = mapped_column(String(64), default="")  # "": the signature's own, or none
    tolerance_seconds: Mapped[int] = mapped_column(default=300)
    mapping: Mapped[dict[str, Any]] = mapped_column(default=dict)
    bot_id: Mapped[int | None] = mapped_column(
        ForeignKey("bots.id", ondelete="SET NULL"), index=True
    )  # whose people it tells of; None: any bot of the account
    is_enabled: Mapped[bool] = mapped_column(default=True)
    last_call_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class PaymentWebhookCall(Base):
    """A signed call of a payment provider, and what it came to; the body is kept for a while, secrets taken out."""

    __tablename__ = "payment_webhook_calls"
    __table_args__ = (_one_of("result", CallResult), Index(None, "webhook_id", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("payment_webhooks.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    result: Mapped[str] = mapped_column(String(10))
    reason: Mapped[i18n.Text] = mapped_column(TextColumn(300), default=i18n.NO_TEXT)
    event_id: Mapped[str] = mapped_column(String(100), default="")
    body: Mapped[str] = mapped_column(Text, default="")


class Postback(Base):
    """Where an account's clicks, starts and goals are told of; an empty list of goals or pools matches all."""

    __tablename__ = "postbacks"
    __table_args__ = (_one_of("driver", PostbackDriver),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    driver: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(100))
    events: Mapped[list[Any]] = mapped_column(default=list)
    goals: Mapped[list[Any]] = mapped_column(default=list)
    pool_ids: Mapped[list[Any]] = mapped_column(default=list)
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)  # as its driver says
    sealed_secret: Mapped[str] = mapped_column(Text, default="")  # an access token or a signing secret
    is_enabled: Mapped[bool] = mapped_column(default=True)
    last_sent_at: Mapped[datetime | None]
    last_error: Mapped[i18n.Text] = mapped_column(TextColumn(300), default=i18n.NO_TEXT)
    last_error_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class PostbackDelivery(Base):
    """One event on its way to one postback; written with the event, sent by a job."""

    __tablename__ = "postback_deliveries"
    __table_args__ = (
        UniqueConstraint("postback_id", "event_id"),
        _one_of("event", PostbackEvent),
        _one_of("status", DeliveryStatus),
        Index(None, "status", "next_attempt_at"),
        Index(None, "postback_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    postback_id: Mapped[int] = mapped_column(ForeignKey("postbacks.id", ondelete="CASCADE"))
    event: Mapped[str] = mapped_column(String(5))
    event_id: Mapped[str] = mapped_column(String(100))
    click_id: Mapped[str | None] = mapped_column(String(16))
    goal_id: Mapped[int | None]  # without a foreign key: what it told of may go before it
    status: Mapped[str] = mapped_column(String(10), default=DeliveryStatus.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    answer_status: Mapped[int | None]  # HTTP's
    last_error: Mapped[i18n.Text] = mapped_column(TextColumn(300), default=i18n.NO_TEXT)
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    sent_at: Mapped[datetime | None]


# Broadcasts


class Broadcast(Base):
    """One message to many people, or a second look at what was sent (`kind`); one that comes again makes a child each time."""

    __tablename__ = "broadcasts"
    __table_args__ = (
        _one_of("kind", BroadcastKind),
        _one_of("status", BroadcastStatus),
        Index(None, "account_id", "created_at"),
        Index(None, "status", "scheduled_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("broadcasts.id", ondelete="SET NULL"), index=True
    )  # the series it belongs to, or whose messages it changes
    name: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(6), default=BroadcastKind.SEND)
    status: Mapped[str] = mapped_column(String(9), default=BroadcastStatus.DRAFT)
    variants: Mapped[list[Any]] = mapped_column(default=list)  # [{"name", "percent", "message"}]
    audience: Mapped[dict[str, Any]] = mapped_column(default=dict)
    has_opt_out: Mapped[bool] = mapped_column(default=True)
    per_second: Mapped[int] = mapped_column(default=25)  # of each bot
    brake_percent: Mapped[int] = mapped_column(default=10)  # blocked and failed of the last ones; 0: no brake
    quiet_from: Mapped[str] = mapped_column(String(5), default="")  # "22:00", wall clock; empty: none
    quiet_until: Mapped[str] = mapped_column(String(5), default="")
    time_zone: Mapped[str] = mapped_column(String(50), default="")
    goal_tag: Mapped[str] = mapped_column(String(50), default="")  # of a lead; empty: no goal
    scheduled_at: Mapped[datetime | None]
    every_hours: Mapped[int] = mapped_column(default=0)  # 0: once
    once_per_person: Mapped[bool] = mapped_column(default=True)  # of a series
    only_new: Mapped[bool] = mapped_column(default=False)  # of a series: who came since its last turn
    new_since: Mapped[datetime | None]  # of such a turn
    prepared_to: Mapped[int] = mapped_column(default=0)  # the ledger holds everybody up to this Telegram id
    recipients: Mapped[int] = mapped_column(default=0)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)  # {"sent": 3, "failed": …, "causes": {…}}
    cause: Mapped[str] = mapped_column(String(50), default="")  # why it rests or ended, a word
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class BroadcastRecipient(Base):
    """The ledger: one row per person of a broadcast, written before anything is sent to them.

    `bot_id` is no foreign key: it stays when the bot goes, and a million rows are spared an index.
    """

    __tablename__ = "broadcast_recipients"
    __table_args__ = (
        _one_of("status", RecipientStatus),
        Index("ix_broadcast_recipients_work", "broadcast_id", "bot_id", "status", "telegram_id"),
    )

    broadcast_id: Mapped[int] = mapped_column(
        ForeignKey("broadcasts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    telegram_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bot_id: Mapped[int]
    variant: Mapped[int] = mapped_column(default=0)  # its place in the broadcast's variants
    status: Mapped[str] = mapped_column(String(9), default=RecipientStatus.WAITING)
    cause: Mapped[str] = mapped_column(String(80), default="")
    message_id: Mapped[int | None]
    at: Mapped[datetime | None]  # of the last change


# What advertising cost


class SpendImport(Base):
    """A table of what advertising cost, as it was brought: read as a whole, then written in steps, each a transaction."""

    __tablename__ = "spend_imports"
    __table_args__ = (_one_of("status", ImportStatus), Index(None, "account_id", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))  # of the file; of a call of the API "API"
    actor: Mapped[str] = mapped_column(String(80))
    status: Mapped[str] = mapped_column(String(9), index=True)
    layout: Mapped[dict[str, Any]] = mapped_column(default=dict)  # which column says what
    lines: Mapped[int] = mapped_column(default=0)  # that cost something
    rows: Mapped[int] = mapped_column(
        default=0
    )  # days of an ad or a campaign, after lines of one were added up
    written: Mapped[int] = mapped_column(default=0)  # of the rows; the next step begins behind them
    replaced: Mapped[int] = mapped_column(default=0)  # of those, how many stood there with another amount
    sums: Mapped[dict[str, Any]] = mapped_column(default=dict)  # millionths by currency
    problems: Mapped[list[Any]] = mapped_column(default=list)  # [{"line", "column", "code", "detail"}]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]


class SpendImportPart(Base):
    """A part of a file that is being brought, compressed; gone with the end of its import."""

    __tablename__ = "spend_import_parts"

    import_id: Mapped[int] = mapped_column(
        ForeignKey("spend_imports.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes]


class Spend(Base):
    """What an ad, a campaign or a source cost on a day, in millionths. A later import of the same replaces it."""

    __tablename__ = "spend"
    __table_args__ = (UniqueConstraint("account_id", "day", "source", "campaign", "ad"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    day: Mapped[date]
    source: Mapped[str] = mapped_column(String(60))
    campaign: Mapped[str] = mapped_column(String(60), default="")
    ad: Mapped[str] = mapped_column(String(60), default="")
    amount_micros: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    import_id: Mapped[int] = mapped_column(ForeignKey("spend_imports.id", ondelete="CASCADE"), index=True)


class ExchangeRate(Base):
    """What one unit of `currency` was worth in `into` from this day on, in billionths; in force until the next such day."""

    __tablename__ = "exchange_rates"
    __table_args__ = (UniqueConstraint("account_id", "currency", "into", "day"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    currency: Mapped[str] = mapped_column(String(3))
    into: Mapped[str] = mapped_column(String(3))
    day: Mapped[date]
    rate_billionths: Mapped[int]


# Library of files


class Media(Base):
    """A file of an account's media library, in DATA_DIR/files/library/<account>/<stored_name>.

    The row is there first, with `stored_at` empty. The same content is kept once: `sha256` is its own within the account.
    """

    __tablename__ = "media"
    __table_args__ = (UniqueConstraint("account_id", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(20))  # photo, video …: as what it is sent if nobody says another
    mime: Mapped[str] = mapped_column(String(100))  # by its content
    size: Mapped[int]  # bytes
    sha256: Mapped[str] = mapped_column(String(64))
    stored_name: Mapped[str] = mapped_column(String(32), unique=True)  # random
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    stored_at: Mapped[datetime | None]


class MediaUpload(Base):
    """The file_id by which a Telegram bot knows a file of the library that it has sent as one kind of message."""

    __tablename__ = "media_uploads"

    media_id: Mapped[int] = mapped_column(ForeignKey("media.id", ondelete="CASCADE"), primary_key=True)
    bot_id: Mapped[int] = mapped_column(
        ForeignKey("bots.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    telegram_bot_id: Mapped[int]  # who got it: of no use to the next identity of our bot
    file_id: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=utc_now)
