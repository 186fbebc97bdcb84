"""Latents and behaviour to how far single latents stand for single covariates, with floors and intervals."""

from alveus.scores.disentanglement.table import disentanglement_rows

__all__ = ["disentanglement_rows"]
