"""Latents of every bin, from a fitted model."""
