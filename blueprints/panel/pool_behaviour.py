"""What the section of a pool's behaviour says."""

from __future__ import annotations

from flask_babel import gettext as _

from blueprints.panel.plurals import ScriptText, counted


def pool_behaviour_texts() -> dict[str, ScriptText]:
    """Texts of its script."""
    return {
        "behaviour.follows": _("Follows"),
        "behaviour.equal": _("Does not follow; the same for now"),
        "behaviour.declared": _("Differs: it follows the file {file}"),
        "behaviour.differs": counted("Differs in {count} value", "Differs in {count} values"),
        "behaviour.elsewhere": counted(
            "Follows another pool, differs in {count} value",
            "Follows another pool, differs in {count} values",
        ),
        "behaviour.nothing": _("nothing"),
        "behaviour.plan": counted(
            "This becomes the pool's behaviour, and {count} bot gets it at once:",
            "This becomes the pool's behaviour, and {count} bots get it at once:",
        ),
        "sharing.plan": counted("{count} bot gets another behaviour:", "{count} bots get another behaviour:"),
        "behaviour.drift": counted(
            "{count} bot behaves otherwise than {bot}, which is like most here:",
            "{count} bots behave otherwise than {bot}, which is like most here:",
        ),
        "behaviour.no_drift": _("All bots here behave alike."),
        "behaviour.same": _("Nothing would change."),
        "behaviour.more": counted("{count} more change", "{count} more changes"),
        "behaviour.losing": _("Lose what they have of their own, for good: {bots}"),
        "behaviour.made": _("Done. They answer like this from now on."),
        "behaviour.freed": _("It follows no more and keeps what it has."),
        "behaviour.dropped": _("The pool owns no behaviour any more. Every bot keeps what it has."),
        "behaviour.follow.title": _("Let {bot} follow this pool?"),
        "behaviour.follow.text": _(
            "Its own plugins and texts are replaced by the pool's. What it has now is not kept."
        ),
        "behaviour.follow.action": _("Follow"),
        "behaviour.drop.title": _("Let the pool own no behaviour?"),
        "behaviour.drop.text": _(
            "Every bot keeps what it has and is edited by itself again. Later changes reach one bot only."
        ),
        "behaviour.drop.action": _("Own none any more"),
    }
