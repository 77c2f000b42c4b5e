"""What a process needs to serve: settings, application, database, Redis, vault. Built once per process, passed to use cases."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from flask import Flask
from redis import Redis

from services.core.encryption import Vault
from services.core.environment import load_settings
from services.core.key_file import KeyFile
from services.core.settings import Settings
from services.platform.application import engine_of, new_application
from services.platform.database import Database
from services.platform.redis.changes import Changes
from services.platform.redis.connection import blocking_client, fast_client
from services.platform.redis.lease_renewer import LeaseRenewer
from services.platform.switchboard import Switchboard
from services.platform.telegram.client import TelegramClient


@dataclass(frozen=True)
class Platform:
    """The parts every use case may need. Building it opens no connection."""

    settings: Settings

    @cached_property
    def app(self) -> Flask:
        """The Flask application of this process, made on first use; in web processes it answers requests too."""
        return new_application(self.settings)

    @cached_property
    def database(self) -> Database:
        """The application's database; connects on first use."""
        return Database(engine_of(self.app))

    @cached_property
    def redis(self) -> Redis:
        """The fast client with text answers; connects on first use."""
        return fast_client(self.settings)

    @cached_property
    def blocking_redis(self) -> Redis:
        """The client for waiting reads and subscriptions."""
        return blocking_client(self.settings)

    @cached_property
    def job_redis(self) -> Redis:
        """The client RQ wants: undecoded answers."""
        return blocking_client(self.settings, decode=False)

    @cached_property
    def worker_redis(self) -> Redis:
        """RQ's workers' own, whose read timeout they set: they wait where Redis restarts."""
        return blocking_client(self.settings, decode=False, patient=True)

    @cached_property
    def changes(self) -> Changes:
        """What was changed elsewhere, for the parts of this process that ask to be told."""
        return Changes(self.redis, self.blocking_redis)

    @cached_property
    def switches(self) -> Switchboard:
        """The switches that are on, in this process's memory."""
        return Switchboard(self.database, self.changes)

    @cached_property
    def leases(self) -> LeaseRenewer:
        """Holds the leases of this process."""
        return LeaseRenewer(self.redis)

    @cached_property
    def telegram(self) -> TelegramClient:
        """The session to the Bot API; connects on first use."""
        return TelegramClient(self.settings)

    @cached_property
    def vault(self) -> Vault:
        """Seals and signs under ENCRYPTION_KEYS; keys from the key file are followed while the process runs."""
        keys = tuple(key.get_secret_value() for key in self.settings.encryption_keys)
        return Vault(keys, KeyFile(self.settings.keys_file) if self.settings.keys_are_kept else None)


def build_platform(settings: Settings | None = None) -> Platform:
    """The platform of this process, from the environment unless `settings` are given."""
    return Platform(settings or load_settings())
