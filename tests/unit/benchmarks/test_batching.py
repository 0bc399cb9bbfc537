from benchmarks.arrivals import poisson_arrivals_s
from benchmarks.batching import REPLICAS, WAYS, heading, replay_way, rows, told

CPU = REPLICAS[0]


def test_table_has_a_row_for_each_way_and_a_cell_for_each_column():
    columns = heading(CPU).splitlines()[-1].count("|")

    lines = rows(CPU, poisson_arrivals_s(50, 1, 1), "30%")

    assert [line.split(" | ")[1] for line in lines] == [way.name for way in WAYS]
    assert {line.count("|") for line in lines} == {columns}


def test_table_is_the_same_each_time():
    arrivals_s = poisson_arrivals_s(100, 2, 1)

    one, other = (told(replay_way(CPU, WAYS[-1], arrivals_s), CPU) for _ in range(2))

    assert one == other


def test_every_way_serves_the_same_arrivals():
    arrivals_s = poisson_arrivals_s(100, 1, 1)

    for way in WAYS:
        served = replay_way(CPU, way, arrivals_s)
        assert [guest.arrived_s for guest in served.guests] == arrivals_s
