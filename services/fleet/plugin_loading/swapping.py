"""From versions that were imported to versions that serve, in two phases.

First everything that can fail: do they fit together, does each bot's stored configuration suit them, can this process build the
behaviour of its bots with them. Then one reference is swapped. What fails on the way leaves the former version serving.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from redis import RedisError

from services.core.metrics import PLUGIN_RELOADS
from services.fleet import plugin_catalogue
from services.fleet.plugin_loading.configurations import PluginRefused, SetupRefused, check_stored
from services.fleet.plugin_loading.fitting import fit
from services.fleet.plugin_loading.loading import tidy
from services.fleet.plugin_loading.refusals import Refusal, refuse
from services.fleet.plugin_loading.versions import Catalogue, Problem, Version
from services.platform.platform import Platform

logger = logging.getLogger(__name__)


# Builds what a process runs with a catalogue that is not yet the present one; what is returned puts it to work. Raises
# PluginRefused when that cannot be done: then nothing has changed.
Prepare = Callable[[Catalogue, frozenset[str]], Callable[[], None]]


def prepare_nothing(_candidate: Catalogue, _names: frozenset[str]) -> Callable[[], None]:
    """For a process that runs no plugins and only knows which there are."""
    return lambda: None


def serve(
    platform: Platform,
    wanted: Mapping[str, Version],
    problems: Mapping[str, Problem],
    prepare: Prepare,
) -> Catalogue:
    """Have the versions in `wanted` (by file) serve, as far as they can; the catalogue that does then.

    Raises Unavailable when the database is away: then nothing has changed.
    """
    present = plugin_catalogue.catalogue()
    try:
        candidate, commit = _settle(platform, present, wanted, problems, prepare)
    except BaseException:
        tidy(wanted.values(), present.custom.values())
        raise
    plugin_catalogue.swap(candidate)
    commit()
    tidy([*wanted.values(), *present.custom.values()], candidate.custom.values())
    for name in sorted(changed_names(present, candidate)):
        PLUGIN_RELOADS.labels("swapped").inc()
        logger.info("plugin %s: version %s serves", name, candidate.hashes.get(name, "none"))
    return candidate


def changed_names(old: Catalogue, new: Catalogue) -> frozenset[str]:
    """The custom plugins of which another version serves, those that came or went among them."""
    names = old.hashes.keys() | new.hashes.keys()
    return frozenset(name for name in names if old.hashes.get(name) != new.hashes.get(name))


def _settle(
    platform: Platform,
    present: Catalogue,
    wanted: Mapping[str, Version],
    problems: Mapping[str, Problem],
    prepare: Prepare,
) -> tuple[Catalogue, Callable[[], None]]:
    """Leave out whoever cannot serve until the rest can."""
    known = dict(problems)
    while True:
        custom, misfits = fit(present.built_in, wanted, present.custom)
        known.update(misfits)
        candidate = replace(present, generation=present.generation + 1, custom=custom, problems=dict(known))
        names = changed_names(present, candidate)
        try:
            check_stored(platform, candidate, names)
            return candidate, prepare(candidate, names)
        except PluginRefused as refused:
            version = next(one for one in custom.values() if one.plugin.name == refused.name)
            code = "plugin_configuration_refused"
            known[version.file] = Problem(version.file, version.hash, code, refused.reason, refused.line)
            if isinstance(refused, SetupRefused) and version.file in present.custom:
                _refuse_everywhere(platform, version, present.custom[version.file], refused)
            wanted = _without(wanted, version.file, present)


def _refuse_everywhere(platform: Platform, version: Version, former: Version, refused: SetupRefused) -> None:
    """Have the processes that took it go back too. Without Redis the version is refused here alone, as the panel tells."""
    decision = Refusal(
        version.file,
        version.hash,
        refused.name,
        former.hash,
        failed=0,
        handled=0,
        at=time.time(),
        reason=refused.reason,
        line=refused.line,
    )
    try:
        refuse(platform, decision)
    except RedisError as error:
        logger.warning("other processes may serve version %s of %s: %s", version.hash, version.file, error)


def _without(wanted: Mapping[str, Version], file: str, present: Catalogue) -> Mapping[str, Version]:
    """The same with the present version of `file`, or none."""
    kept = {file: present.custom[file]} if file in present.custom else {}
    return {**{name: version for name, version in wanted.items() if name != file}, **kept}
