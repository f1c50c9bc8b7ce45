"""Scores of segmentations against people's annotations, as the Berkeley benchmark counts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
