from serve_app.cluster.changes import changes


def test_setting_that_differs_is_named_with_both_values():
    now = {"grpc_options.port": 9000, "http_options.port": 8000}

    found = changes(now, {"grpc_options.port": 9001, "http_options.port": 8000})

    assert found == ("grpc_options.port is 9000, not 9001",)


def test_setting_that_one_side_does_not_know_is_no_change():
    assert changes({"old": 1}, {"new": 2}) == ()


def test_same_number_in_another_form_is_no_change():
    assert changes({"request_timeout_s": 60}, {"request_timeout_s": 60.0}) == ()
