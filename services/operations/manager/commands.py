"""Which command and which button leads where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from plugins.fleet import Screen
from services.operations.manager import (
    account,
    broadcasts,
    controls,
    finding,
    letters,
    logs,
    newbots,
    overview,
    pools,
    registering,
    reloading,
    removing,
    replacing,
    rotating,
    sensitive,
)
from services.operations.manager.person import Person

Answer = Callable[[Person, str], Screen]

COMMANDS: Final[Mapping[str, Answer]] = {
    "start": account.start,
    "help": account.show_help,
    "status": overview.status,
    "list": overview.listing,
    "health": overview.health,
    "start_bot": controls.command("start"),
    "stop_bot": controls.command("stop"),
    "restart_bot": controls.command("restart"),
    "reload": reloading.reload,
    "reload_all": reloading.reload_all,
    "delete_bot": removing.delete_bot,
    "replace_token": replacing.replace,
    "export": sensitive.export,
    "pools": pools.pools,
    "pool": pools.pool,
    "pause_pool": pools.pause_pool,
    "stats": overview.stats,
    "broadcasts": broadcasts.broadcasts,
    "dead_letters": letters.dead_letters,
    "logs": logs.logs,
    "new_bot": newbots.new_bot,
    "rotate_token": rotating.rotate,
    "whoami": account.whoami,
    "unlink": account.unlink,
}
TAPS: Final[Mapping[str, Answer]] = {
    "cancel": account.cancelled,
    "do_unlink": account.unlink_confirmed,
    "which_bot": finding.which_bot_turned,
    "which_pool": finding.which_pool_turned,
    "status": overview.status_page,
    "list": overview.list_page,
    "health": overview.health_page,
    "stats": overview.stats_page,
    **{f"ask_{word}": controls.tap(word) for word in controls.CONTROLS},
    **{f"do_{word}": controls.confirmed(word) for word in controls.CONTROLS},
    "reload": reloading.tapped,
    "ask_delete_bot": removing.tapped,
    "ask_replace_token": replacing.tapped,
    **{f"do_{word}": sensitive.guarded(word) for word in sensitive.DEEDS},
    "drop": sensitive.dropped,
    "pools": pools.pools_page,
    "pool": pools.pool_tapped,
    "members": pools.members_page,
    "ask_pause": pools.ask_pause,
    "do_pause": pools.pause_confirmed,
    "do_resume": pools.resume_confirmed,
    "ask_member": pools.ask_member,
    "do_member": pools.member_confirmed,
    "broadcasts": broadcasts.broadcasts_page,
    "broadcast": broadcasts.broadcast_tapped,
    **{f"ask_broadcast_{word}": broadcasts.ask(word) for word in broadcasts.TO},
    **{f"do_broadcast_{word}": broadcasts.confirmed(word) for word in broadcasts.TO},
    "letters": letters.letters_page,
    "ask_replay": letters.ask_replay,
    "do_replay": letters.replay_confirmed,
    "logs": logs.logs_tapped,
    "join": registering.join,
    "new_bot": newbots.new_bot_tapped,
    "new_bot_for": newbots.which_pool_turned,
    "rotate": rotating.which_turned,
    "ask_rotate": rotating.rotate_tapped,
    "where": registering.pools_turned,
}
