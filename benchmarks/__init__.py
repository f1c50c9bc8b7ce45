"""Scripts that measured every figure of the documentation, and what they measured.

Run them in the folder of the repository, as ``python -m benchmarks.paper.table1 BSDS500``.
"""
