from hypothesis import given
from hypothesis import strategies as st

from serve_app.cluster.health import judge, last_lines, replica_counts


def details(status="RUNNING", deployment="HEALTHY", message="", proxy="HEALTHY"):
    ingress = {
        "status": deployment,
        "message": message,
        "target_num_replicas": 2,
        "replicas": [{"state": "RUNNING"}, {"state": "STARTING"}],
    }
    return {
        "proxies": {"node": {"status": proxy}},
        "applications": {
            "main": {
                "status": status,
                "message": message,
                "deployments": {"ingress": ingress},
            }
        },
    }


def test_all_healthy_is_healthy():
    assert judge(details(), ["main"]).healthy


def test_updating_deployment_is_pending_with_its_replicas():
    health = judge(details("DEPLOYING", "UPDATING"), ["main"])

    assert health.pending == ("ingress: updating, 1 of 2 replicas", "main: deploying")


def test_application_that_is_not_there_is_pending():
    assert judge(details(), ["main", "other"]).pending == ("other: not there yet",)


def test_application_that_was_not_asked_for_does_not_matter():
    assert judge(details("DEPLOY_FAILED", "DEPLOY_FAILED"), []).fault is None


def test_starting_front_door_is_pending():
    assert judge(details(proxy="STARTING"), ["main"]).pending == (
        "front door: starting",
    )


def test_nothing_deployed_is_pending():
    health = judge({"proxies": {}, "applications": {}}, ["main"])

    assert health.pending == ("main: not there yet", "front door: not there yet")


def test_failed_deployment_is_a_fault_with_its_last_words():
    trace = (
        "Traceback\n" + "\n".join(f"  line {n}" for n in range(40)) + "\nKeyError: 'x'"
    )

    fault = judge(details("DEPLOY_FAILED", "DEPLOY_FAILED", trace), ["main"]).fault

    assert fault is not None
    assert fault.subject == "deployment ingress of application main"
    assert fault.reason.endswith("KeyError: 'x'")


def test_application_that_cannot_be_built_is_a_fault_of_its_own():
    broken = details("DEPLOY_FAILED", message="no such model")
    broken["applications"]["main"]["deployments"] = {}

    fault = judge(broken, ["main"]).fault

    assert fault is not None
    assert (fault.subject, fault.reason) == ("application main", "no such model")


def test_replaced_replica_is_no_fault():
    health = judge(details("UNHEALTHY", "UNHEALTHY"), ["main"])

    assert (health.fault, health.healthy) == (None, False)


def test_deployment_without_replicas_counts_none():
    assert replica_counts({}) == (0, 0)


@given(st.text(), st.integers(1, 20))
def test_last_lines_are_few_and_from_the_message(message, count):
    lines = last_lines(message, count).splitlines()

    assert len(lines) <= max(count, len(message))
    assert all(line.strip() in message for line in lines)


odd: st.SearchStrategy[object] = st.none() | st.text(max_size=3) | st.just({})
applications = st.dictionaries(
    st.sampled_from(["main", "b"]),
    st.none() | st.dictionaries(st.sampled_from(["status", "message"]), odd),
)


@given(applications)
def test_odd_answers_are_pending_and_never_a_crash(found):
    health = judge({"applications": found}, ["main"])

    assert not health.healthy
