"""The audit trail in words: every kind of event that is written anywhere, and who is behind it."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any, Final

from services.core.i18n import N_, Text

MEMBER_STATE: Final = "member_state"  # no audit event: a pool's look at the bot, from `PoolBotTransition`
# {names} are filled in from an event's details. A test finds a kind that is missing here.
EVENT_TEXTS: Final[Mapping[str, str]] = {
    "account_created": N_("Account created"),
    "backup_requested": N_("Backup requested"),
    "backup_verify_requested": N_("Trial of a backup requested"),
    "account_role_changed": N_("Role of the account changed"),
    "account_switched_off": N_("Account switched off"),
    "account_switched_on": N_("Account switched on"),
    "admin_access": N_("An administrator looked at it"),
    "admin_trail_read": N_("An administrator read the activity of all accounts"),
    "bot_access_many_put": N_("Access: many people blocked"),
    "bot_access_many_removed": N_("Access: many people unblocked"),
    "bot_access_put": N_("Access: an entry added or changed"),
    "bot_access_removed": N_("Access: an entry removed"),
    "bot_access_set": N_("Access changed"),
    "bot_behaviour_applied": N_("Got the behaviour of another bot"),
    "bot_changed": N_("Settings changed"),
    "bot_configuration_exported": N_("Configuration sent to the manager bot's chat"),
    "bot_configuration_set": N_("Configuration changed by file"),
    "bot_deleted": N_("Bot @{username} deleted"),
    "bot_file_applied": N_("Brought to its file {file}"),
    "bot_file_removed": N_("Its file {file} is gone: stopped, and edited here again"),
    "bot_followed": N_("Brought to the behaviour of its pool"),
    "bot_identity_replaced": N_("@{username} took the place of @{former}"),
    "bot_outbox_dropped": N_("Outbox emptied: {messages} messages waited"),
    "bot_plugins_set": N_("Behaviour saved"),
    "bot_registered": N_("Bot added"),
    "bot_reloaded": N_("Bot loaded anew"),
    "bot_restarted": N_("Bot restarted"),
    "bot_started": N_("Bot started"),
    "bot_stopped": N_("Bot stopped"),
    "bot_tagged": N_("Tag added"),
    "bot_text_tested": N_("A text was sent as a test"),
    "bot_texts_set": N_("Texts changed by file"),
    "bot_token_replaced": N_("Token replaced"),
    "bot_unfollowed": N_("Follows its pool's behaviour no more"),
    "bot_untagged": N_("Tag taken off"),
    "chat_request_approved": N_("{command} of the manager bot's chat approved"),
    "chat_request_refused": N_("{command} of the manager bot's chat refused"),
    "code_confirmed": N_("Code of two-step sign-in confirmed"),
    "bot_keeps_messages": N_("Keeping of messages turned on or off"),
    "conversation_answered": N_("Person {telegram_id} answered in the inbox"),
    "conversation_assigned": N_("Conversation given to {name}"),
    "conversation_done": N_("Conversation marked as done"),
    "conversation_released": N_("Conversation given back to the bot"),
    "conversation_taken_over": N_("Conversation taken over for {minutes} minutes"),
    "creation_link_made": N_("Link made for a new bot @{username}"),
    "data_counted": N_("Data of all accounts counted"),
    "dead_letters_discarded": N_("Dead letters discarded"),
    "dead_letters_replayed": N_("Dead letters replayed"),
    "destination_changed": N_("Destination of notifications changed"),
    "destination_created": N_("Destination of notifications added"),
    "destination_deleted": N_("Destination of notifications deleted"),
    "destination_secret_renewed": N_("Secret of a destination renewed"),
    "doctor_asked": N_("The doctor asked for a look"),
    "doctor_mended": N_("The doctor asked to mend what is safe"),
    "media_uploaded": N_("File “{name}” added to the media library"),
    "media_renamed": N_("File of the media library renamed to “{name}”"),
    "media_deleted": N_("File “{name}” deleted from the media library"),
    "broadcast_created": N_("Broadcast “{name}” created"),
    "broadcast_deleted": N_("Broadcast “{name}” deleted"),
    "broadcast_paused": N_("Broadcast “{name}” paused"),
    "broadcast_resumed": N_("Broadcast “{name}” goes on"),
    "broadcast_started": N_("Broadcast “{name}” started"),
    "broadcast_stopped": N_("Broadcast “{name}” stopped"),
    "broadcast_tested": N_("A test of the broadcast “{name}” sent"),
    "broadcast_unscheduled": N_("Broadcast “{name}” taken back from its schedule"),
    "broadcast_updated": N_("Broadcast “{name}” changed"),
    "exchange_rate_deleted": N_("Exchange rate of {currency} into {into} deleted"),
    "exchange_rate_entered": N_("Exchange rate of {currency} into {into} entered"),
    "payment_webhook_created": N_("Webhook of a payment provider added"),
    "payment_webhook_changed": N_("Webhook of a payment provider changed"),
    "payment_webhook_deleted": N_("Webhook of a payment provider deleted"),
    "postback_created": N_("Postback added"),
    "postback_changed": N_("Postback changed"),
    "postback_deleted": N_("Postback deleted"),
    "postback_tested": N_("A postback was sent as a test"),
    "postback_repeated": N_("What a postback had given up is sent again"),
    "experiment_created": N_("Experiment created"),
    "experiment_deleted": N_("Experiment deleted"),
    "experiment_started": N_("Experiment started"),
    "experiment_stopped": N_("Experiment stopped"),
    "experiment_updated": N_("Experiment changed"),
    "expired_data_deleted": N_("Deletion of what is too old started"),
    "failed_jobs_retried": N_("Failed jobs of the queue {queue} put back"),
    "file_deleted": N_("A file of a person deleted"),
    "flow_created": N_("Flow {key} created"),
    "flow_bots_chosen": N_("Bots that play the flow {flow} chosen"),
    "flow_deleted": N_("Flow {key} deleted"),
    "flow_draft_saved": N_("Draft of the flow {key} changed"),
    "flow_published": N_("Flow {key} published as version {number}"),
    "flow_renamed": N_("Flow {key} got another name"),
    "flow_started": N_("Flow {key}: {people} people put at a step"),
    "flow_rolled_back": N_("Flow {key}: version {restored} brought back as version {number}"),
    "job_retried": N_("Failed job {function} put back"),
    "key_created": N_("API key created"),
    "key_rotated": N_("API key replaced"),
    "key_revoked": N_("API key revoked"),
    "lane_woken": N_("Rung for the lane {lane}"),
    "managed_bot_adopted": N_("Bot @{username} taken, which belonged to nobody"),
    "managed_bot_let_go": N_("Bot @{username} let go, which belonged to nobody"),
    "manager_command": N_("{command} sent to the manager bot"),
    "member_added": N_("Added to a pool"),
    "member_allowed": N_("Allowed back after a ban"),
    "member_removed": N_("Removed from a pool"),
    MEMBER_STATE: N_("State in a pool changed"),
    "member_updated": N_("Place in a pool changed"),
    "password_changed": N_("Password changed"),
    "password_confirmed": N_("Password confirmed"),
    "password_link_made": N_("Link for a new password made"),
    "password_reset": N_("Password reset"),
    "people_blocked": N_("{total} people to be blocked"),
    "people_changed": N_("Tag {tag} put on or taken off {total} people"),
    "people_unblocked": N_("{total} people to be unblocked"),
    "person_erased": N_("A person erased from all bots"),
    "person_exported": N_("A person's data exported"),
    "plugin_key_deleted": N_("A key of plugin {plugin}'s store deleted"),
    "plugin_store_cleared": N_("Store of plugin {plugin} cleared"),
    "plugins_reloaded": N_("Plugins' files loaded again"),
    "pool_behaviour_dropped": N_("Pool owns no behaviour any more"),
    "pool_behaviour_set": N_("Behaviour of a pool changed"),
    "pool_created": N_("Pool created"),
    "pool_deleted": N_("Pool deleted"),
    "pool_updated": N_("Pool changed"),
    "queue_emptied": N_("Queue {queue} emptied of {number} jobs"),
    "recovery_code_used": N_("A recovery code was used, {left} left"),
    "recovery_codes_renewed": N_("Recovery codes renewed"),
    "rules_changed": N_("Rules of a pool changed"),
    "segment_changed": N_("Segment {name} of people changed"),
    "segment_created": N_("Segment {name} of people created"),
    "segment_deleted": N_("Segment {name} of people deleted"),
    "session_revoked": N_("A device was signed out"),
    "signed_in": N_("Signed in"),
    "signed_out": N_("Signed out"),
    "spend_import_deleted": N_("Import of costs taken back: {name}"),
    "spend_imported": N_("Costs imported: {name}"),
    "switch_cleared": N_("Switch {switch} turned off"),
    "switch_set": N_("Switch {switch} turned on until {until}: {reason}"),
    "two_step_disabled": N_("Two-step sign-in turned off"),
    "two_step_enabled": N_("Two-step sign-in turned on"),
    "two_step_link_made": N_("Link made that resets password and two-step sign-in"),
    "two_step_reset": N_("Two-step sign-in reset"),
    "webhook_refused": N_("Wrong secrets at the webhook: {count} calls or more refused"),
    "webhook_repaired": N_("Webhook set back: it had been moved to {host}"),
    "webhook_taken": N_("Webhook taken by {host}, and left alone for an hour"),
    "status_page_changed": N_("Status page changed"),
    "status_page_moved": N_("Status page got another address"),
    "telegram_link_made": N_("Link to the manager bot made"),
    "telegram_linked": N_("A person at Telegram was linked"),
    "telegram_unlinked": N_("A person at Telegram was unlinked"),
    "wave_reverted": N_("Promotions of a ban wave taken back"),
    "worker_changed": N_("Worker changed"),
    "worker_ended": N_("Worker ended"),
    "worker_given": N_("Got a worker of its owner's"),
    "worker_restarted": N_("Copies of its worker replaced"),
    "worker_webhook_deleted": N_("Its program deleted its webhook"),
    "worker_webhook_set": N_("Its program set a webhook"),
    "worker_token_made": N_("New token of its worker"),
    "worker_token_revoked": N_("Token of its worker revoked"),
}
# As a filter, without what is special about one event.
KIND_TEXTS: Final[Mapping[str, str]] = {
    "bot_deleted": N_("Bot deleted"),
    "bot_outbox_dropped": N_("Outbox emptied"),
    "exchange_rate_deleted": N_("Exchange rate deleted"),
    "exchange_rate_entered": N_("Exchange rate entered"),
    "failed_jobs_retried": N_("Failed jobs put back"),
    "flow_created": N_("Flow created"),
    "flow_bots_chosen": N_("Bots of a flow chosen"),
    "flow_deleted": N_("Flow deleted"),
    "flow_draft_saved": N_("Draft of a flow changed"),
    "flow_published": N_("Flow published"),
    "flow_renamed": N_("Flow got another name"),
    "flow_started": N_("People put into a flow"),
    "flow_rolled_back": N_("Older version of a flow brought back"),
    "job_retried": N_("Failed job put back"),
    "lane_woken": N_("Rung for a lane"),
    "queue_emptied": N_("Queue emptied"),
    "chat_request_approved": N_("Command of the manager bot's chat approved"),
    "chat_request_refused": N_("Command of the manager bot's chat refused"),
    "bot_identity_replaced": N_("Another bot took its place"),
    "conversation_answered": N_("Person answered in the inbox"),
    "conversation_assigned": N_("Conversation given to somebody"),
    "conversation_taken_over": N_("Conversation taken over"),
    "creation_link_made": N_("Link made for a new bot"),
    "managed_bot_adopted": N_("Managed bot taken"),
    "managed_bot_let_go": N_("Managed bot let go"),
    "manager_command": N_("Command sent to the manager bot"),
    "people_blocked": N_("Many people blocked"),
    "people_changed": N_("Tags of many people changed"),
    "people_unblocked": N_("Many people unblocked"),
    "plugin_key_deleted": N_("Key of a plugin's store deleted"),
    "plugin_store_cleared": N_("Store of a plugin cleared"),
    "recovery_code_used": N_("A recovery code was used"),
    "segment_changed": N_("Segment of people changed"),
    "segment_created": N_("Segment of people created"),
    "segment_deleted": N_("Segment of people deleted"),
    "spend_import_deleted": N_("Import of costs taken back"),
    "spend_imported": N_("Costs imported"),
    "switch_cleared": N_("Switch turned off"),
    "switch_set": N_("Switch turned on"),
    "webhook_refused": N_("Wrong secrets at the webhook"),
    "webhook_repaired": N_("Webhook set back"),
    "webhook_taken": N_("Webhook taken by somebody else"),
}

OF_BOTS: Final = ("bot_", "file_", "member_", "plugin_", "webhook_")
BOT_KINDS: Final = tuple(
    kind
    for kind in EVENT_TEXTS
    if (kind.startswith(OF_BOTS) and kind != "bot_deleted") or kind == "admin_access"
)


def event_text(kind: str, details: Mapping[str, Any]) -> Text:
    """What happened; the bare kind where a newer release wrote one that this one does not know."""
    if kind not in EVENT_TEXTS:
        return Text.verbatim(kind)
    names = [name for _, name, _, _ in string.Formatter().parse(EVENT_TEXTS[kind]) if name]
    return Text(EVENT_TEXTS[kind], **{name: str(details.get(name, "–")) for name in names})


def kind_text(kind: str) -> Text:
    """What events of a kind have in common."""
    return Text(KIND_TEXTS[kind]) if kind in KIND_TEXTS else event_text(kind, {})


def actor_text(actor: str, emails: Mapping[int, str]) -> Text:
    """Who is behind an event; a person by the e-mail, where `emails` (by account) has it."""
    kind, _, name = actor.partition(":")
    if kind == "account" and name.isdecimal():
        email = emails.get(int(name))
        return Text("An administrator") if email is None else Text.verbatim(email)
    if kind == "key":
        return Text("API key {key}", key=name)
    if kind == "telegram":
        return Text("The manager bot, person {id}", id=name)
    if kind == "command":
        return Text("Command line")
    return Text("Flotilla")
