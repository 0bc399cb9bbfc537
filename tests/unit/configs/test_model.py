"""What a model that takes photos must look like."""

import pytest
from pydantic import ValidationError

from configs.catalogue import load_catalogue, packaged_catalogue
from configs.model import ModelSpec, TensorSpec


def photo_model(*inputs: TensorSpec) -> ModelSpec:
    packaged = load_catalogue(packaged_catalogue()).models["efficientnet-lite0"]
    return ModelSpec.model_validate(
        packaged.model_copy(update={"inputs": inputs}).model_dump()
    )


def planes(size: int = 224, datatype: str = "FP32") -> TensorSpec:
    return TensorSpec.model_validate(
        {"name": "input", "datatype": datatype, "shape": (3, size, size)}
    )


def test_one_float_input_of_the_size_of_its_crops_is_taken():
    assert photo_model(planes()).inputs == (planes(),)


@pytest.mark.parametrize(
    "inputs",
    [
        (planes(), planes().model_copy(update={"name": "mask"})),
        (planes(size=225),),
        (planes(datatype="UINT8"),),
    ],
)
def test_other_inputs_beside_an_image_block_are_refused(inputs: tuple[TensorSpec, ...]):
    with pytest.raises(ValidationError, match="image needs one input"):
        photo_model(*inputs)
