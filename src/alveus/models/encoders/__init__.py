"""From activity to the hidden layer of a posterior; chosen by name."""

from alveus.models.encoders.encoder import Encoder
from alveus.models.encoders.mlp import MlpEncoder
from alveus.models.encoders.window import WindowEncoder

ENCODERS: dict[str, type[Encoder]] = {"mlp": MlpEncoder, "window": WindowEncoder}

__all__ = ["ENCODERS", "Encoder", "MlpEncoder", "WindowEncoder"]
