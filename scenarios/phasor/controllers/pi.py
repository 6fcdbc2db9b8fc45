"""Swartz's PI law of phasor-based control as a process: law: {process: [python3, controllers/pi.py]}

Each phase by itself: reactive power from the magnitude's error, active power from the angle's.

    I <- I + ki e,    u = I + kp e        (per unit of base_va; only a new measurement moves I)

All actuators of a phase follow u in proportion to their rating; together they stay in its circle. While they cannot follow,
I stands still where the error pushes it further (or, with `back`, this part of what was cut off is taken back a step). It
begins when both nodes are measured, from what actuators report then, so without a bump.

Parameters: kp_v, ki_v (pu per pu), kp_angle, ki_angle (pu per rad), each for all phases or, as kp_v.a, for one; base_va of
a phase; ACT.s_va, the rating of one phase of actuator ACT; back. docs/models/own-controller.md has the protocol.
"""

import json
import math
import sys


class Loop:
    """From the error of one quantity to power per unit."""

    def __init__(self, kp, ki, back):
        self.kp, self.ki, self.back = kp, ki, back
        self.integral = self.asked = self.told = 0.0
        self.saturated = False

    def begin(self, power):
        self.integral = self.asked = self.told = power

    def step(self, error, fresh):
        error = error if math.isfinite(error) else 0.0
        frozen = self.back == 0.0 and self.saturated and self.integral * self.ki * error > 0.0
        if fresh and not frozen:
            self.integral += self.ki * error
        self.integral += self.back * (self.told - self.asked)
        self.asked = self.integral + self.kp * error
        return self.asked


class Pi:
    def __init__(self, hello):
        parameters = hello["parameters"]
        self.base_va = parameters.get("base_va", 5.0e6 / 3.0)
        self.phases = [name[len("v_pu.") :] for name in hello["inputs"] if name.startswith("v_pu.")]

        def gain(name, phase):
            return parameters.get(f"{name}.{phase}", parameters.get(name, 0.0))

        def loop(kind, phase):
            return Loop(gain(f"kp_{kind}", phase), gain(f"ki_{kind}", phase), parameters.get("back", 0.0))

        self.loops = {phase: (loop("angle", phase), loop("v", phase)) for phase in self.phases}
        # By phase: the actuators that have it, with their ratings.
        self.actuators = {phase: {} for phase in self.phases}
        for output in hello["outputs"]:
            actuator, quantity, phase = output.rsplit(".", 2)
            if quantity == "p_w" and phase in self.actuators:
                self.actuators[phase][actuator] = parameters[f"{actuator}.s_va"]
        self.known = {}  # The last good value of each channel.
        self.began = False
        self.origin = -1

    def step(self, tick, channels, ages):
        self.known.update((name, value) for name, value in channels.items() if value is not None)
        fresh = self.is_new(tick, channels, ages)
        if not self.began:
            fresh = self.begin()
        if not self.began:
            return {}
        commands = {}
        for phase in self.phases:
            e_v, e_angle = self.errors(phase)
            by_angle, by_v = self.loops[phase]
            p, q = by_angle.step(e_angle, fresh), by_v.step(e_v, fresh)
            commands.update(self.shared(phase, p, q))
        return commands

    def begin(self):
        """Begins from what actuators report, once both nodes are measured. Whether they are."""
        needed = ("v_pu", "angle_deg", "reference.angle_deg")
        self.began = all(f"{name}.{phase}" in self.known for name in needed for phase in self.phases)
        for phase, loops in self.loops.items():
            for loop, quantity in zip(loops, ("p_w", "q_var")):
                reports = (self.known.get(f"{name}.{quantity}.{phase}", 0.0) for name in self.actuators[phase])
                loop.begin(sum(reports) / self.base_va)
        return self.began

    def is_new(self, tick, channels, ages):
        """Whether something of the performance node was measured since the step before."""
        names = [f"v_pu.{phase}" for phase in self.phases]
        origin = max((tick - ages[name] for name in names if channels[name] is not None), default=-1)
        new, self.origin = origin > self.origin, max(origin, self.origin)
        return new

    def errors(self, phase):
        def of(name):
            return self.known.get(f"{name}.{phase}", math.nan)

        e_deg = of("target.angle_deg") - (of("angle_deg") - of("reference.angle_deg"))
        short_deg = e_deg - 360.0 * math.floor((e_deg + 180.0) / 360.0) if math.isfinite(e_deg) else math.nan
        return of("target.v_pu") - of("v_pu"), math.radians(short_deg)

    def shared(self, phase, p, q):
        """What each actuator of a phase is told."""
        rated_va = sum(self.actuators[phase].values())
        size_va = math.hypot(p, q) * self.base_va
        part = 1.0 if size_va <= rated_va else rated_va / size_va
        for loop, asked in zip(self.loops[phase], (p, q)):
            loop.told, loop.saturated = asked * part, part < 1.0
        for actuator, s_va in self.actuators[phase].items():
            share = s_va / rated_va * self.base_va if rated_va > 0.0 else 0.0
            yield f"{actuator}.p_w.{phase}", p * part * share
            yield f"{actuator}.q_var.{phase}", q * part * share


def say(answer):
    print(json.dumps(answer, separators=(",", ":"), allow_nan=False), flush=True)


def main():
    law = Pi(json.loads(sys.stdin.readline()))
    say({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        say({"tick": asked["tick"], "commands": law.step(asked["tick"], asked["channels"], asked["ages"])})


if __name__ == "__main__":
    main()
