"""What the scripts of the flows' editor say."""

from __future__ import annotations

from flask_babel import gettext as _

from blueprints.panel.plurals import ScriptText, counted


def flow_texts() -> dict[str, ScriptText]:
    """Texts of the editor."""
    return {**_state(), **_findings(), **_steps(), **_parts(), **_publishing(), **_play(), **_files()}


def _state() -> dict[str, ScriptText]:
    return {
        "flow.saved": _("Saved"),
        "flow.waiting": _("Not saved yet"),
        "flow.saving": _("Saving…"),
        "flow.offline": _("Not saved: the server can't be reached. It is tried again"),
        "flow.conflict": _("{who} saved this flow {when}, while you were changing it"),
        "flow.refused": _("Not saved"),
        "flow.taken": _("This is their draft. Undo brings yours back."),
        "flow.renewed": _("{who} saved this flow meanwhile: this is how it stands now."),
        "flow.copy_of": _("{name} (copy)"),
        "flow.undone": _("Undone"),
        "flow.redone": _("Done again"),
        "flow.version": _("Version {number}"),
        "flow.unpublished": _("Not published"),
    }


def _findings() -> dict[str, ScriptText]:
    return {
        "flow.checking": _("Checking…"),
        "flow.fine": _("Nothing is wrong with this flow."),
        "flow.errors": counted(
            "{count} mistake keeps it from being published", "{count} mistakes keep it from being published"
        ),
        "flow.warnings": counted("{count} thing is worth a look", "{count} things are worth a look"),
        "flow.left_out": counted(
            "{count} unfinished message is not shown", "{count} unfinished messages are not shown"
        ),
        "flow.has_error": _("mistake"),
        "flow.has_warning": _("worth a look"),
        "flow.dead": _("dead end"),
        "flow.unreached": _("unreachable"),
    }


def _steps() -> dict[str, ScriptText]:
    return {
        "flow.people_here": _("People who stand here now: {count}"),
        "flow.step_removed": _("The step {name} is removed. Undo brings it back."),
        "flow.step_made": _("The step {name} is made. It waits in the list."),
        "flow.step_gone": _("{key} (not there)"),
        "flow.key_taken": _("Another step has the key {key}."),
        "flow.key_wrong": _("A key has small letters a to z, digits and _, 40 at most; {key} is none."),
        "flow.moved": _("{name} is at place {number} now"),
        "flow.no_message": _("says nothing"),
        "flow.text": _("Text"),
        "flow.caption": _("Text below it"),
        "flow.media": _("{kind}: {name}"),
        "flow.kind.text": _("Text"),
        "flow.kind.photo": _("Photo"),
        "flow.kind.video": _("Video"),
        "flow.kind.animation": _("Animation"),
        "flow.kind.audio": _("Audio"),
        "flow.kind.voice": _("Voice message"),
        "flow.kind.video_note": _("Video note"),
        "flow.kind.document": _("Document"),
        "flow.kind.invoice": _("Invoice"),
    }


def _parts() -> dict[str, ScriptText]:
    names = {
        "message": _("Message {number}"),
        "action": _("Action {number}"),
        "reply": _("Answer {number}"),
        "follow_up": _("Follow-up {number}"),
        "case": _("Way {number}"),
        "arm": _("Way {number}"),
    }
    labels: dict[str, ScriptText] = {f"flow.label.{part}": name for part, name in names.items()}
    for part, name in names.items():
        labels[f"flow.label.up_{part}"] = _("Move up: %(what)s", what=name)
        labels[f"flow.label.down_{part}"] = _("Move down: %(what)s", what=name)
        labels[f"flow.label.remove_{part}"] = _("Remove: %(what)s", what=name)
    return {
        **labels,
        "flow.label.row": _("Row {number} of buttons"),
        "flow.label.button": _("Button {number} of row {row}"),
        "flow.label.button_text": _("Text of button {number} of row {row}"),
        "flow.label.up_button": _("Move button {number} of row {row} back"),
        "flow.label.down_button": _("Move button {number} of row {row} on"),
        "flow.label.remove_button": _("Remove button {number} of row {row}"),
        "flow.label.remove_pair": _("Remove line {number}"),
        "flow.label.remove_unless": _("Remove exception {number}"),
    }


def _publishing() -> dict[str, ScriptText]:
    return {
        "flow.publish.title": _("Publish this draft?"),
        "flow.publish.action": _("Publish"),
        "flow.back.title": _("Bring back version {number}?"),
        "flow.back.action": _("Bring it back"),
        "flow.back.label": _("Bring back version {number}"),
        "flow.standing": counted("{count} person stands here", "{count} people stand here"),
        "flow.nobody": _("Nobody stands here"),
        "flow.move_to": _("Where the people at {step} go"),
        "flow.no_bots": _("No bot plays this flow yet: choose its bots once it is published."),
        "flow.bots_get": counted(
            "{count} bot plays it from then on: {bots}", "{count} bots play it from then on: {bots}"
        ),
        "flow.bots": counted("{count} bot", "{count} bots"),
        "flow.players": counted("{count} bot plays it", "{count} bots play it"),
        "flow.players_saved": counted("{count} bot plays it now.", "{count} bots play it now."),
        "flow.plays_other": _("plays {flow} now"),
        "flow.published": _("Published as version {number}."),
        "flow.published_by": _("{when}, {who}"),
        "flow.restores": _("brought back version {number}"),
        "flow.edited": _("The draft is version {number} now. Undo takes that back."),
    }


def _play() -> dict[str, ScriptText]:
    return {
        "flow.play.nowhere": _("The person is not in the flow."),
        "flow.play.waiting": _("The person stands at: {step}"),
        "flow.play.paused": _("Handed over to people at: {step}"),
        "flow.play.ended": _("The flow ended at: {step}"),
        "flow.play.stopped": _("The flow rests at: {step}"),
        "flow.play.clock": _("{time} have passed"),
        "flow.play.timer": _("Pass {time}, until the next thing happens"),
        "flow.play.tags": _("Tags"),
        "flow.play.goals": _("Goals"),
        "flow.play.variables": _("Variables"),
    }


def _files() -> dict[str, ScriptText]:
    return {
        "flow.file_large": _("This file is larger than a flow can be."),
        "flow.file_taken": _("The draft is as the file says. Undo takes that back."),
        "flow.line": _("Line {line}: {detail}"),
        "flow.texts_change": counted("{count} text changes:", "{count} texts change:"),
        "flow.texts_same": _("The flow says exactly this already."),
        "flow.delete.title": _("Delete {name}?"),
        "flow.delete.text": _(
            "The draft and all versions are deleted for good. People inside stay in no flow."
        ),
        "flow.delete.action": _("Delete the flow"),
    }
