"""The residency of a real replica: with a black box, and the accelerator's memory."""

import logging
from pathlib import Path

from configs.pool import PoolSpec
from deployments.residency.blackbox import BlackBox, run_folder
from deployments.residency.loading import Loader
from deployments.residency.memory import Gauge, private, with_device
from deployments.residency.residency import Residency
from deployments.residency.sizes import Sizes

log = logging.getLogger(__name__)


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
        Sizes(on_device),
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
