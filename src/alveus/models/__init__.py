"""Encoders, decoders, likelihoods, priors and the objectives that sum their terms."""
