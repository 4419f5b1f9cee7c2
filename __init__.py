"""talkbench: compares talking-head video codecs, with real bytes, sealed decoding and settled metrics."""

from .core.version import __version__

__all__ = ["__version__"]
