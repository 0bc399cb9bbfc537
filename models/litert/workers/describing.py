"""TFLite metadata, written and read by the code of its public schema; where MediaPipe is.

MediaPipe's package cannot be imported without its libraries for sound and pictures, so the
generated module of the schema is loaded from its file alone.
"""

import importlib.util
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import flatbuffers

NAME, IDENTIFIER = b"TFLITE_METADATA", b"M001"
FILES = ("metadata_schema_py_generated.py", "schema_py_generated.py")
OLDEST_PARSER = "1.0.0"
"""Of the schema, which had everything that is written here from its first version on."""


def answer(request: Mapping[str, Any], progress: Any) -> object:
    """Write `request["target"]`, or tell what the file `request["model"]` carries.

    Request: `said`, see `written`; without it the file is read: `metadata` as a mapping,
    and `files`, the text of each packed file by name.
    """
    if "said" not in request:
        return read(Path(request["model"]))
    Path(request["target"]).write_bytes(written(request["said"]))
    return {}


def _generated(name: str) -> Any:
    file = metadata.distribution("mediapipe").locate_file(
        f"mediapipe/tasks/metadata/{name}"
    )
    spec = importlib.util.spec_from_file_location(Path(name).stem, str(file))
    if spec is None or spec.loader is None:
        raise ImportError(f"{name} is not in MediaPipe")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


schema, models = (_generated(name) for name in FILES)


def read(file: Path) -> Mapping[str, object]:
    """What the public schema finds in `file`.

    Raises:
        ValueError: it carries no metadata.
    """
    content = file.read_bytes()
    model = models.Model.GetRootAs(content, 0)
    held = [model.Metadata(n) for n in range(model.MetadataLength())]
    found = next((one for one in held if one.Name() == NAME), None)
    if found is None:
        raise ValueError(f"{file.name} carries no metadata")
    inside = model.Buffers(found.Buffer()).DataAsNumpy().tobytes()
    if not schema.ModelMetadata.ModelMetadataBufferHasIdentifier(inside, 0):
        raise ValueError(f"the metadata of {file.name} is not {IDENTIFIER.decode()}")
    told = schema.ModelMetadataT.InitFromObj(schema.ModelMetadata.GetRootAs(inside, 0))
    return {"metadata": plain(told), "files": _packed(file)}


def _packed(file: Path) -> Mapping[str, str]:
    if not zipfile.is_zipfile(file):
        return {}
    with zipfile.ZipFile(file) as archive:
        return {n: archive.read(n).decode("utf-8") for n in archive.namelist()}


def plain(told: Any) -> Any:
    """An object of the schema as JSON can say it; what is not set is left out."""
    if isinstance(told, bytes):
        return told.decode("utf-8")
    if isinstance(told, list):
        return [plain(one) for one in told]
    if hasattr(told, "tolist"):  # numbers of NumPy, one or many
        return told.tolist()
    if hasattr(told, "__dict__"):
        fields = {key: plain(one) for key, one in vars(told).items()}
        return {key: one for key, one in fields.items() if one not in (None, [])}
    return told


def written(said: Mapping[str, Any]) -> bytes:
    """The flatbuffer of `said`: title, description, version, author, licence, input, output."""
    model, graph = schema.ModelMetadataT(), schema.SubGraphMetadataT()
    model.name, model.description = said["title"], said["description"]
    model.version, model.author = said["version"], said["author"]
    model.license, model.minParserVersion = said["licence"], OLDEST_PARSER
    graph.inputTensorMetadata = [_input(said["input"])]
    graph.outputTensorMetadata = [_output(said["output"])]
    model.subgraphMetadata = [graph]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _input(said: Mapping[str, Any]) -> Any:
    """Pixels: `size` [height, width], `channels`, `mean`, `std`, `low`, `high`."""
    found = _tensor(said)
    found.content = schema.ContentT()
    if said["is_image"]:
        image, size = schema.ImagePropertiesT(), schema.ImageSizeT()
        size.height, size.width = said["size"]
        kinds = schema.ColorSpaceType
        image.colorSpace = kinds.RGB if said["channels"] == 3 else kinds.GRAYSCALE
        image.defaultSize = size
        found.content.contentProperties = image
        found.content.contentPropertiesType = schema.ContentProperties.ImageProperties
    else:
        _are_features(found)
    unit, how = schema.ProcessUnitT(), schema.NormalizationOptionsT()
    how.mean, how.std = [said["mean"]], [said["std"]]
    unit.options = how
    unit.optionsType = schema.ProcessUnitOptions.NormalizationOptions
    found.processUnits = [unit]
    return found


def _output(said: Mapping[str, Any]) -> Any:
    """Scores: `low`, `high`, and `labels`, the name of their file or None."""
    found = _tensor(said)
    found.content = schema.ContentT()
    _are_features(found)
    if said["labels"] is not None:
        labels = schema.AssociatedFileT()
        labels.name, labels.description = said["labels"], "One label a line."
        labels.type = schema.AssociatedFileType.TENSOR_AXIS_LABELS
        found.associatedFiles = [labels]
    return found


def _tensor(said: Mapping[str, Any]) -> Any:
    found, stats = schema.TensorMetadataT(), schema.StatsT()
    found.name, found.description = said["name"], said["description"]
    stats.min, stats.max = [said["low"]], [said["high"]]
    found.stats = stats
    return found


def _are_features(found: Any) -> None:
    found.content.contentProperties = schema.FeaturePropertiesT()
    found.content.contentPropertiesType = schema.ContentProperties.FeatureProperties
