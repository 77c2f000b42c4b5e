"""Circles over several flows: jumps that lead back to the first step of a flow without waiting for anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from plugins.flows.document import FlowDocument, edges
from plugins.flows.parts import OtherFlow
from services.fleet.flows.checks.findings import Finding, finding

MOST_FLOWS: Final = 200  # looked through behind one flow; what goes on behind them the engine slows down

Jumps = Mapping[str, frozenset[str]]  # by the key of a flow: those that it leaves for without waiting
Loader = Callable[[frozenset[str]], Mapping[str, FlowDocument]]


def jumps_at_once(document: FlowDocument) -> dict[str, str]:
    """The flows for which people leave who begin the document, with nothing waited for; each with the step that does it."""
    targets: dict[str, list[str]] = {}
    for way in edges(document):
        if way.at_once:
            targets.setdefault(way.source, []).append(way.target)
    steps = {step.key: step for step in document.steps}
    found: dict[str, str] = {}
    reached = dict.fromkeys([document.start])
    open_ends = [document.start]
    while open_ends:
        key = open_ends.pop()
        step = steps.get(key)
        if step is not None and step.after is None and isinstance(step.then, OtherFlow):
            found.setdefault(step.then.flow, key)
        new = [target for target in targets.get(key, ()) if target not in reached]
        reached.update(dict.fromkeys(new))
        open_ends += new
    return found


def jumps_behind(document: FlowDocument, own: str, load: Loader) -> dict[str, frozenset[str]]:
    """Where the flows lead that the document leaves for, and those behind them; its own key `own` is not looked up."""
    found: dict[str, frozenset[str]] = {}
    wanted = _unknown(jumps_at_once(document), own, found)
    while wanted:
        documents = load(wanted)
        for key in wanted:
            found[key] = frozenset(jumps_at_once(documents[key]) if key in documents else ())
        wanted = _unknown((to for key in wanted for to in found[key]), own, found)
    return found


def check_rounds(
    document: FlowDocument, numbers: Mapping[str, int], own: str, behind: Jumps
) -> Iterator[Finding]:
    """One finding for each jump that comes back to the flow `own`; a flow that was not saved has no key to come back to."""
    for first, step in jumps_at_once(document).items() if own else ():
        way = _way_back(first, own, behind)
        if way:
            place = ("steps", numbers[step], "then", "flow")
            yield finding("flow_loop_of_flows", step, place, flows=" → ".join([own, *way]))


def _way_back(first: str, own: str, behind: Jumps) -> list[str]:
    """The shortest way from a flow to `own`, both included; empty where there is none."""
    ways = {first: [first]}
    open_ends = [first]
    for key in open_ends:  # breadth first: those behind it are appended
        if key == own:
            return ways[key]
        for target in sorted(behind.get(key, ())):
            if target not in ways:
                ways[target] = [*ways[key], target]
                open_ends.append(target)
    return []


def _unknown(keys: Iterable[str], own: str, found: Jumps) -> frozenset[str]:
    new = sorted({key for key in keys if key != own and key not in found})
    return frozenset(new[: MOST_FLOWS - len(found)])
