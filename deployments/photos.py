"""Photos become what models take: decoded and cut once for each size that members want."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from configs.model import BatchingSpec, ImageSpec
from configs.pipeline import ImagePreprocessSpec
from deployments.batcher import Batcher
from deployments.errors import InvalidInput
from deployments.keeping import Later
from deployments.messages import Reply, Request, Tensor, Urgency
from deployments.nodes import all_or_none
from deployments.slots import Slots
from models.imaging import BadImage, crop, decode, from_pixels

LEARN = 0.05
"""How much one crop counts in the mean of what crops take."""

Pixels = NDArray[np.uint8]

KEPT_PIXELS = 2_000_000
"""A larger photo is not kept in memory for crops that may be wanted: all are made at once."""


def crop_name(image: ImageSpec) -> str:
    """The name of the tensor that holds crops for models with this `image` spec."""
    return f"crop-{image.size_px}-{image.margin_px}"


@dataclass(frozen=True, slots=True)
class Photo:
    """One row of a request and the crops to make of it.

    `content`: an encoded file, pixels [height, width, 3], or what was opened before.
    """

    row: int
    content: bytes | Pixels | Image
    crops: tuple[str, ...]


@dataclass(slots=True)
class Cut:
    """The crops of a photo by name; `opened` as long as others may follow."""

    crops: dict[str, Pixels]
    opened: Image | None


class ImagePreprocess:
    """Photos in; UINT8 crops [rows, s, s, 3] out, one tensor a size that members want.

    Takes `image` as BYTES [rows] (encoded) or UINT8 [rows, height, width, 3] (pixels).
    Crops stay UINT8 because they may cross to another replica. Those of `later` are made
    for the rows that somebody asks for; only for a neighbour on the same replica.
    """

    def __init__(
        self,
        pipeline: str,
        images: Sequence[ImageSpec],
        spec: ImagePreprocessSpec,
        slots: Slots,
        later: Later | None = None,
    ) -> None:
        self._pipeline, self._max_pixels = pipeline, spec.max_pixels
        self._crops = {crop_name(image): image for image in images}
        late = later or Later()
        self._later = tuple(name for name in self._crops if name in late.names)
        self._first = tuple(name for name in self._crops if name not in late.names)
        self._room = late.room
        self.crop_s = 0.0
        # One photo a run: photos gain nothing from a batch, but need its queue, and
        # many in one request must not keep others waiting.
        limits = BatchingSpec(max_batch_size=1, max_queue_size=spec.max_queue_size)
        self._queue = Batcher[Photo, Cut](pipeline, limits, slots, self._run)

    @property
    def healthy(self) -> bool:
        """Whether photos still leave the queue."""
        return self._queue.healthy

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        contents = next(iter(request.inputs.values()))
        photos = [Photo(row, one, self._first) for row, one in enumerate(contents)]
        cuts = await self.cut(photos, request.urgency)
        return Reply(
            {name: np.stack([cut.crops[name] for cut in cuts]) for name in self._first},
            later={name: LaterCrops(self, name, cuts, request) for name in self._later},
        )

    async def cut(self, photos: Sequence[Photo], urgency: Urgency) -> list[Cut]:
        """Make crops; one photo that fails fails all.

        Raises:
            ServingError: as `infer`.
        """
        return await all_or_none(
            [self._queue.submit(photo, 1, urgency) for photo in photos]
        )

    def complete(self, cut: Cut, crops: dict[str, Pixels]) -> None:
        """Add crops to a photo, and let the photo go when it has all."""
        cut.crops.update(crops)
        if cut.crops.keys() >= self._crops.keys():
            cut.opened = None

    async def close(self) -> None:
        """Refuse what waits, let what runs end."""
        await self._queue.close()

    def _run(self, photos: Sequence[Photo]) -> Sequence[Cut]:
        return [self._cut(photo) for photo in photos]

    def _cut(self, photo: Photo) -> Cut:
        if isinstance(photo.content, Image):  # who asks keeps it
            return Cut(self._made(photo.content, photo.crops), None)
        try:
            opened = self._opened(photo.content)
        except BadImage as error:
            raise InvalidInput(self._pipeline, f"image {photo.row}: {error}") from error
        if self._keeps(opened):
            return Cut(self._made(opened, photo.crops), opened)
        return Cut(self._made(opened, (*photo.crops, *self._later)), None)

    def _keeps(self, opened: Image) -> bool:
        if not self._later or opened.width * opened.height > KEPT_PIXELS:
            return False
        return self._room.takes(opened)

    def _opened(self, content: bytes | Pixels) -> Image:
        if isinstance(content, bytes):
            return decode(content, self._max_pixels)
        return from_pixels(content, self._max_pixels)

    def _made(self, opened: Image, names: Sequence[str]) -> dict[str, Pixels]:
        return {name: self._crop(opened, name) for name in names}

    def _crop(self, opened: Image, name: str) -> Pixels:
        began_s = time.thread_time()
        made = crop(opened, self._crops[name])
        took_s = time.thread_time() - began_s
        self.crop_s += LEARN * (took_s - self.crop_s) if self.crop_s else took_s
        return made


class LaterCrops:
    """Implements `Deferred`: the crops of one name, each made once when it is asked for."""

    def __init__(
        self, maker: ImagePreprocess, name: str, cuts: Sequence[Cut], request: Request
    ) -> None:
        self._maker, self._name, self._cuts = maker, name, cuts
        self.urgency = request.urgency

    async def rows(self, rows: NDArray[np.int64] | None) -> Tensor:
        """See `Deferred.rows`."""
        wanted = range(len(self._cuts)) if rows is None else rows.tolist()
        photos = [
            Photo(row, opened, (self._name,))
            for row in wanted
            if (opened := self._cuts[row].opened) is not None
            and self._name not in self._cuts[row].crops
        ]
        made = await self._maker.cut(photos, self.urgency)
        for photo, cut in zip(photos, made, strict=True):
            self._maker.complete(self._cuts[photo.row], cut.crops)
        return np.stack([self._cuts[row].crops[self._name] for row in wanted])

    @property
    def spared(self) -> int:
        """Rows that nobody has asked for."""
        return sum(self._name not in cut.crops for cut in self._cuts)

    @property
    def row_s(self) -> float:
        """CPU seconds of a crop, on average."""
        return self._maker.crop_s
