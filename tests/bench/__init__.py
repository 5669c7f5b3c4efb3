"""The benchmark command: ``python -m tests.bench``; every unit beside what it costs by hand.

Floors are timed in the same process right before and after their unit, so ratios hold on noisy machines.
"""
