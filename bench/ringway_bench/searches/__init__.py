# SPDX-License-Identifier: BSD-2-Clause
"""Searches: which loads to try, and what the trials say. They know a model.Measurer and nothing of wires.

    search = build("mlrsearch", {"goals": ["ndr", "pdr"]})
    results = search.run(measurer, Limits(maximum=ceiling))
"""
from .binary import BinarySearch
from .burst import BackToBack, BurstMeasurer
from .mlr import GOALS, Goal, MlrSearch
from .recovery import Overloaded, RecoveryMeasurer, ResetMeasurer, ResetTime, SystemRecovery
from .registry import METHODS, Method, Param, Search, build
from .repeat import Disturbed, Limits, NoTraffic, OutOfBudget, Repeating, within_reach
from .simple import FrameLossRate, MaximumReceiveRate, Soak

__all__ = [
    "GOALS", "METHODS", "BackToBack", "BinarySearch", "BurstMeasurer", "Disturbed", "FrameLossRate", "Goal", "Limits",
    "MaximumReceiveRate", "Method", "MlrSearch", "NoTraffic", "OutOfBudget", "Overloaded", "Param", "RecoveryMeasurer",
    "Repeating", "ResetMeasurer", "ResetTime", "Search", "Soak", "SystemRecovery", "build", "within_reach",
]
