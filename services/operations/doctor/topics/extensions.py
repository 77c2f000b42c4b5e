"""What owners bring along: plugins, bots' files, programs."""

from __future__ import annotations

import importlib.util
import json
from functools import partial
from typing import Any

from sqlalchemy import select

from models import BotWorker
from services.core.errors import ConfigurationError
from services.core.i18n import Text
from services.core.worker_settings import WorkerDriver
from services.fleet.workers.copies import CopiesState
from services.fleet.workers.statuses import started_copies
from services.operations.doctor.check import NotApplicable, Severity, Topic, check
from services.operations.doctor.facts import Facts
from services.operations.programs.kubernetes.credentials import find_access
from services.platform.redis import keys

warning = partial(check, Topic.EXTENSIONS, Severity.WARNING)
error = partial(check, Topic.EXTENSIONS, Severity.ERROR)


@error(
    why=Text("The former version serves, or none: bots do not behave as the file says."),
    advice=Text(
        "The page *Custom plugins* names file, line and reason; `flask plugins check FILE` says it before you save."
    ),
)
def plugins_broken(facts: Facts) -> Text | None:
    """Every custom plugin loads."""
    for process in facts.processes:
        for file, told in process.figures.get("plugins", {}).items():
            if told.get("problem"):
                return Text("{file} does not load", file=file)
    return None


@warning(
    why=Text("It failed far more often than the version before, and was taken back: the former one serves."),
    advice=Text("Mend the plugin, or have it loaded again on the page *Custom plugins*."),
)
def plugins_taken_back(facts: Facts) -> Text | None:
    """No version of a plugin was taken back."""
    refused: Any = facts.platform.redis.hkeys(keys.refused_plugins())
    return Text("{file}", file=str(refused[0]).partition(":")[0]) if refused else None


@error(
    why=Text("Its bot stays as it was: what the file says has no effect."),
    advice=Text("`flask bots plan` names line, column and the nearest right word."),
)
def bot_files_wrong(facts: Facts) -> Text | None:
    """Every file of a bot was applied."""
    told: dict[str, Any] = json.loads(facts.platform.redis.get(keys.bot_files()) or "{}")
    wrong = [file["file"] for file in told.get("files", ()) if file["problems"]]
    return Text("{n} files, {file} among them", n=len(wrong), file=wrong[0]) if wrong else None


@error(
    why=Text("Their bots answer nobody."),
    advice=Text("The tab *Worker* of the bot shows how the program ended and its last lines."),
)
def programs_fail(facts: Facts) -> Text | None:
    """Bots' own programs run."""
    with facts.platform.database.reading() as session:
        workers = session.scalars(select(BotWorker).order_by(BotWorker.bot_id)).all()
    copies = started_copies(facts.platform, workers)
    failed = [bot for bot, one in copies.items() if one.state is CopiesState.FAILED]
    return (
        Text(
            "{n} programs: bot {bot}: {reason}", n=len(failed), bot=failed[0], reason=copies[failed[0]].reason
        )
        if failed
        else None
    )


@error(
    why=Text("Programs that read Kafka get nothing."),
    advice=Text("pip install with the extra: `pip install confluent-kafka`, or the image with it."),
)
def kafka_not_installed(facts: Facts) -> Text | None:
    """What speaks to Kafka is installed where it is wanted."""
    if not facts.settings.kafka_brokers:
        raise NotApplicable
    return None if importlib.util.find_spec("confluent_kafka") else Text("confluent-kafka is missing")


@error(
    why=Text("No program is started."),
    advice=Text("See KUBECONFIG, or the service account of the pod of “programs”."),
)
def cluster_not_found(facts: Facts) -> Text | None:
    """The cluster of bots' programs is known."""
    if facts.settings.worker_driver is not WorkerDriver.KUBERNETES:
        raise NotApplicable
    try:
        find_access(facts.settings.kubeconfig)
    except ConfigurationError as failed:
        return failed.text
    return None
