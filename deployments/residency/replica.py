"""The residency of a real replica: a black box, the accelerator's memory, a record."""

import logging
from pathlib import Path

from configs.pool import PoolSpec
from deployments.residency.blackbox import BlackBox, run_folder
from deployments.residency.eviction import Room
from deployments.residency.loading import Loader
from deployments.residency.memory import Gauge, private, with_device
from deployments.residency.residency import Residency
from deployments.residency.sizes import Sizes
from models import machine
from models.footprints import Footprints

log = logging.getLogger(__name__)


class StoredRecord:
    """Implements `sizes.Record` beside the store."""

    def __init__(self, store: Path) -> None:
        self._footprints = Footprints(store, machine.kind(machine.describe()))

    def read(self, digest: str) -> Room | None:
        """See `Record.read`."""
        fact = self._footprints.of(digest)
        return None if fact is None else Room(fact.host_bytes, fact.device_bytes)

    def keep(self, digest: str, taken: Room) -> None:
        """See `Record.keep`."""
        self._footprints.keep(digest, taken.host, taken.device)


def open_residency(spec: PoolSpec | None, store: Path) -> Residency:
    """What a replica that serves `store` keeps its models in.

    Has Python write down fatal signals from now on, so call it in a replica's process
    only, and once.
    """
    pool = spec or PoolSpec()
    on_device = pool.device_memory_bytes is not None
    gauge: Gauge = with_device() if on_device else private
    loader = Loader(
        pool.parallel_loads,
        pool.load_timeout_s,
        gauge,
        _open_box(run_folder(store)),
        Sizes(on_device, StoredRecord(store)),
    )
    return Residency(pool, loader)


def _open_box(folder: Path) -> BlackBox | None:
    try:
        box = BlackBox(folder)
        box.listen()
    except OSError as error:  # serving matters more than knowing why it ended
        log.warning("deaths of replicas are not attributed to models: %s", error)
        return None
    return box
