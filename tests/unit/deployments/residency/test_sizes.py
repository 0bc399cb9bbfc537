from hypothesis import given
from hypothesis import strategies as st

from deployments.residency.eviction import Room
from deployments.residency.sizes import (
    KEEP,
    OVERHEAD_BYTES,
    Shares,
    Sizes,
    beyond,
    drift,
)

MB = 1 << 20


def test_first_load_is_guessed_from_the_file():
    assert Sizes().expect("d", 10 * MB) == Room(30 * MB + OVERHEAD_BYTES)


def test_measured_load_and_the_file_replace_the_guess():
    sizes = Sizes()

    sizes.learn("d", 10 * MB, Room(5 * MB))

    assert sizes.expect("d", 10 * MB) == Room(15 * MB)


def test_guess_for_another_file_learns_from_what_was_measured():
    sizes = Sizes()
    before = sizes.expect("other", 10 * MB)

    sizes.learn("d", 10 * MB, Room(50 * MB))

    assert sizes.expect("other", 10 * MB).host > before.host


def test_one_odd_measurement_of_three_does_not_count():
    sizes = Sizes()
    for measured in (30, 300, 0):
        counted = sizes.learn("d", 10 * MB, Room(measured * MB))

    assert counted == Room(40 * MB)


def test_of_two_measurements_the_larger_counts():
    sizes = Sizes()
    sizes.learn("d", 10 * MB, Room(30 * MB))

    assert sizes.learn("d", 10 * MB, Room(-5 * MB)) == Room(40 * MB)


def test_load_among_others_counts_until_one_was_alone():
    sizes = Sizes()
    assert sizes.learn("d", 10 * MB, Room(90 * MB), alone=False) == Room(100 * MB)
    assert not sizes.knows("d")

    sizes.learn("d", 10 * MB, Room(20 * MB))

    assert sizes.learn("d", 10 * MB, Room(95 * MB), alone=False) == Room(30 * MB)


def test_load_is_alone_when_nothing_else_came_or_went():
    shares = Shares()
    for key in "ab":
        shares.begin(key, Room(1), Room(0))
    for key in "ab":
        shares.end(key, Room(0))
    shares.begin("c", Room(1), Room(0))
    shares.pause(Room(0))
    shares.resume(Room(0))
    shares.begin("d", Room(1), Room(0))
    for key in "cd":
        shares.end(key, Room(0))
    shares.begin("e", Room(1), Room(0))
    shares.end("e", Room(0))

    assert [key for key in "abcde" if shares.was_alone(key)] == ["e"]


def test_device_memory_is_guessed_only_where_models_run_there():
    assert Sizes(on_device=True).expect("d", 10 * MB).device > 10 * MB
    assert Sizes().expect("d", 10 * MB).device == 0


def test_few_measurements_are_not_enough_to_refuse_a_model():
    sizes = Sizes()
    for _ in range(2):
        sizes.learn("d", 10, Room(99))
    assert not sizes.is_sure("d")

    sizes.learn("d", 10, Room(99))

    assert sizes.is_sure("d")


def test_drift_is_told_in_bytes():
    told = drift(Room(100 * MB), Room(150 * MB))

    assert told == f"took {150 * MB} bytes of memory, expected were {100 * MB}"
    assert drift(Room(100 * MB), Room(110 * MB)) == ""


def test_short_load_that_takes_less_is_no_drift():
    assert drift(Room(100 * MB), Room(50 * MB), full=False) == ""
    assert drift(Room(100 * MB), Room(150 * MB), full=False) != ""


def test_overlapping_loads_share_what_was_taken_by_expected_size():
    shares = Shares()
    shares.begin("a", Room(30), Room(0))
    shares.begin("b", Room(10), Room(30))

    assert shares.end("a", Room(70)) == Room(60)
    assert shares.end("b", Room(75)) == Room(15)


def test_memory_that_an_unload_gives_back_is_not_taken_from_a_load():
    shares = Shares()
    shares.begin("a", Room(30), Room(100))
    shares.pause(Room(120))
    shares.resume(Room(50))

    assert shares.end("a", Room(60)) == Room(30)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1000)), max_size=40))
def test_shares_add_up_to_what_was_taken(events):
    shares, now, taken, got = Shares(), 0, 0, 0
    going: set[int] = set()
    for key, grown in events:
        now += grown
        taken += grown if going else 0
        if key in going:
            got += shares.end(str(key), Room(now)).host
            going.remove(key)
        else:
            shares.begin(str(key), Room(key + 1), Room(now))
            going.add(key)
    for key in sorted(going):
        got += shares.end(str(key), Room(now)).host

    assert taken - 5 - len(events) <= got <= taken + 1


class Book:
    """A record in memory; `written` holds every entry in order."""

    def __init__(self, **known):
        self.known, self.written = known, []

    def read(self, digest):
        return self.known.get(digest)

    def keep(self, digest, taken):
        self.known[digest] = taken
        self.written.append(taken)


def test_record_of_earlier_processes_replaces_the_guess():
    sizes = Sizes(record=Book(d=Room(30 * MB)))

    assert sizes.expect("d", 10 * MB) == Room(40 * MB)
    assert sizes.knows("d")
    assert not sizes.is_sure("d")


def test_own_measurement_goes_before_the_record():
    sizes = Sizes(record=Book(d=Room(30 * MB)))

    sizes.learn("d", 10 * MB, Room(5 * MB))

    assert sizes.expect("d", 10 * MB) == Room(15 * MB)


def test_first_measurement_is_recorded_and_others_like_it_are_not():
    book = Book()
    sizes = Sizes(record=book)

    for _ in range(KEEP + 1):
        sizes.learn("d", 10 * MB, Room(30 * MB))

    assert book.written == [Room(30 * MB)]


def test_record_is_replaced_when_enough_measurements_say_otherwise():
    book = Book(d=Room(30 * MB))
    sizes = Sizes(record=book)

    for _ in range(KEEP):
        assert book.written == []
        sizes.learn("d", 10 * MB, Room(90 * MB))

    assert book.written == [Room(90 * MB)]


def test_load_among_others_is_not_recorded():
    book = Book()

    Sizes(record=book).learn("d", 10 * MB, Room(30 * MB), alone=False)

    assert book.written == []


def test_load_beyond_the_peak_of_its_card_is_told_and_one_below_is_not():
    told = beyond(50 * MB, Room(80 * MB))

    assert told == f"took {80 * MB} bytes of memory, expected were {50 * MB}"
    assert beyond(50 * MB, Room(20 * MB)) == ""
    assert beyond(None, Room(80 * MB)) == ""
