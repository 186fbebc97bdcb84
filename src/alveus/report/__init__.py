"""Pages: what a session's latents are worth, in words, tables and figures, as one self-contained file."""
