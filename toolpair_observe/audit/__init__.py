"""The audit of stored requests: what strict would have stopped, and what came of it.

`aggregate` sums judged units up. Its sums are bounded, and merge in any order and grouping to the
same, so that several processes or machines can each take a part.
"""
