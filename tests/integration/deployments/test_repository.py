"""Load, unload, versions and aliases on several replicas with real models, without Ray."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from configs.pool import PoolSpec
from deployments.autoscaling.live.meter import Meter
from deployments.blueprint import Blueprint
from deployments.errors import (
    InvalidInput,
    LoadFailed,
    ModelNotFound,
    NoAvailableVersion,
    VersionNotFound,
)
from deployments.graph import Graph
from deployments.layout import INGRESS
from deployments.messages import Request
from deployments.repository.board import Board, mark_of
from deployments.repository.reports import Place
from deployments.repository.repository import Repository
from deployments.residency.residency import Residency
from deployments.served import Served
from deployments.slots import Slots
from deployments.station import Station
from deployments.statistics import merge
from models.pins import pinned
from serve_app.offers import Front
from tests.fakes_control import LocalFleet, MemoryKeys, a_blueprint
from tests.tiny_models import build_tiny_store, make_tiny_catalogue, tiny_logits
from tests.versions import add_version, build_again, edit

ROWS = np.array([[1, 2, 3, 4], [-1, 0, 1, 0.5]], np.float32)
POOL = {"pool": PoolSpec(models=("tiny-a", "tiny-b"), memory_bytes=2**30)}
OTHER = 7
"""The seed of newer weights."""


class Replica:
    """What Ray Serve runs, without Ray: a station and the methods that a fleet calls."""

    def __init__(self, station: Station, counted=lambda: ()) -> None:
        self.station, follower = station, station.follower
        self._counted = counted
        self.follow, self.prepare = follower.follow, follower.prepare
        self.follow_log = follower.follow_log
        self.abandon = follower.abandon

    async def report(self):
        return self.station.follower.report()

    async def tell_statistics(self):
        return merge([self.station.statistics(), self._counted()])


@dataclass
class Application:
    """Two replicas of each deployment in this process."""

    blueprint: Blueprint
    keys: MemoryKeys
    fleet: LocalFleet
    fronts: list[Front]

    def __init__(self, blueprint, count=2):
        self.blueprint, self.keys = blueprint, MemoryKeys()
        self.fleet, self.fronts = LocalFleet({}, []), []
        self._turn = 0
        for deployment in (*blueprint.plan.deployments(), INGRESS):
            for _ in range(count):
                self.add(deployment)

    @property
    def served(self) -> Served:
        return self.fronts[0].served

    def board(self):
        return Board(self.keys, mark_of(self.blueprint))

    def control(self):
        return Repository(self.blueprint, self.board(), self.fleet)

    def replicas(self, deployment):
        return self.fleet.replicas.setdefault(deployment, [])

    def add(self, deployment):
        """Start one more replica."""
        here = self.replicas(deployment)
        residency = Residency(self.blueprint.pools.get(deployment))
        graph = Graph(self.blueprint, deployment, Slots(1), self._reach, residency)
        place = Place(deployment, f"{deployment}-{len(here)}")
        station = Station(self.blueprint, place, graph, self.board())
        if deployment == INGRESS:
            front = Front(self.blueprint, station, Meter(), self._answers)
            self.fronts.append(front)
            station.begin(front.follow)
            here.append(Replica(station, front.ledger.statistics))
        else:
            station.begin()
            here.append(Replica(station))
        return station

    def _reach(self, deployment, node):
        return _Anyone(self, deployment, node)

    async def _answers(self, deployment, nodes):
        return self.replicas(deployment)[0].station.answers(nodes)

    def next(self, deployment):
        self._turn += 1
        here = self.replicas(deployment)
        return here[self._turn % len(here)].station

    async def close(self):
        for replicas in self.fleet.replicas.values():
            for replica in replicas:
                await replica.station.graph.close()


class _Anyone:
    """A node of another deployment: its replicas in turns."""

    def __init__(self, application, deployment, node):
        self._application, self._deployment = application, deployment
        self._node = node

    async def infer(self, request):
        station = self._application.next(self._deployment)
        return await station.infer(self._node, request)


@pytest.fixture
def root(tmp_path):
    return make_tiny_catalogue(tmp_path)


@pytest.fixture
def store(root, tmp_path):
    return build_tiny_store(root, tmp_path / "store")


@asynccontextmanager
async def running(root, store, pools=None):
    application = Application(
        a_blueprint(root, store, POOL if pools is None else pools)
    )
    try:
        yield application
    finally:
        await application.close()


async def ask(served, version="", model="tiny-a"):
    request = Request(model, {"features": ROWS})
    return (await served.infer(request, version)).outputs["logits"]


def is_of(answer, seed_model):
    return np.allclose(answer, tiny_logits(seed_model, ROWS), atol=1e-5)


async def state_of(control, name="tiny-a", version="1"):
    index = await control.index()
    return next(one for one in index if (one.name, one.version) == (name, version))


async def test_model_of_a_pool_is_loaded_by_its_first_request(root, store):
    async with running(root, store) as app:
        control = app.control()
        before = await state_of(control)

        assert is_of(await ask(app.served), "tiny-a")

        after = await state_of(control)
        assert (before.state, before.reason) == ("UNAVAILABLE", "loads on demand")
        states = {one.state for one in after.replicas}
        assert (after.state, states) == ("READY", {"READY", "UNAVAILABLE"})


async def test_load_makes_it_ready_on_every_replica_and_again_does_no_harm(root, store):
    async with running(root, store) as app:
        control = app.control()

        await control.load("tiny-a")
        await control.load("tiny-a")

        index = await state_of(control)
        assert [one.state for one in index.replicas] == ["READY", "READY"]
        assert [one.replica for one in index.replicas] == ["pool-0", "pool-1"]


async def test_unload_takes_it_away_everywhere_and_load_brings_it_back(root, store):
    async with running(root, store) as app:
        control = app.control()
        await control.load("tiny-a")

        await control.unload("tiny-a")
        await control.unload("tiny-a")

        for front in app.fronts:
            with pytest.raises(NoAvailableVersion):
                await ask(front.served)
            with pytest.raises(NoAvailableVersion):
                front.served.contract("tiny-a")
        assert (await state_of(control)).reason == "unloaded"
        assert is_of(await ask(app.served, model="tiny-b"), "tiny-b")
        await control.load("tiny-a")
        assert is_of(await ask(app.served), "tiny-a")


async def test_unload_of_a_name_nobody_knows_is_no_error(root, store):
    async with running(root, store) as app:
        await app.control().unload("nobody")


async def test_load_of_a_name_nobody_knows_is_refused(root, store):
    async with running(root, store) as app:
        with pytest.raises(ModelNotFound, match="'nobody' is not found"):
            await app.control().load("nobody")
        assert app.board().revision() == 0


async def test_replica_that_starts_later_has_what_was_asked(root, store):
    async with running(root, store) as app:
        control = app.control()
        await control.load("tiny-a")
        await control.unload("tiny-b")

        pool, ingress = app.add("pool"), app.add(INGRESS)

        told = {one.name: one.state for one in pool.hosting.reports()}
        assert told == {"tiny-a": "READY", "tiny-b": "UNAVAILABLE"}
        with pytest.raises(NoAvailableVersion):
            await ask(app.fronts[-1].served, model="tiny-b")
        assert ingress.follower.report().revision == 2


async def test_replica_that_missed_a_broadcast_finds_out_by_itself(root, store):
    async with running(root, store) as app:
        (_, missing) = app.replicas("pool")
        app.fleet.replicas["pool"] = app.replicas("pool")[:1]
        await app.control().load("tiny-a")
        assert missing.station.follower.report().revision == 0

        await missing.station.follower.look()

        assert missing.station.follower.report().revision == 1
        assert missing.station.hosting.asked() != []


async def test_pipeline_goes_with_its_members_only_when_asked(root, store):
    async with running(root, store) as app:
        control = app.control()

        await control.unload("tiny")
        with pytest.raises(NoAvailableVersion, match="'tiny' has no available"):
            app.served.contract("tiny")
        assert is_of(await ask(app.served), "tiny-a")

        await control.unload("tiny", dependents=True)
        with pytest.raises(NoAvailableVersion, match="'tiny-a' has no available"):
            await ask(app.served)

        await control.load("tiny")
        assert (await app.served.infer(Request("tiny", {"features": ROWS}))).outputs
        assert (await state_of(control, "tiny")).state == "READY"


async def test_pipeline_is_as_ready_as_its_members(root, store):
    async with running(root, store) as app:
        control = app.control()
        await control.unload("tiny-b")

        pipeline = await state_of(control, "tiny")

        assert (pipeline.state, pipeline.reason) == ("UNAVAILABLE", "tiny-b: unloaded")
        assert not await app.served.ready("tiny")
        assert await app.served.ready("tiny-a")
        with pytest.raises(NoAvailableVersion, match="'tiny-b'"):
            await app.served.infer(Request("tiny", {"features": ROWS}))


async def test_new_version_appears_with_a_load_and_is_the_default(root, store):
    async with running(root, store) as app:
        control = app.control()
        add_version(root, "tiny-a", OTHER, version_policy={"all": True})
        build_again(root, store)
        with pytest.raises(VersionNotFound):
            await ask(app.served, "2")

        await control.load("tiny-a")

        newest = await ask(app.served)
        assert not is_of(newest, "tiny-a")
        assert np.array_equal(newest, await ask(app.served, "2"))
        assert is_of(await ask(app.served, "1"), "tiny-a")
        assert app.served.versions("tiny-a") == ["1", "2"]
        assert app.served.contract("tiny-a").version == "2"


async def test_latest_alone_is_served_unless_the_policy_says_more(root, store):
    async with running(root, store) as app:
        control = app.control()
        add_version(root, "tiny-a", OTHER)
        build_again(root, store)

        await control.load("tiny-a")

        assert app.served.versions("tiny-a") == ["2"]
        with pytest.raises(VersionNotFound):
            await ask(app.served, "1")


async def test_aliases_are_words_for_versions_and_stable_is_the_default(root, store):
    aliases = {"stable": 1, "canary": 2}
    add_version(root, "tiny-a", OTHER, version_policy={"all": True}, aliases=aliases)
    build_again(root, store)
    async with running(root, store) as app:
        canary = await ask(app.served, "canary")

        assert is_of(await ask(app.served), "tiny-a")
        assert is_of(await ask(app.served, "stable"), "tiny-a")
        assert not is_of(canary, "tiny-a")
        assert app.served.contract("tiny-a", "canary").version == "2"

        edit(root, "tiny-a", aliases={"stable": 2})
        await app.control().load("tiny-a")

        assert np.array_equal(await ask(app.served), canary)
        with pytest.raises(VersionNotFound, match="version canary"):
            await ask(app.served, "canary")


async def test_switch_under_load_fails_no_request(root, store):
    """Twelve clients ask for the default, the pipeline and `stable` all the time."""
    aliases = {"stable": 1}
    add_version(root, "tiny-a", OTHER, version_policy={"all": True}, aliases=aliases)
    build_again(root, store)
    async with running(root, store) as app:
        over, answers = asyncio.Event(), []

        async def ask_on(front, version):
            while not over.is_set():
                answers.append(await ask(front.served, version))
                await front.served.infer(Request("tiny", {"features": ROWS}))

        clients = [
            asyncio.ensure_future(ask_on(front, version))
            for front in app.fronts
            for version in ("", "stable") * 3
        ]
        for stable in (2, 1, 2):
            edit(root, "tiny-a", aliases={"stable": stable})
            await app.control().load("tiny-a")
        edit(root, "tiny-a", aliases={"stable": 2}, version_policy={"latest": 1})
        await app.control().load("tiny-a")
        over.set()

        await asyncio.gather(*clients)
        kinds = {is_of(answer, "tiny-a") for answer in answers}
        assert kinds == {True, False}
        assert app.served.versions("tiny-a") == ["2"]


async def test_rebuilt_variant_is_served_after_a_load(root, store):
    async with running(root, store) as app:
        await ask(app.served)
        add_version(root, "tiny-a", OTHER)
        (root / "models" / "tiny-a@1.yaml").unlink()
        edit(root, "tiny-a", version=1)
        build_again(root, store)
        assert is_of(await ask(app.served), "tiny-a")

        await app.control().load("tiny-a")

        assert not is_of(await ask(app.served), "tiny-a")


async def test_files_that_were_loaded_are_kept_from_the_garbage(root, store):
    async with running(root, store) as app:
        await app.control().load("tiny-a")

    (served,) = a_blueprint(root, store).wishes["tiny-a"].editions
    assert served.card.model_file.sha256 in pinned(store)


async def test_model_added_after_the_deploy_lives_in_the_pool_for_all(root, store):
    everything = {"pool": PoolSpec(models=("*",), memory_bytes=2**30)}
    async with running(root, store, everything) as app:
        text = (root / "models" / "tiny-a.yaml").read_text()
        new = root / "models" / "tiny-new.yaml"
        new.write_text(text.replace("id: tiny-a", "id: tiny-new"))
        build_again(root, store)

        await app.control().load("tiny-new")

        assert is_of(await ask(app.served, model="tiny-new"), "tiny-a")
        assert await app.served.ready("tiny-new")
        assert (await state_of(app.control(), "tiny-new")).state == "READY"


async def test_model_that_no_deployment_takes_is_refused(root, store):
    async with running(root, store) as app:
        text = (root / "models" / "tiny-a.yaml").read_text()
        new = root / "models" / "tiny-new.yaml"
        new.write_text(text.replace("id: tiny-a", "id: tiny-new"))
        build_again(root, store)

        with pytest.raises(LoadFailed, match="no deployment takes it"):
            await app.control().load("tiny-new")


async def test_version_that_was_never_built_changes_nothing(root, store):
    async with running(root, store) as app:
        add_version(root, "tiny-a", OTHER)

        with pytest.raises(LoadFailed, match="version 2 fp32-onnx is not in the store"):
            await app.control().load("tiny-a")

        assert is_of(await ask(app.served), "tiny-a")
        assert app.board().revision() == 0


async def test_corrupt_file_changes_nothing(root, store):
    async with running(root, store) as app:
        add_version(root, "tiny-a", OTHER)
        build_again(root, store)
        file = store.file(store.card("tiny-a", 2, "fp32-onnx").model_file)
        file.chmod(0o644)
        file.write_bytes(bytes(file.stat().st_size))

        with pytest.raises(LoadFailed, match="tiny-a"):
            await app.control().load("tiny-a")

        assert is_of(await ask(app.served), "tiny-a")
        assert app.board().revision() == 0
        assert {one.version for one in await app.control().index()} == {"1"}


async def test_labels_that_nobody_can_read_change_nothing(root, store):
    async with running(root, store) as app:
        add_version(root, "tiny-a", OTHER)
        build_again(root, store)
        labels = store.card("tiny-a", 2, "fp32-onnx").labels_file
        store.path(labels.sha256).unlink()

        with pytest.raises(LoadFailed, match="is missing from the store"):
            await app.control().load("tiny-a")

        assert app.board().revision() == 0


async def test_catalogue_that_must_be_mended_changes_nothing(root, store):
    async with running(root, store) as app:
        edit(root, "tiny-a", batchin={})

        with pytest.raises(
            LoadFailed, match=r"'tiny-a': tiny-a.yaml: batchin: "
        ) as told:
            await app.control().load("tiny-a")

        assert str(root) not in str(told.value)
        assert is_of(await ask(app.served), "tiny-a")


async def test_override_holds_until_the_next_load(root, store):
    async with running(root, store) as app:
        control = app.control()

        await control.load("tiny-a", {"max_batch_size": 16})
        assert app.served.contract("tiny-a").max_batch_size == 16

        await control.load("tiny-a")
        assert app.served.contract("tiny-a").max_batch_size == 8


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"max_batch_size": "many"}, "max_batch_size: Input should be a valid integer"),
        ({"max_batch_size": 4}, "takes 8 rows, this one 4"),
        ({"dynamic_batching": {"priority_levels": 1.5}}, "dynamic_batching.priority"),
        ({"dynamic_batching": []}, "dynamic_batching: "),
        ({"instance_group": []}, "instance_group: unknown key"),
        ({"name": "other"}, "name: must be 'tiny-a', got 'other'"),
        ({"version_policy": {"specific": {"versions": [9]}}}, "no version 9"),
        ({"parameters": {"variant": {"string_value": "int7"}}}, "int7 is not in"),
    ],
)
async def test_override_that_makes_no_sense_changes_nothing(
    root, store, config, message
):
    async with running(root, store) as app:
        with pytest.raises((InvalidInput, LoadFailed), match=message):
            await app.control().load("tiny-a", config)

        assert app.served.contract("tiny-a").max_batch_size == 8
        assert app.board().revision() == 0


async def test_pipeline_takes_no_config(root, store):
    async with running(root, store) as app:
        with pytest.raises(InvalidInput, match="a pipeline takes none"):
            await app.control().load("tiny", {"max_batch_size": 4})


async def test_version_that_does_not_fit_its_pipeline_is_refused(root, store):
    async with running(root, store) as app:
        other = [{"name": "scores", "datatype": "FP32", "shape": [3]}]
        add_version(root, "tiny-a", OTHER, outputs=other)
        file = root / "models" / "tiny-a.yaml"
        file.write_text(file.read_text())

        with pytest.raises(LoadFailed):
            await app.control().load("tiny-a")

        assert is_of(await ask(app.served), "tiny-a")


async def test_storm_of_loads_and_unloads_ends_in_one_state_everywhere(root, store):
    async with running(root, store) as app:
        controls = [app.control() for _ in range(4)]

        async def turn(number):
            control, name = controls[number % 4], ("tiny-a", "tiny-b")[number % 2]
            if number % 3:
                await control.load(name)
            else:
                await control.unload(name)

        await asyncio.gather(*(turn(number) for number in range(50)))
        await controls[0].load("tiny-a")
        await controls[0].unload("tiny-b")

        for front in app.fronts:
            assert is_of(await ask(front.served), "tiny-a")
            with pytest.raises(NoAvailableVersion):
                await ask(front.served, model="tiny-b")
        index = {one.name: one for one in await controls[1].index()}
        assert {one.state for one in index["tiny-a"].replicas} == {"READY"}
        assert index["tiny-b"].state == "UNAVAILABLE"


async def test_statistics_add_up_over_replicas(root, store):
    async with running(root, store) as app:
        control = app.control()
        await control.load("tiny-a")
        for _ in range(4):
            await ask(app.served)
        await app.served.infer(Request("tiny", {"features": ROWS}))

        (model,) = await control.statistics("tiny-a")
        (pipeline,) = await control.statistics("tiny", "1")
        unasked = await control.statistics("tiny-b")

        assert (model.inference_count, model.execution_count) == (10, 5)
        assert model.memory_bytes["CPU"] > 0
        assert pipeline.inference_stats["success"].count == 1
        assert [one.inference_count for one in unasked] == [2]
        with pytest.raises(ModelNotFound):
            await control.statistics("nobody")
        with pytest.raises(VersionNotFound):
            await control.statistics("tiny-a", "9")


async def test_statistics_survive_an_unload(root, store):
    async with running(root, store) as app:
        control = app.control()
        await ask(app.served)
        await control.unload("tiny-a")
        await control.load("tiny-a")
        await ask(app.served)

        (model,) = await control.statistics("tiny-a")

        assert model.inference_count == 4
        assert model.residency["loads"] == 1 + len(app.fronts)  # one, then one each
        assert model.residency["resident"] == {"onnxruntime": len(app.fronts)}


async def test_index_says_what_runs_a_model(root, store):
    async with running(root, store) as app:
        await ask(app.served)

        found = (await state_of(app.control())).replicas

        assert {one.runtime for one in found} == {"onnxruntime"}


async def test_caller_that_leaves_does_not_stop_a_load(root, store):
    async with running(root, store) as app:
        control = app.control()
        asked = asyncio.ensure_future(control.load("tiny-a"))
        await asyncio.sleep(0)

        asked.cancel()
        await control.load("tiny-b")
        await control.load("tiny-a")

        assert {one.state for one in (await state_of(control)).replicas} == {"READY"}


async def test_models_outside_of_pools_follow_too(root, store):
    async with running(root, store, {}) as app:
        control = app.control()
        assert (await state_of(control)).state == "READY"

        await control.unload("tiny-a")
        with pytest.raises(NoAvailableVersion):
            await ask(app.served)
        await control.load("tiny-a")
        assert is_of(await ask(app.served), "tiny-a")
        assert json.loads(next(iter(app.keys.kept.values())))["revision"] == 1
