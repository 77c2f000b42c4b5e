"""What stands between an update and the bot's handlers: limits, signatures, access, captcha; and who it is that came."""

from __future__ import annotations

from plugins.buttons import Tap
from plugins.context import Context
from services.alerts.notifications.linking import link_chat
from services.core.metrics import CALLBACKS_REFUSED, RATE_LIMIT_HITS, UPDATES
from services.messaging.buttons.administrators import is_administrator
from services.messaging.inbox.incoming import incoming_of
from services.messaging.limits.captcha_choices import TRY, is_choice
from services.messaging.limits.guard import Guard
from services.messaging.limits.notices import refuse
from services.messaging.limits.opt_out_button import is_opt_out
from services.messaging.limits.switched import access_now
from services.messaging.limits.verdicts import KEPT_OUT, Refusal, Verdict
from services.messaging.plugin_runtime.behaviour import Behaviour
from services.messaging.updates.captcha import Captcha, ask, start_param_of
from services.messaging.updates.contacts import Contacts, Meeting, start_payload
from services.messaging.updates.event_facts import has_blocked, is_private, writer_of
from services.messaging.updates.opting_out import opt_out
from services.messaging.updates.payments import note_payment
from services.messaging.updates.queued_update import QueuedUpdate
from services.messaging.workers.trials import is_trial
from services.platform.platform import Platform
from services.platform.token_encryption import open_tokens


class Gate:
    """Lets updates in to the handlers, or says in their context what the person is told instead."""

    def __init__(self, platform: Platform, guard: Guard, contacts: Contacts) -> None:
        self._platform = platform
        self._guard = guard
        self._contacts = contacts
        self._captcha = Captcha(platform)

    def lets_in(self, behaviour: Behaviour, ctx: Context, queued: QueuedUpdate) -> bool:
        """Whether the handlers get it; then `ctx` has the button's tap, and the person is known.

        Raises Unavailable when the database is away, RedisError when only Redis can judge it and is away.
        """
        if is_trial(queued.request_id):  # nobody's: it meets no limit, and leaves no lead and no start
            ctx.start_param = start_param_of(ctx)
            return True
        note_payment(self._platform, ctx.bot.id, ctx.update)
        if self._is_refused(behaviour, ctx, queued) or self._is_owners_link(ctx):
            return False
        _record_person(self._contacts, ctx, behaviour.identity.number)
        rules = access_now(behaviour, self._platform.switches)
        if ctx.tap is not None and is_opt_out(ctx.tap.action):
            opt_out(self._platform, ctx)
            return False
        if ctx.tap is not None and is_choice(ctx.tap.action):
            return self._captcha.is_passed(rules, ctx)
        if self._captcha.holds_back(rules, ctx):
            RATE_LIMIT_HITS.labels(TRY).inc()
            UPDATES.labels("kept_out").inc()
            ask(ctx)
            return False
        return True

    def _is_refused(self, behaviour: Behaviour, ctx: Context, queued: QueuedUpdate) -> bool:
        """Whether limits or a button's signature keep it out, which the person is told; else `ctx` gets the button's tap."""
        verdict = queued.verdict = queued.verdict or self._guard.judge(queued, behaviour, ctx.update)
        if verdict.refusal is not None:
            self._refuse(behaviour, ctx, verdict.refusal, verdict)
            return True
        if verdict.anonymous and not is_administrator(
            self._platform, ctx.bot.id, ctx.chat_id, ctx.lead.telegram_id
        ):
            CALLBACKS_REFUSED.labels(Refusal.FORGED).inc()
            queued.unused = verdict.once
            refuse(ctx, Refusal.FORGED)
            return True
        if verdict.action is not None:
            payload = open_tokens(self._platform.vault, verdict.payload, queued.bot_id)
            ctx.tap = Tap(verdict.action, payload, verdict.anonymous)
        return False

    def _refuse(self, behaviour: Behaviour, ctx: Context, refusal: Refusal, verdict: Verdict) -> None:
        """Tell the person what is to be told. Who is kept out stays known all the same; of the blocked no start is kept."""
        UPDATES.labels("kept_out" if refusal in KEPT_OUT else "limited").inc()
        message = access_now(behaviour, self._platform.switches).maintenance_message
        refuse(ctx, refusal, tell=verdict.tell, wait_seconds=verdict.wait_seconds, maintenance=message)
        if refusal in KEPT_OUT:
            kept = refusal is not Refusal.BLOCKED
            _record_person(self._contacts, ctx, behaviour.identity.number, is_start_kept=kept)

    def _is_owners_link(self, ctx: Context) -> bool:
        """Whether the bot's owner wants notifications in this chat, which is answered here: no lead and no start."""
        linked = link_chat(self._platform, ctx.bot.id, start_payload(ctx) or "", ctx.chat_id)
        if linked is not None:
            ctx.send(linked, parse_mode=None)
        return linked is not None


def _record_person(contacts: Contacts, ctx: Context, identity: int, *, is_start_kept: bool = True) -> None:
    """Keep who turned to the bot, blocked or unblocked it, before the bot's handlers ask about them."""
    writer, blocked, update_id = writer_of(ctx), has_blocked(ctx), int(ctx.update["update_id"])
    if writer is not None:
        meeting = Meeting(ctx.bot.id, update_id, writer, identity=identity, privately=is_private(ctx))
        if is_start_kept:
            meeting = meeting._replace(payload=start_payload(ctx), message=incoming_of(ctx, identity))
        ctx.start_param = contacts.record(meeting)
    elif blocked is not None:
        contacts.record(
            Meeting(ctx.bot.id, update_id, ctx.event.from_user, blocked=blocked, identity=identity)
        )
