# SPDX-License-Identifier: BSD-2-Clause
"""The golden configuration: which settings of a forwarder matter, and by how much.

Every value of every setting is measured against the defaults in interleaved rounds, one setting changed at a time, beside
the defaults under a second name (the noise). Values that cannot win any more leave after some rounds. What is then better
than the defaults with an interval that excludes 1 (and the noise) is put together, and the combination is measured
against the defaults in fresh rounds: the best of many candidates is partly luck. "No setting has an effect above the noise
here" is an answer.
"""
from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from .errors import DutError
from .stats import sign_interval

Settings = dict[str, Any]


@dataclass(frozen=True)
class Knob:
    name: str
    default: Any
    values: tuple[Any, ...]  # the others


@dataclass
class Candidate:
    name: str
    value: Any
    ratios: list[float] = field(default_factory=list)  # against the defaults of the same round; above 1 is better
    out: str = ""  # why it left

    def effect(self) -> dict[str, Any]:
        row: dict[str, Any] = {"name": self.name, "value": self.value, "rounds": len(self.ratios), "left": self.out or None}
        if self.ratios:
            low, high, confidence = sign_interval(self.ratios)
            row |= {"effect": median(self.ratios) - 1, "low": low - 1, "high": high - 1, "confidence": confidence}
        return row


class Tuner:
    """`measure(settings)` starts the device with them and returns the objective; it may raise DutError: those settings do not work.

    lower_is_better: the objective is a time or a cost. time_limit in seconds, for all of it; `clock` and `rng` for tests.
    """

    ROUNDS_LEAST = 7  # before anything is called an effect: the interval of the sign test needs them
    ROUNDS_SCREEN = 4  # before a value may leave
    HOPELESS = 0.98  # a value whose best round so far is below that leaves

    def __init__(self, knobs: Sequence[Knob], measure: Callable[[Settings], float], *, lower_is_better: bool = False,
                 time_limit: float = 900.0, clock: Callable[[], float] = time.monotonic, rng: random.Random | None = None,
                 say: Callable[[str], None] = lambda _: None) -> None:
        self.knobs = list(knobs)
        self.measure = measure
        self.lower = lower_is_better
        self.limit = time_limit
        self.clock = clock
        self.rng = rng or random.Random()
        self.say = say
        self.defaults: Settings = {k.name: k.default for k in knobs}
        self.noise = Candidate("(defaults again)", None)

    def run(self) -> dict[str, Any]:
        self.began = self.clock()
        candidates = [Candidate(k.name, v) for k in self.knobs for v in k.values]
        self._screen(candidates, until=0.7 * self.limit)
        chosen = self._choose(candidates)
        verified = self._verify(chosen, until=self.limit) if chosen else None
        better = verified is not None and verified["low"] > 0 and verified["rounds"] >= self.ROUNDS_LEAST
        noise = self.noise.effect()
        return {"settings": [c.effect() for c in candidates], "noise": noise, "defaults": self.defaults,
                "winner": {**self.defaults, **chosen} if better else dict(self.defaults),
                "changed": chosen if better else {}, "tried": chosen, "verified": verified,
                "answer": self._answer(chosen, verified, better), "seconds": self.clock() - self.began}

    def _ratio(self, value: float, base: float) -> float:
        return base / value if self.lower else value / base

    def _screen(self, candidates: list[Candidate], until: float) -> None:
        rounds = 0
        while True:
            started = self.clock()
            open_ones = [c for c in candidates if not c.out]
            if not open_ones:
                return
            self._round(open_ones)
            rounds += 1
            if rounds >= self.ROUNDS_SCREEN:
                for c in open_ones:
                    if not c.out and max(c.ratios) < self.HOPELESS:
                        c.out = "worse in every round"
            took = self.clock() - started
            self.say(f"round {rounds}: {len(open_ones)} values beside the defaults, {took:.0f} s")
            if self.clock() - self.began + took > until:
                return

    def _round(self, open_ones: list[Candidate]) -> None:
        """Defaults, their twin and every open value, in random order; the pairs are those of this round."""
        order: list[Candidate | None] = [None, self.noise, *open_ones]
        self.rng.shuffle(order)
        seen: list[tuple[Candidate, float]] = []
        base = None
        for c in order:
            try:
                value = self.measure({**self.defaults, **({c.name: c.value} if c and c is not self.noise else {})})
            except DutError as e:
                if c is None or c is self.noise:
                    raise
                c.out = f"does not work: {e}"
                continue
            if c is None:
                base = value
            else:
                seen.append((c, value))
        assert base is not None
        for c, value in seen:
            c.ratios.append(self._ratio(value, base))

    def _choose(self, candidates: list[Candidate]) -> Settings:
        """Of each setting the value with the largest median whose interval excludes 1 and whose effect exceeds that of the noise."""
        chosen: dict[str, Candidate] = {}
        noise = abs(median(self.noise.ratios) - 1) if self.noise.ratios else 0.0
        for c in candidates:
            if c.out or len(c.ratios) < self.ROUNDS_LEAST:
                continue
            low, _, _ = sign_interval(c.ratios)
            if low <= 1 or median(c.ratios) - 1 <= noise:
                continue
            if c.name not in chosen or median(c.ratios) > median(chosen[c.name].ratios):
                chosen[c.name] = c
        return {name: c.value for name, c in chosen.items()}

    def _verify(self, chosen: Settings, until: float) -> dict[str, Any]:
        ratios: list[float] = []
        while len(ratios) < 11:
            started = self.clock()
            pair: list[Settings] = [{}, chosen]
            self.rng.shuffle(pair)
            values = {bool(s): self.measure({**self.defaults, **s}) for s in pair}
            ratios.append(self._ratio(values[True], values[False]))
            took = self.clock() - started
            if len(ratios) >= self.ROUNDS_LEAST and self.clock() - self.began + took > until:
                break
        low, high, confidence = sign_interval(ratios)
        return {"effect": median(ratios) - 1, "low": low - 1, "high": high - 1, "confidence": confidence, "rounds": len(ratios)}

    def _answer(self, chosen: Settings, verified: dict[str, Any] | None, better: bool) -> str:
        if verified is None:
            few = len(self.noise.ratios) < self.ROUNDS_LEAST
            return ("too few rounds in this time to say anything" if few else "no setting has an effect above the noise here")
        words = ", ".join(f"{k} = {v}" for k, v in chosen.items())
        if better:
            return f"{words}: {verified['effect']:+.1%} against the defaults ({verified['low']:+.1%} to {verified['high']:+.1%})"
        return f"{words} looked better, but not in fresh rounds ({verified['low']:+.1%} to {verified['high']:+.1%}): keep the defaults"
