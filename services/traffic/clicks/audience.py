"""Who asks: a person, a crawler, a link preview, a prefetch, and on what kind of device.

In-app browsers of Instagram, Facebook, TikTok or Telegram are people. The verdict on a user agent is cached: the
crawler patterns cost up to a millisecond, and a campaign meets the same few agents again and again. The lists of names
are helped by forms (`declared`); what a telephone's model is called counts for neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from crawlerdetect import CrawlerDetect

from services.core.states import Audience, Device
from services.traffic.clicks.declared import (
    begins_as_program,
    declares_itself,
    names_a_trade,
    without_model,
)

LONGEST_AGENT = 512
# Programs that fetch a link to draw its preview, for somebody who may never open it.
PREVIEWS: Final = re.compile(
    r"facebookexternalhit|facebookcatalog|facebot|meta-externalfetcher|meta-externalhit|^WhatsApp/|TelegramBot|Twitterbot|"
    r"Slackbot|Slack-ImgProxy|Discordbot|LinkedInBot|SkypeUriPreview|MicrosoftPreview|vkShare|Viber/?\S{0,64} ?\(?bot|"
    r"redditbot|Pinterestbot|pinterest\.com/bot|Snap ?URL ?Preview|ViberUrlDownloader|^Viber$|kakaotalk-scrap|Line-?Poker|ZaloPC|Zalobot|"
    r"Iframely|Embedly|Mastodon/|Bluesky Cardyb|^Bluesky/|SteamChatURLLookup|LinkUnfurler|Google-PageRenderer|GoogleMessages|BingPreview|OdklBot|"
    r"Tumblr/|Viberbot|Yahoo Link Preview|outbrain|Threads-?Preview|Applebot.{0,256}preview",
    re.IGNORECASE,
)
# Browsers inside applications: people, whatever the crawler list thinks of a word in their agent.
IN_APP: Final = re.compile(
    r"Instagram \d|FBAN/|FBAV/|FB_IAB|FBIOS|Barcelona \d|musical_ly|BytedanceWebview|TikTok \d|trill_|Telegram-Android|Telegram/\d|"
    r"Snapchat/\d|\[Pinterest/|LinkedInApp|Twitter for |TwitterAndroid|Line/\d|KAKAOTALK|MicroMessenger|GSA/\d|"
    r"Kwai|kwai-android|WhatsApp/\S{1,64} (?:Android|iOS).{0,256}Mozilla|Reddit/Version|DuckDuckGo/|UCBrowser|OPR/|SamsungBrowser",
)
TABLET: Final = re.compile(
    r"iPad|Tablet|PlayBook|Silk/|Kindle|^(?!.*(?:Mobi|Opera Mini)).*Android", re.IGNORECASE
)
PHONE: Final = re.compile(r"Mobi|iPhone|iPod|Android|Windows Phone|BlackBerry|Opera Mini", re.IGNORECASE)
DESKTOP: Final = re.compile(r"Windows NT|Macintosh|X11|Linux|CrOS", re.IGNORECASE)
_crawlers = CrawlerDetect(headers={}, user_agent="-")


def audience_of(environ: Mapping[str, Any]) -> Audience:
    """The class of a request from its WSGI environment: method and prefetch headers first, then the user agent."""
    if environ["REQUEST_METHOD"] == "HEAD":
        return Audience.HEAD
    if _is_prefetch(environ):
        return Audience.PREFETCH
    return agent_class(environ.get("HTTP_USER_AGENT", "")[:LONGEST_AGENT])[0]


def _is_prefetch(environ: Mapping[str, Any]) -> bool:
    # Sec-Purpose of Chrome and Safari, Purpose of older ones, X-Moz of Firefox, X-Purpose of old Safari ("preview").
    purpose = (
        environ.get("HTTP_SEC_PURPOSE") or environ.get("HTTP_PURPOSE") or environ.get("HTTP_X_PURPOSE") or ""
    )
    if purpose:
        purpose = purpose.lower()
        if "prefetch" in purpose or "prerender" in purpose or "preview" in purpose:
            return True
    return bool(environ.get("HTTP_X_MOZ", "").lower() == "prefetch")


@lru_cache(maxsize=8192)
def agent_class(agent: str) -> tuple[Audience, Device]:
    """Audience and device class of a user agent. No agent at all is a program."""
    return _audience(agent), _device(agent)


def _audience(agent: str) -> Audience:
    if not agent.strip():
        return Audience.CRAWLER
    if PREVIEWS.search(agent):
        return Audience.PREVIEW
    in_app = IN_APP.search(agent) is not None
    said = without_model(agent)
    if declares_itself(said) or (begins_as_program(agent) and not in_app):
        return Audience.CRAWLER
    if in_app and agent.startswith("Mozilla/"):
        return Audience.HUMAN
    return Audience.CRAWLER if names_a_trade(said) or _crawlers.isCrawler(said) else Audience.HUMAN


def _device(agent: str) -> Device:
    if TABLET.search(agent):
        return Device.TABLET
    if PHONE.search(agent):
        return Device.PHONE
    return Device.DESKTOP if DESKTOP.search(agent) else Device.OTHER
