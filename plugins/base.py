"""The base class of every plugin."""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Iterable, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from plugins.database import MemoryDatabase, PluginDatabase
from plugins.router import Router
from plugins.texts import PlannedText, marked_texts
from plugins.translations import Translations

Hook = Coroutine[Any, Any, None] | None  # what a hook returns: an `async def` its coroutine


class PluginConfig(BaseModel):
    """What a plugin can be configured with; each field has a type, a default and a description."""

    model_config = ConfigDict(extra="forbid")

    def telegram_texts(self) -> Iterable[PlannedText]:
        """What it makes the bot say, for the panel's preview; fields not marked as TelegramText are for the plugin to add."""
        return marked_texts(self)


class BasePlugin:
    """One plugin switched on for one bot. Subclasses set the metadata and register handlers.

    A module makes its plugin known by `plugin = ItsClass`. Handlers are functions `(message, ctx)`, plain or `async def`.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""  # for people; without one the name is shown
    description: ClassVar[str] = ""
    version: ClassVar[str] = "1.0.0"
    author: ClassVar[str] = ""
    dependencies: ClassVar[
        Collection[str]
    ] = ()  # plugins that must be on for the bot; loaded before this one
    requires: ClassVar[Collection[str]] = ()  # Python packages: ("httpx>=0.27",), read from the source
    supports_hot_reload: ClassVar[bool] = True  # False: a new version waits for the next start
    allowed_updates: ClassVar[tuple[str, ...]] = ()  # kinds of update wanted beside the usual ones
    takes_payments: ClassVar[bool] = False  # True: a checkout that no plugin answers goes on
    config_model: ClassVar[type[PluginConfig]] = PluginConfig
    config_version: ClassVar[int] = 1  # raise it when stored configurations need `migrate`

    translations: ClassVar[Translations] = {}  # of the .po files beside it, put here when it is loaded

    def __init__(self, bot_id: int, config: Mapping[str, Any], db: PluginDatabase | None = None) -> None:
        self._bot_id = bot_id
        self._db = db or MemoryDatabase()
        self.config = self.config_model.model_validate(dict(config))

    @property
    def bot_id(self) -> int:
        """The number of the bot this instance serves."""
        return self._bot_id

    @property
    def db(self) -> PluginDatabase:
        """The data of this plugin of this bot: its store, and the people whom the bot knows."""
        return self._db

    def get_config(self, key: str, default: Any = None) -> Any:
        """The configured value of `key`, or `default` when the plugin has no such field or it is None."""
        value = getattr(self.config, key, None)
        return default if value is None else value

    @classmethod
    def migrate(cls, old: dict[str, Any]) -> dict[str, Any]:
        """The configuration for this version, out of one that was stored with a lower `config_version`."""
        return old

    def setup_handlers(self, router: Router) -> None:
        """Register this plugin's handlers; the order is the order of asking."""
        raise NotImplementedError(f"plugin {self.name!r} registers no handlers")

    def on_load(self) -> Hook:
        """Called when this instance was built for the bot in this process; a new version whose call fails does not come."""

    def on_unload(self) -> Hook:
        """Called when this instance is over, after its last handler and `on_bot_stop`."""

    def on_bot_start(self) -> Hook:
        """Called before this instance serves the bot, after every plugin of the bot was loaded."""

    def on_bot_stop(self) -> Hook:
        """Called when this instance serves the bot no longer: the bot was stopped, deleted or changed, another version came, the process ends."""
