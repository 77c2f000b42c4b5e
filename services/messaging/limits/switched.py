"""What the installation's switches make of a bot's own rules and limits. No I/O: a process has them in its memory."""

from __future__ import annotations

from dataclasses import replace

from services.fleet.bots.access_rules import AccessRules
from services.messaging.limits.judge import Rates
from services.messaging.plugin_runtime.behaviour import Behaviour
from services.platform.switchboard import Switchboard, SwitchName

EXEMPT = "manager"  # the plugin of the bot by which operators work, which they need most in trouble


def access_now(behaviour: Behaviour, switches: Switchboard) -> AccessRules:
    """The bot's own rules, made stricter by the switches that are on; those of the manager bot stay as they are."""
    rules = behaviour.access
    if not switches.active() or any(chosen.name == EXEMPT for chosen in behaviour.chosen):
        return rules
    message = switches.value_of(SwitchName.MAINTENANCE)
    people = switches.value_of(SwitchName.ALLOW_LIST)
    return replace(
        rules,
        maintenance=rules.maintenance or message is not None,
        maintenance_message=message or rules.maintenance_message,
        captcha=rules.captcha or switches.is_on(SwitchName.CAPTCHA),
        only=None if people is None else frozenset(people),
    )


def rates_now(rates: Rates, switches: Switchboard) -> Rates:
    """Limits multiplied by the switch's factor, but never below one use, and a cooldown at least as long as the switch says.

    What has no limit gets none.
    """
    factor = switches.value_of(SwitchName.LIMITS)
    if factor is not None:
        rates = replace(
            rates,
            window=rates.window
            and rates.window.model_copy(update={"limit": switches.lowered(rates.window.limit)}),
            per_minute=rates.per_minute * factor,
            burst=switches.lowered(rates.burst),
        )
    seconds = switches.value_of(SwitchName.COOLDOWN)
    return rates if seconds is None else replace(rates, cooldown=max(rates.cooldown, seconds))
