"""The recordings of a dataset as pictures."""

import numpy as np

from configs.audio import AudioSpec
from models.audio.front_end import Pictures, log_mel
from models.audio.recordings import BadRecording, decode_wav, fitted
from models.datasets import Dataset
from models.errors import SourceUnreachable
from models.progress import Progress, silent


def pictures(
    dataset: Dataset, spec: AudioSpec, progress: Progress = silent
) -> Pictures:
    """Every recording as a model with this `spec` hears it, [n, frames, bands, 1].

    Raises:
        SourceUnreachable: a file is no recording that can be taken.
    """
    count = len(dataset.photos)
    pcm = np.empty((count, spec.samples), np.int16)
    for row, recording in enumerate(dataset.photos):
        try:
            heard = decode_wav(recording.file.read_bytes(), spec.rate_hz)
        except (BadRecording, OSError) as error:
            raise SourceUnreachable(str(recording.file), str(error)) from error
        pcm[row] = fitted(heard, spec)
        progress(f"read {dataset.name}", row + 1, count)
    return log_mel(pcm, spec)
