"""The Spec of a recording as a model sees it: a picture of loudness by time and pitch.

What computes it, in whole numbers only: `models/audio/front_end.py`, and the same for
devices in `models/audio/front_end.c`.
"""

from typing import Literal

from pydantic import Field, model_validator

from configs.spec import Spec


class AudioSpec(Spec):
    """How PCM of 16 bits, one channel, becomes a model's float input [1, frames, bands].

    Each frame is weighted by a Hann window and transformed; triangles on the mel scale sum
    its power up, of which the logarithm is taken. The loudest value of a recording becomes
    255, what is too far below it 0: how loud somebody speaks does not count. The input is
    `(value - mean) / std`.
    """

    kind: Literal["log-mel-1"] = Field(
        "log-mel-1", description="Names the arithmetic, to the last bit."
    )
    rate_hz: int = Field(16_000, ge=1_000, le=48_000)
    samples: int = Field(16_000, ge=64, le=480_000, description="Of one recording.")
    frame_samples: Literal[64, 128, 256, 512, 1024] = 512
    hop_samples: int = Field(320, ge=1)
    bands: int = Field(40, ge=1, le=128)
    low_hz: float = Field(60.0, ge=0)
    high_hz: float = Field(7_600.0, gt=0)
    steps_per_octave: int = Field(
        12, ge=1, le=64, description="Of power: 12 steps are 3 dB."
    )
    quietest: int = Field(
        408,
        ge=0,
        le=65_535,
        description="In steps: a recording counts as at least so loud, so that silence "
        "stays dark.",
    )
    mean: float = 127.0
    std: float = Field(128.0, gt=0)

    @model_validator(mode="after")
    def _fits_together(self) -> "AudioSpec":
        if self.samples < self.frame_samples:
            raise ValueError("samples must hold at least one frame")
        if not self.low_hz < self.high_hz <= self.rate_hz / 2:
            raise ValueError("low_hz < high_hz <= rate_hz / 2 must hold")
        return self

    @property
    def frames(self) -> int:
        """Whole frames of one recording."""
        return 1 + (self.samples - self.frame_samples) // self.hop_samples

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the picture: frames, bands, one channel."""
        return self.frames, self.bands, 1
