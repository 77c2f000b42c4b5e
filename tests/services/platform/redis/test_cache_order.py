"""What a process remembers never outlives a change that it heard, in whatever order loads, changes and gaps come."""

from __future__ import annotations

from dataclasses import dataclass

from greenlet import getcurrent, greenlet
from hypothesis import example, given
from hypothesis import strategies as st

from services.platform.redis.cache import ChangeCache
from services.platform.redis.changes import Topic


@dataclass(frozen=True, eq=False)
class Copy:
    """What was loaded of a thing: whose it is, and in which version."""

    owner: int
    version: int


class Paused(ChangeCache[str, Copy]):
    """A cache whose loads stand still between reading and remembering, each in a greenlet of its own."""

    largest = 2

    def __init__(self, versions: dict[int, int], owners: dict[str, int], *, keeps_missing: bool) -> None:
        super().__init__()
        self._versions = versions
        self._owners = owners
        self.keeps_missing = keeps_missing  # type: ignore[misc]
        self.loaded: list[Copy] = []
        self.over: list[Copy] = []
        self._outside = getcurrent()

    def _load(self, key: str) -> Copy | None:
        version = self._versions.get(self._owners[key])
        found = None if version is None else Copy(self._owners[key], version)
        if found is not None:
            self.loaded.append(found)
        self._outside.switch()
        return found

    def _identity_of(self, key: str, value: Copy | None) -> int:
        return self._owners[key]

    def _dropped(self, value: Copy) -> None:
        self.over.append(value)


class World:
    """Things that change, their announcements under way, and readers of the cache that stand still half-way."""

    OWNERS = {"a": 1, "b": 2, "c": 2, "d": 3}  # noqa: RUF012

    def __init__(self, *, keeps_missing: bool) -> None:
        self.versions = {1: 0, 2: 0, 3: 0}
        self.last = {1: 0, 2: 0, 3: 0}
        self.heard = {1: 0, 2: 0, 3: 0}
        self.announcements: list[tuple[int, int]] = []
        self.cache = Paused(self.versions, self.OWNERS, keeps_missing=keeps_missing)
        self.readers: list[greenlet] = []

    def change(self, owner: int) -> None:
        """A commit; its announcement is under way."""
        self.last[owner] += 1
        self.versions[owner] = self.last[owner]
        self.announcements.append((owner, self.last[owner]))

    def delete(self, owner: int) -> None:
        """Likewise; it may come again."""
        self.change(owner)
        del self.versions[owner]

    def announce(self, number: int) -> None:
        """One of the announcements arrives; they may overtake each other."""
        if self.announcements:
            owner, version = self.announcements.pop(number % len(self.announcements))
            self.heard[owner] = max(self.heard[owner], version)
            self.cache.on_change(Topic.BOT, owner)

    def gap(self) -> None:
        """All of them are lost, which is noticed."""
        for owner, version in self.announcements:
            self.heard[owner] = max(self.heard[owner], version)
        self.announcements.clear()
        self.cache.on_change(Topic.ANY, 0)

    def read(self, key: str) -> None:
        reader = greenlet(lambda: self.check(self.cache.get(key), key))
        self.readers.append(reader)
        reader.switch()
        self.readers = [each for each in self.readers if not each.dead]

    def go_on(self, number: int) -> None:
        if self.readers:
            self.readers[number % len(self.readers)].switch()
            self.readers = [each for each in self.readers if not each.dead]

    def check(self, value: Copy | None, key: str) -> None:
        """Nobody is given, and nothing keeps, what is older than a change that was heard."""
        owner = self.OWNERS[key]
        assert value is None or value.version >= self.heard[owner]

    def check_all(self) -> None:
        for key in self.OWNERS:
            self.check(self.cache.peek(key), key)
        assert len(self.cache._kept) <= self.cache.largest


STEPS = st.one_of(
    st.tuples(st.just("change"), st.integers(1, 3)),
    st.tuples(st.just("delete"), st.integers(1, 3)),
    st.tuples(st.just("announce"), st.integers(0, 9)),
    st.tuples(st.just("gap")),
    st.tuples(st.just("read"), st.sampled_from("abcd")),
    st.tuples(st.just("read"), st.sampled_from("abcd")),
    st.tuples(st.just("go_on"), st.integers(0, 9)),
    st.tuples(st.just("go_on"), st.integers(0, 9)),
)


# More than it may keep.
@example(
    steps=[(step, at) for key in "abd" for step, at in (("read", key), ("go_on", 0))], keeps_missing=False
)
@given(steps=st.lists(STEPS, max_size=40), keeps_missing=st.booleans())
def test_whatever_overtakes_what_nothing_older_than_a_heard_change_is_kept_or_given(
    steps: list[tuple[str, ...]], keeps_missing: bool
) -> None:
    world = World(keeps_missing=keeps_missing)
    for name, *arguments in steps:
        getattr(world, name)(*arguments)
        world.check_all()
    while world.announcements:
        world.announce(0)
    while world.readers:
        world.go_on(0)
    for key, value in world.cache._kept.items():
        version = world.versions.get(world.OWNERS[key])
        assert (value and value.version) == version, "in the end everything kept is the present"
    kept = [value for value in world.cache._kept.values() if value is not None]
    assert sorted(map(id, kept + world.cache.over)) == sorted(map(id, world.cache.loaded)), "each once"
