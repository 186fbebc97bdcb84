"""From latents to the features that a likelihood reads; chosen by name."""

from alveus.models.decoders.decoder import Decoder
from alveus.models.decoders.film import FilmDecoder
from alveus.models.decoders.inject import InjectDecoder
from alveus.models.decoders.linear import LinearDecoder
from alveus.models.decoders.mlp import MlpDecoder
from alveus.models.decoders.skip import SkipDecoder

DECODERS: dict[str, type[Decoder]] = {
    "linear": LinearDecoder,
    "mlp": MlpDecoder,
    "film": FilmDecoder,
    "inject": InjectDecoder,
    "skip": SkipDecoder,
}

__all__ = [
    "DECODERS",
    "Decoder",
    "FilmDecoder",
    "InjectDecoder",
    "LinearDecoder",
    "MlpDecoder",
    "SkipDecoder",
]
