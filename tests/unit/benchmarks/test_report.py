"""The report says what was measured, and no more."""

from benchmarks.report import best_of, number, report, table
from tests.fakes_benchmarks import SUBJECTS, measurement, results


def test_table_has_a_rule_under_its_head():
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --: |\n| 1 | 2 |"


def test_number_that_was_not_measured_is_a_dash():
    assert number(None) == "-"
    assert number(1234.56) == "1,234.6"


def test_best_of_is_the_median_of_the_repeats():
    seen = results(
        *(
            measurement("bare-model", value, repeat=i)
            for i, value in enumerate((90.0, 100.0, 130.0))
        )
    )

    assert best_of(seen, "bare", "model") == {"bare-model": 100.0}


def test_row_compares_with_the_bare_loop_and_with_each_plain_mode():
    seen = results(
        measurement("bare-model", 200.0),
        measurement("plain-default-model", 20.0),
        measurement("plain-haproxy-model", 40.0),
        measurement("headwater-model-http", 150.0),
    )

    line = "| model: Headwater, HTTP | 150.0 | 150.0 to 150.0 | 75% | 7.50 | 3.75 |"
    assert line in report(seen)


def test_bar_is_reported_reached_and_missed():
    seen = results(
        measurement("bare-model", 200.0),
        measurement("plain-default-model", 20.0),
        measurement("plain-haproxy-model", 100.0),
        measurement("headwater-model-http", 150.0),
    )

    text = report(seen)

    assert "- of the bare loop: 0.75 (bar 0.7: reached)" in text
    assert "- times plain-default-model: 7.50 (bar 3: reached)" in text
    assert "- times plain-haproxy-model: 1.50 (bar 3: missed)" in text


def test_what_was_not_measured_is_no_verdict():
    text = report(results(measurement("headwater-model-http", 150.0)))

    assert "- of the bare loop: not measured (bar 0.7)" in text


def test_errors_are_added_up_over_the_repeats():
    seen = results(
        measurement("headwater-model-http", 9.0, errors={"http 503": 2}),
        measurement("headwater-model-http", 9.0, errors={"http 503": 3}, repeat=1),
    )

    assert "| 5 http 503 |" in report(seen)


def test_open_loop_shows_its_offered_rate_and_the_generators_own_lag():
    seen = results(
        measurement(
            "headwater-model-http",
            99.0,
            load="open",
            level=80,
            offered_per_s=100.0,
            lag_p99_ms=1.5,
        )
    )

    assert (
        "| 80% | 100.0 | 99.0 | 10.0 | 20.0 | 30.0 | 0 | 0.10 | 0.00 | 1.5 |"
        in report(seen)
    )


def test_cpu_table_holds_the_load_generator_and_the_sum():
    seen = results(
        measurement("headwater-model-http", 100.0, cpu_ms={"HAProxy": 0.5}),
    )

    text = report(seen)

    assert "| load generator | 1.000 |" in text
    assert "| **all** | 1.500 |" in text


def test_model_and_pipeline_of_one_contender_have_columns_of_their_own():
    model = SUBJECTS[1]
    pipeline = model.model_copy(update={"id": "p", "group": "pipeline"})
    seen = results(
        measurement(model.id, 100.0, cpu_ms={"HAProxy": 0.5}, level=8),
        measurement("p", 50.0, cpu_ms={"HAProxy": 0.7}, level=32),
        subjects=(model, pipeline),
    )

    text = report(seen)

    head = "| process | model: plain, default, 8 callers | pipeline: plain, default"
    assert head in text
    assert "| HAProxy | 0.500 | 0.700 |" in text


def test_busy_machine_is_said_first():
    busy = report(results(measurement("bare-model", 9.0, others_cores=0.9)))
    quiet = report(results(measurement("bare-model", 9.0, others_cores=0.1)))

    assert "up to 0.90 cores during a run. **The machine was busy" in busy
    assert "busy" not in quiet.split("## Highest")[0]


def test_disturbed_run_is_left_out_when_another_repeat_was_quiet():
    seen = results(
        measurement("bare-model", 4.0, others_cores=0.9),
        measurement("bare-model", 9.0, others_cores=0.0, repeat=1),
    )

    text = report(seen)

    assert "1 of 2 runs were disturbed by more than 0.25 cores" in text
    assert "9.0 to 9.0" in text
    assert "busy" not in text.split("## Highest")[0]


def test_bare_loop_has_no_load_generator_in_the_cpu_table():
    seen = results(
        measurement("bare-model", 9.0, client_cores=0.0, cpu_ms={"bare loop": 4.0})
    )

    assert "load generator |" not in report(seen)


def test_quick_run_says_that_it_is_no_claim():
    assert "not for claims" in report(results(quick=True))


def test_split_lists_its_parts():
    assert "Headwater, HTTP: 9.000 = protocol 0.500, model run 8.500" in report(
        results()
    )
