"""What has grown is told once."""

from deployments.ensembles.growth import SHOWN, Growth, counts
from deployments.ensembles.stats import EnsembleStats


class Watcher:
    """Adds up what it is shown."""

    def __init__(self):
        self.sums = {}

    def grow(self, pipeline, key, by):
        assert by > 0
        self.sums[pipeline, key] = self.sums.get((pipeline, key), 0) + by


def busy_stats():
    """An ensemble that has counted something of every kind."""
    stats = EnsembleStats(requests=3, rows=4, refused=1, partial=1, saved_s=0.5)
    stats.degraded["overload"] = 2
    stats.members_run, stats.exits = {1: 3, 2: 1}, {1: 3}
    cheap = stats.of("cheap")
    cheap.requests, cheap.rows, cheap.agreed, cheap.timed_out = 3, 4, 3, 1
    return stats


def grown(stats):
    watcher = Watcher()
    return Growth({"vision": stats}, watcher), watcher


def test_every_count_has_its_words_and_as_many_tags():
    found = counts(busy_stats())

    assert {name for name, *_ in found} == {*SHOWN}
    assert [key for key in found if len(key) - 1 != len(SHOWN[key[0]][1])] == []


def test_first_look_tells_all_that_is_there():
    growth, watcher = grown(busy_stats())

    growth.look()

    assert watcher.sums["vision", ("rows",)] == 4
    assert watcher.sums["vision", ("members_run", "1")] == 3
    assert watcher.sums["vision", ("degraded", "overload")] == 2
    assert watcher.sums["vision", ("member_requests", "cheap", "timed_out")] == 1
    assert watcher.sums["vision", ("member_agreed", "cheap")] == 3
    assert ("vision", ("compared",)) not in watcher.sums


def test_later_looks_tell_only_what_came_since():
    stats = busy_stats()
    growth, watcher = grown(stats)
    growth.look()
    growth.look()
    stats.rows += 5
    stats.exits[2] = 1

    growth.look()

    assert watcher.sums["vision", ("rows",)] == stats.rows
    assert watcher.sums["vision", ("exits", "1")] == 3
    assert watcher.sums["vision", ("exits", "2")] == 1


def test_sums_of_what_was_told_are_what_was_counted():
    stats = busy_stats()
    growth, watcher = grown(stats)
    for _ in range(3):
        stats.rows += 2
        stats.of("dear").failed += 1
        growth.look()

    told = {key: by for (_, key), by in watcher.sums.items()}
    assert told == {key: count for key, count in counts(stats).items() if count}
