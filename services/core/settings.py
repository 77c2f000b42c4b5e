"""What can be set from outside: one frozen, typed object, each field described where it is declared."""

from __future__ import annotations

import re
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from services.core.backup_settings import BackupSettings
from services.core.fault_injection import CrashPoint
from services.core.kubernetes_settings import KubernetesSettings
from services.core.observability_settings import ObservabilitySettings
from services.core.postback_settings import PostbackSettings
from services.core.rate_limits import RateLimits
from services.core.retention_settings import RetentionSettings
from services.core.setting_types import (
    AppEnv,
    BaseUrl,
    BindAddress,
    DatabaseUrl,
    Keys,
    LogFormat,
    LogLevel,
    MailUrl,
    Networks,
    People,
    RedisUrl,
    in_upper_case,
)

MAILBOX = re.compile(r"[^@\s]+@[^@\s]+")
TELEGRAM_PORTS = {443, 80, 88, 8443}  # the ports the Bot API delivers webhooks to


class Settings(
    BackupSettings, KubernetesSettings, ObservabilitySettings, PostbackSettings, RetentionSettings
):
    """Everything that can be set from outside. Each field's description is its line in docs/configuration.md."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, case_sensitive=False
    )

    app_env: AppEnv = Field(
        AppEnv.DEV,
        description="`dev`, `test`, `staging` or `prod`; in `staging`, which is as `prod` in everything, and in `prod` keys must be given and cookies need https",
    )
    port: int = Field(8000, ge=1, le=65535, description="port the web process listens on")
    bind: BindAddress = Field(
        "",
        description="address the web process listens on; empty means all of the machine in `prod`, else loopback alone. "
        "`127.0.0.1` behind a proxy on the same machine",
    )
    data_dir: Path = Field(
        Path("instance"),
        description="folder for everything kept on disk: SQLite, embedded Valkey, keys, spool",
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="signs sessions and forms; made in DATA_DIR outside production"
    )
    encryption_keys: Keys = Field(
        (),
        validation_alias=AliasChoices("ENCRYPTION_KEYS", "ENCRYPTION_KEY"),
        description="Fernet keys that seal tokens, comma-separated, newest first; made in DATA_DIR outside production",
    )
    database_url: DatabaseUrl = Field(
        "",
        validation_alias=AliasChoices("DATABASE_URL", "DB_URL"),
        description="PostgreSQL (`postgres://` is accepted) or a file, `sqlite:////path/file`; empty means SQLite in DATA_DIR",
    )
    db_pool_size: int = Field(20, ge=1, description="kept database connections per process")
    db_max_overflow: int = Field(40, ge=0, description="further database connections per process under load")
    redis_url: RedisUrl = Field(
        "", description="Redis or Valkey address (`rediss://` too); empty means the embedded Valkey"
    )
    redis_verify_tls: bool = Field(
        True,
        description="whether the certificate of a `rediss://` server is checked; `false` for Heroku, whose are self-signed",
    )
    redis_max_connections: int = Field(100, ge=4, description="Redis connections per process")
    embedded_redis_mb: int = Field(
        0,
        ge=0,
        description="memory in MB (2^20 bytes) that the embedded Valkey may use for data, at least 64; 0 = a quarter of what the "
        "machine (or its container) has. An own Redis has its `maxmemory`",
    )
    disk_free_mb: int = Field(
        512,
        ge=0,
        description="free space in MB (2^20 bytes) on the disk of DATA_DIR below which administrators are warned; 0 = never",
    )
    telegram_api_url: BaseUrl = Field(
        "https://api.telegram.org", description="Bot API server; a self-hosted one or the sandbox"
    )
    telegram_link_url: BaseUrl = Field(
        "https://t.me", description="where `/go` sends people: `<this>/<bot>?start=…`"
    )
    webhook_base_url: BaseUrl = Field(
        "",
        description="public https address of this installation; set, new bots use webhooks, empty, they poll",
    )
    public_url: BaseUrl = Field(
        "", description="address shown in public links; empty means the address the panel was opened with"
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="number of reverse proxies in front; exactly so many X-Forwarded-For entries are believed",
    )
    proxy_addresses: Networks = Field(
        (),
        description="addresses or networks, comma-separated, that the nearest of TRUSTED_PROXIES connects from, as "
        "`172.18.0.2,10.1.0.0/16`; nobody else's headers are believed. Empty means loopback and private networks",
    )
    country_header: str = Field(
        "CF-IPCountry", pattern=r"^[A-Za-z0-9-]{0,60}$", description="the trusted proxy's country header"
    )
    log_level: Annotated[LogLevel, BeforeValidator(in_upper_case)] = Field(
        LogLevel.INFO, description="`DEBUG`, `INFO`, `WARNING` (`make run` at a terminal) or `ERROR`"
    )
    log_format: LogFormat = Field(
        LogFormat.JSON, description="`json` or `text`; `make run` at a terminal takes `text`"
    )
    fast_path: bool = Field(
        True,
        description="whether plain redirects and updates are answered before Flask; `false` sends them through its "
        "views, which answer alike and cost three to four times as much",
    )
    web_concurrency: int = Field(1, ge=1, le=64, description="web worker processes")
    worker_concurrency: int = Field(1, ge=1, le=64, description="worker processes that `make run` starts")
    inbound_workers: int = Field(
        8,
        ge=1,
        le=64,
        description="RQ workers on `updates` in one worker process; as many as lanes serve best",
    )
    outbound_workers: int = Field(
        8,
        ge=1,
        le=64,
        description="RQ workers on `outbound` in one worker process; as many as lanes serve best",
    )
    default_workers: int = Field(2, ge=1, le=64, description="RQ workers on `default` in one worker process")
    update_lanes: int = Field(
        8,
        ge=1,
        le=64,
        description="streams that updates and sends are spread over; change it only with empty queues",
    )
    handler_timeout_seconds: float = Field(
        30, gt=0, le=300, description="seconds a handler may take before it is cancelled"
    )
    circuit_breaker_fail_max: int = Field(
        5, ge=1, le=100, description="failed calls in a row until plugins leave an external API alone"
    )
    circuit_breaker_timeout: float = Field(
        60, ge=1, le=3600, description="seconds until one call tries whether such an API is well again"
    )
    plugins_dir: Path = Field(
        Path("plugins/custom"), description="folder of custom plugins; a relative one lies in the project's"
    )
    config_dir: Path = Field(
        Path("config/bots"), description="folder of bots' YAML files; a relative one lies in the project's"
    )
    enable_hot_reload: bool = Field(
        True,
        description="whether running processes take new and changed files of PLUGINS_DIR and CONFIG_DIR; `false` leaves it to the next start",
    )
    send_concurrency: int = Field(64, ge=1, le=1000, description="Bot API calls in flight per sending job")
    webhooks_per_minute: int = Field(
        20,
        ge=1,
        description="webhooks set in a minute at most, so that many new bots do not look like a flood",
    )
    crash_at: CrashPoint = Field(
        CrashPoint.NOWHERE,
        description="kills the process when it first comes to this point; for fault tests, heeded with APP_ENV=test only",
    )
    intake_max_backlog: int = Field(
        100_000,
        ge=100,
        description="updates waiting in one lane above which webhooks answer 503; bots that do not keep up get half",
    )
    pacing_bot_per_second: float = Field(30, gt=0, description="messages a second per bot (Telegram: 30)")
    pacing_chat_per_second: float = Field(
        1, gt=0, description="messages a second per private chat (Telegram: 1, short bursts pass)"
    )
    pacing_chat_burst: int = Field(3, ge=1, description="messages a private chat may get at once")
    pacing_group_per_minute: float = Field(20, gt=0, description="messages a minute per group (Telegram: 20)")
    rate_limits_json: RateLimits = Field(
        {},
        description='limits per bot, user and action, as `{"cmd:/start": {"limit": 30, "window": 60}, "cb:buy": …, '
        '"text": …, "default": …}`; whatever is not named may be used 30 times in 60 seconds',
    )
    user_rate_per_minute: float = Field(
        30,
        ge=0,
        description="updates a minute per bot and user in the long run (token bucket); 0 = no limits",
    )
    user_rate_burst: int = Field(10, ge=1, le=10_000, description="updates one user may send at once")
    cooldown_seconds: float = Field(
        3,
        ge=0,
        le=600,
        description="seconds until the same button or sensitive command works again for a user; 5-10 under attack; 0 = off",
    )
    lock_seconds: float = Field(5, ge=2, le=60, description="life of a handler's lock, renewed while it runs")
    callback_confirm_seconds: int = Field(300, ge=10, description="life of a single-use button")
    callback_menu_seconds: int = Field(30 * 86_400, ge=10, description="life of other buttons")
    conversation_ttl_seconds: int = Field(604_800, ge=60, description="life of a conversation, unchanged")
    api_rate_per_minute: int = Field(600, ge=0, description="API requests a minute per key; 0 = no limit")
    idempotency_keys_per_account: int = Field(
        5000,
        ge=2,
        description="Idempotency-Keys remembered of an account within 24 hours, half of them of one API key or person; each "
        "takes 4.3 KB of Redis at most",
    )
    pool_max_bots: int = Field(10, ge=1, le=100, description="default limit of members in a pool")
    pool_start_param: str = Field(
        "acesso",
        pattern=r"^[A-Za-z0-9_-]{1,51}$",
        description="default start parameter of a pool (51 characters leave room for the click token)",
    )
    pool_rate_limit_per_minute: int = Field(
        100, ge=0, description="default `/go` requests per client and minute; 0 = off"
    )
    pool_capacity_per_hour: int = Field(
        2250, ge=1, description="default planning figure of clicks an hour per bot"
    )
    health_interval_seconds: float = Field(15, ge=1, le=300, description="seconds between health sweeps")
    health_timeout_seconds: float = Field(
        2, gt=0, le=30, description="seconds a health check may take in all"
    )
    slow_start_seconds: float = Field(
        60,
        ge=0,
        le=3600,
        description="seconds in which a new or recovered bot grows from 10 % to 100 % of its share",
    )
    access_log: bool = Field(
        False,
        description="`on` writes visitors' addresses, agents and referrers of `/go` to DATA_DIR/access, the only place "
        "that holds addresses",
    )
    session_hours: int = Field(12, ge=1, description="hours a sign-in lasts without use, unless remembered")
    remember_days: int = Field(30, ge=1, le=400, description="days a remembered sign-in lasts without use")
    fresh_login_minutes: int = Field(15, ge=1, description="minutes a typed password is not asked for again")
    manager_bot_token: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("MANAGER_BOT_TOKEN", "ADMIN_BOT_TOKEN"),
        description="token of the manager bot, from which people run their fleets and which notifies them on Telegram; empty means there is none",
    )
    allowed_admin_ids: People = Field(
        (),
        validation_alias=AliasChoices("ALLOWED_ADMIN_IDS", "ADMIN_ALLOWED_USERS"),
        description="Telegram ids of the people whom the manager bot answers, separated by commas; empty means everybody who is linked to an account",
    )
    smtp_url: MailUrl = Field(
        SecretStr(""),
        description="mail server for notifications, `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`; empty means no e-mail",
    )
    smtp_from: str = Field("", description="sender, `Flotilla <alerts@example.com>`; needed with SMTP_URL")
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="bearer token for `/metrics` and `/health/full`, without which only admins see them; empty means programs on the same machine and admins",
    )

    @model_validator(mode="after")
    def _deliverable_webhooks(self) -> Self:
        """B2: Telegram delivers only to https on four ports; plain http only where Telegram is not Telegram."""
        url = urlsplit(self.webhook_base_url)
        if self.webhook_base_url and self.talks_to_telegram:
            port = url.port or (443 if url.scheme == "https" else 80)
            if url.scheme != "https" or port not in TELEGRAM_PORTS:
                raise ValueError("WEBHOOK_BASE_URL must be https on port 443, 80, 88 or 8443")
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.smtp_url.get_secret_value() and not MAILBOX.fullmatch(parseaddr(self.smtp_from)[1]):
            raise ValueError("SMTP_FROM must be an e-mail address when SMTP_URL is set")
        if self.proxy_addresses and not self.trusted_proxies:
            raise ValueError(
                "TRUSTED_PROXIES must say how many proxies there are when PROXY_ADDRESSES is set"
            )
        if self.remember_days * 24 < self.session_hours:
            raise ValueError("REMEMBER_DAYS must be at least as long as SESSION_HOURS")
        return self

    @property
    def crash_point(self) -> CrashPoint:
        """Where this process is to die; only ever in a test installation."""
        return self.crash_at if self.app_env is AppEnv.TEST else CrashPoint.NOWHERE

    @property
    def talks_to_telegram(self) -> bool:
        """Whether the Bot API server is Telegram's own, not a sandbox or a self-hosted one."""
        return urlsplit(self.telegram_api_url).hostname == "api.telegram.org"

    @property
    def listen_host(self) -> str:
        """Where the web process listens: BIND, else everywhere in production (a router is in front), else on loopback."""
        return self.bind or ("0.0.0.0" if self.app_env.is_served else "127.0.0.1")  # noqa: S104

    @property
    def embedded_redis_file(self) -> Path:
        """Where the launcher leaves the embedded Valkey's address (with its password, mode 600)."""
        return self.data_dir / "redis.url"

    @property
    def keys_file(self) -> Path:
        """Where keys made on the first start are kept."""
        return self.data_dir / "keys.json"
