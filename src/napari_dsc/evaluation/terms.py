"""Choices that commands offer and scores depend on; loads nothing."""

from typing import Literal

Split = Literal["train", "val", "test"]
"""Part of BSDS500."""

Zero = Literal["region", "background", "unlabelled"]
"""What the label 0 of an annotation stands for: a region like the others, the background of
objects, or pixels that do not count."""
