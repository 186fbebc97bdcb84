"""Latents of several fits to what they have in common: axes, a rotation, an affine map, or nothing."""

from alveus.scores.identifiability.compare import comparison_rows
from alveus.scores.identifiability.seeds import seed_rows

__all__ = ["comparison_rows", "seed_rows"]
