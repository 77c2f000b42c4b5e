"""Ways through a flow: those that lead nowhere, steps that nobody reaches or leaves, circles without an end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Set

from plugins.flows.document import Edge, FlowDocument, Step, edges
from plugins.flows.parts import ButtonKind
from services.fleet.flows.checks.findings import Finding, Place, finding
from services.fleet.flows.checks.shape import Shape

Numbers = Mapping[str, int]  # of steps, in the document as the draft has it


def check_ways(shape: Shape, numbers: Numbers) -> Iterator[Finding]:
    """Findings about a draft's ways. Of one that is not whole nobody can say what is reached, so nothing is said of that."""
    document = shape.document
    if document.start not in shape.keys and (document.start or shape.is_whole):
        yield finding("flow_start_missing", None, ("start",), step=document.start)
    repeated = [key for key, times in Counter(step.key for step in document.steps).items() if times > 1]
    yield from (
        finding("flow_step_repeated", key, ("steps", numbers[key], "key"), step=key) for key in repeated
    )
    ways = list(edges(document))
    steps = {step.key: step for step in document.steps}
    for way in ways:
        if way.target not in shape.keys:
            place = ("steps", numbers[way.source], *_place(steps, way))
            yield finding("flow_step_missing", way.source, place, step=way.target)
    if shape.is_whole and not repeated:
        yield from _unreached(document, ways, numbers)
    yield from (
        finding("flow_dead_end", step.key, ("steps", numbers[step.key]))
        for step in document.steps
        if is_dead_end(step)
    )
    yield from (
        finding(
            "flow_loop",
            circle[0],
            ("steps", numbers[circle[0]], "then"),
            steps=" → ".join([*circle, circle[0]]),
        )
        for circle in circles(ways)
    )


def is_dead_end(step: Step) -> bool:
    """Whether nothing moves a person on who stands there."""
    leaves = any(button.kind is ButtonKind.FLOW for button in step.buttons)
    ways = FlowDocument.model_construct(start=step.key, steps=[step], variables={})
    return step.then is None and not leaves and next(edges(ways), None) is None


def unreached(document: FlowDocument, ways: list[Edge]) -> list[str]:
    """Keys of the steps to which no way leads from the first."""
    targets: dict[str, list[str]] = defaultdict(list)
    for way in ways:
        targets[way.source].append(way.target)
    reached, open_ends = {document.start}, [document.start]
    while open_ends:
        for target in targets[open_ends.pop()]:
            if target not in reached:
                reached.add(target)
                open_ends.append(target)
    return [step.key for step in document.steps if step.key not in reached]


def circles(ways: list[Edge]) -> list[list[str]]:
    """The steps of each circle in which nobody and nothing is waited for, from its first step on."""
    at_once: dict[str, set[str]] = defaultdict(set)
    for way in ways:
        if way.at_once:
            at_once[way.source].add(way.target)
    found: list[list[str]] = []
    told: set[str] = set()
    for start in list(at_once):
        circle = _way_back(start, at_once) if start not in told else []
        if circle:
            told.update(circle)
            found.append(circle)
    return found


def _way_back(start: str, targets: Mapping[str, Set[str]]) -> list[str]:
    """The shortest way from a step back to itself, without its end; empty where there is none."""
    came_from: dict[str, str] = {}
    reached = [start]
    for step in reached:  # breadth first: those behind it are appended
        for target in sorted(targets.get(step, ())):
            if target == start:
                return _way_to(step, start, came_from)
            if target not in came_from:
                came_from[target] = step
                reached.append(target)
    return []


def _way_to(step: str, start: str, came_from: Mapping[str, str]) -> list[str]:
    way = [step]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]


def _unreached(document: FlowDocument, ways: list[Edge], numbers: Numbers) -> Iterator[Finding]:
    if document.step(document.start) is not None:
        for key in unreached(document, ways):
            yield finding("flow_step_unreachable", key, ("steps", numbers[key]))


def _place(steps: Mapping[str, Step], way: Edge) -> Place:
    """Where in its step the key of a way's target stands."""
    match way.kind, way.place:
        case "button", (message, row, column):
            return ("messages", message, "buttons", row, column, "step")
        case "reply", (number,):
            return ("replies", number, "step")
        case "follow_up", (number,):
            return ("follow_ups", number, "step")
        case "failed", (number,):
            return ("actions", number, "failed")
        case "branch", (number,):
            cases = len(getattr(steps[way.source].then, "cases", ()))
            return ("then", "otherwise") if number == cases else ("then", "cases", number, "step")
        case "split", (number,):
            return ("then", "arms", number, "step")
        case _:
            return ("then", "step")
