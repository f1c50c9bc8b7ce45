"""``python -m napari_dsc``, the same program as ``napari-dsc``."""

import sys

from napari_dsc.cli import main

if __name__ == "__main__":
    sys.exit(main())
