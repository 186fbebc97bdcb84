"""Raw neural recordings to low-dimensional latents you can trust."""

__version__ = "0.1.0"
