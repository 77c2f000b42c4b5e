"""Which driver tells which kind of postback."""

from __future__ import annotations

from typing import Final

from models import PostbackDriver
from services.traffic.postbacks.drivers.driver import Driver, refusal_by_status
from services.traffic.postbacks.drivers.google.config import GoogleConfig
from services.traffic.postbacks.drivers.meta import output as meta
from services.traffic.postbacks.drivers.meta.config import MetaConfig
from services.traffic.postbacks.drivers.tiktok import output as tiktok
from services.traffic.postbacks.drivers.tiktok.config import TiktokConfig
from services.traffic.postbacks.drivers.url import output as url
from services.traffic.postbacks.drivers.url.config import UrlConfig
from services.traffic.postbacks.drivers.webhook import output as webhook
from services.traffic.postbacks.drivers.webhook.config import WebhookConfig

DRIVERS: Final[dict[str, Driver]] = {
    PostbackDriver.URL: Driver(UrlConfig, url.output, refusal_by_status),
    PostbackDriver.WEBHOOK: Driver(WebhookConfig, webhook.output, refusal_by_status, makes_secret=True),
    PostbackDriver.META: Driver(MetaConfig, meta.output, meta.refusal, needs_secret=True, tests_by_code=True),
    PostbackDriver.TIKTOK: Driver(
        TiktokConfig, tiktok.output, tiktok.refusal, needs_secret=True, tests_by_code=True
    ),
    PostbackDriver.GOOGLE: Driver(GoogleConfig, None, refusal_by_status),
}
