"""All that must hold of a broadcast before it is saved, and once more before it starts."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models import Broadcast
from services.core.settings import Settings
from services.messaging.broadcasts.checks import check
from services.messaging.broadcasts.media_checks import check_media
from services.messaging.broadcasts.step_checks import check_steps


def check_content(session: Session, settings: Settings, broadcast: Broadcast) -> None:
    """Raise InvalidInput for what can't be sent as it stands."""
    check(broadcast)
    check_steps(session, broadcast)
    check_media(session, settings, broadcast)
