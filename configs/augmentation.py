"""The Spec of how training photos and recordings are varied."""

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from configs.spec import Spec


class AugmentationSpec(Spec):
    """How training photos are varied; all of it is drawn from the recipe's seed.

    The height of a recording's picture is time and its width pitch.
    """

    flip: bool = Field(False, description="Mirror left and right, every second time.")
    shift_px: int = Field(0, ge=0, le=256, description="Move by up to so many pixels.")
    zoom: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Stretch height and width, each for itself, by up to 1 ± this.",
    )
    brightness: float = Field(0.0, ge=0, lt=1, description="Scale by up to 1 ± this.")
    noise: float = Field(0.0, ge=0, le=1, description="Noise, in units of the input.")
    mixup: float = Field(0.0, ge=0, description="Alpha of mixup; 0: none.")

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Pieces made before there was `zoom` keep their keys."""
        said: dict[str, object] = plain(self)
        return said if self.zoom else {k: v for k, v in said.items() if k != "zoom"}
