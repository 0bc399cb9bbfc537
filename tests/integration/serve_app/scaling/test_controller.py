"""The policy as the controller of the installed Ray Serve holds and calls it; no cluster."""

import time

import pytest
from ray import cloudpickle
from ray.serve._private.application_state import override_deployment_info
from ray.serve._private.autoscaling_state import AutoscalingStateManager
from ray.serve._private.common import (
    DeploymentID,
    ReplicaID,
    ReplicaMetricReport,
    TimeStampedValue,
)
from ray.serve._private.config import DeploymentConfig, ReplicaConfig
from ray.serve._private.deployment_info import DeploymentInfo
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy
from ray.serve.schema import ServeApplicationSchema

from configs.autoscaling import AutoscalingSpec, CapacitySpec
from deployments.autoscaling.live import journal
from deployments.autoscaling.live.meter import Meter
from serve_app.cluster.serve_file import OUR_POLICY
from serve_app.ingress import Ingress
from serve_app.scaling.shell import folder_of
from serve_app.scaling.terms import Terms, terms_of
from serve_app.scaling.wiring import autoscaling_config

APP = "headwater"
INGRESS = DeploymentID("ingress", APP)
SPEC = AutoscalingSpec(
    max_replicas=6, capacity=CapacitySpec(requests_per_s=10, slots=2)
)


def info(terms):
    """A deployment as it reaches the controller: through the wire format of the build."""
    config = DeploymentConfig(
        autoscaling_config=AutoscalingConfig(**autoscaling_config(terms))
    )
    arrived = DeploymentConfig.from_proto_bytes(config.to_proto_bytes())
    return DeploymentInfo(arrived, ReplicaConfig.create(Ingress), 0, "")


class Controller:
    """The autoscaling state of a real controller, called as its loop does."""

    def __init__(self, home, terms):
        self.states = AutoscalingStateManager()
        self.policy = AutoscalingPolicy(
            policy_function=OUR_POLICY,
            policy_kwargs={"home": str(home), "metrics": False},
        )
        self.states.register_application(APP, self.policy)
        self.target = self.states.register_deployment(INGRESS, info(terms), 1)
        self.replicas: list[ReplicaID] = []

    def loop(self):
        """One turn: the policy's answer becomes the target."""
        decided = self.states.get_decision_num_replicas(APP, {INGRESS: self.target})
        self.target = decided.get(INGRESS, self.target)
        return self.target

    def run(self, replicas):
        """So many replicas are ready."""
        self.replicas = [ReplicaID(f"r{n}", INGRESS) for n in range(replicas)]
        self.states.update_running_replica_ids(INGRESS, self.replicas)

    def report(self, arrived, ongoing, age_s):
        """Every replica says what it has counted."""
        self.tell(
            {
                "age_s": age_s,
                "arrived|ingress": arrived,
                "completed|ingress": max(0, arrived - ongoing),
                "ongoing|ingress": ongoing,
            }
        )

    def tell(self, told):
        """Every replica says this."""
        now_s = time.time()  # noqa: TID251 - Ray stamps its reports with it
        for replica in self.replicas:
            points = {k: [TimeStampedValue(now_s, v)] for k, v in told.items()}
            self.states.record_request_metrics_for_replica(
                ReplicaMetricReport(replica, points, now_s)
            )


@pytest.fixture
def controller(tmp_path):
    return Controller(tmp_path, Terms(spec=SPEC))


def test_terms_survive_the_way_to_the_controller():
    terms = Terms(spec=SPEC)

    assert terms_of(info(terms).deployment_config.autoscaling_config) == terms


def test_terms_survive_options_of_the_serve_file():
    terms = Terms(spec=SPEC)
    listed = {"name": "ingress", "ray_actor_options": {"num_cpus": 1}}
    file = ServeApplicationSchema(
        name=APP, import_path="serve_app.app:build_app", deployments=[listed]
    )

    changed = override_deployment_info({"ingress": info(terms)}, file)

    config = changed["ingress"].deployment_config
    assert config.autoscaling_config is not None
    assert terms_of(config.autoscaling_config) == terms


def test_class_arrives_by_value_and_decides(controller):
    assert len(cloudpickle.dumps(controller.policy.get_policy())) < 20_000

    controller.run(1)

    assert controller.loop() == 1


def test_queue_that_replicas_report_starts_replicas(controller, tmp_path):
    controller.run(1)
    controller.loop()
    deadline = time.monotonic() + 60
    arrived, reasons = 0, set[str]()
    # The clock is real, and the journal is written beside the ticks.
    while not reasons & {"backlog", "forecast", "maximum"}:
        assert time.monotonic() < deadline, reasons
        arrived += 100
        controller.report(arrived, ongoing=100, age_s=0.0)
        controller.loop()
        time.sleep(0.25)
        reasons = {one["reason"] for one in journal.read(folder_of(tmp_path, APP))}

    assert controller.target > 1


def test_shadow_follows_rays_rule_with_rays_delays(tmp_path):
    watched = SPEC.model_copy(update={"shadow": True, "mode": "always_warm"})
    controller = Controller(tmp_path, Terms(spec=watched))
    controller.run(1)

    assert controller.loop() == 1


def test_bounds_of_ray_hold_for_what_is_always_warm(tmp_path):
    warm = SPEC.model_copy(update={"mode": "always_warm"})
    controller = Controller(tmp_path, Terms(spec=warm))
    controller.run(1)

    assert controller.loop() == SPEC.max_replicas


class Talker:
    """A deployment of one's own: it answers at once and counts its tokens."""

    def __init__(self):
        self._meter = Meter()

    def record_autoscaling_stats(self):
        return self._meter.stats()

    def answer(self, tokens):
        ticket = self._meter.arrive("ingress")
        self._meter.work.come("ingress", tokens)
        self._meter.work.done("ingress", tokens)
        self._meter.leave("ingress", ticket, answered=True)


def test_tokens_that_a_deployment_counts_start_replicas(tmp_path):
    capacity = CapacitySpec(unit="tokens", requests_per_s=100, slots=64, learn=False)
    spec = AutoscalingSpec(max_replicas=6, capacity=capacity)
    controller, talker = Controller(tmp_path, Terms(spec=spec)), Talker()
    controller.run(1)
    controller.loop()
    deadline = time.monotonic() + 60
    # One request a report, which no rule of requests would start a replica for.
    while controller.target == 1:
        assert time.monotonic() < deadline, list(journal.read(folder_of(tmp_path, APP)))
        talker.answer(2000)
        controller.tell(talker.record_autoscaling_stats())
        controller.loop()
        time.sleep(0.25)

    assert controller.target > 1
