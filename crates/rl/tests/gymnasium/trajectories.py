"""Plays whole episodes of Gymnasium's classic control tasks and prints one as JSON on each line.

    python trajectories.py TASK

Every seed is played by a random policy and by one that gets somewhere (balances, or pushes along with the motion), so
that episodes end in all the ways they can. A line has the seed, the policy's name, the start state and its observation, and for
each step the action, the state after it, its observation, the reward and both flags. States have double precision.
"""

import json
import sys

import gymnasium
import numpy


def balance(state):
    x, velocity, angle, angular = state
    return int(0.1 * x + 0.3 * velocity + 2.0 * angle + 0.6 * angular > 0)


def along(speed, actions):
    return actions[int(speed >= 0)]


STEEP = numpy.array([-1.0], numpy.float32), numpy.array([1.0], numpy.float32)
TORQUES = numpy.array([-2.0], numpy.float32), numpy.array([2.0], numpy.float32)
# Policies by task, as functions of the state.
POLICIES = {
    "CartPole-v1": balance,
    "Acrobot-v1": lambda state: along(state[3], (0, 2)),
    "MountainCar-v0": lambda state: along(state[1], (0, 2)),
    "MountainCarContinuous-v0": lambda state: along(state[1], STEEP),
    "Pendulum-v1": lambda state: along(state[1], TORQUES),
}


def play(name, seed, policy):
    env = gymnasium.make(name)
    obs, _ = env.reset(seed=seed)
    env.action_space.seed(seed)

    def state():
        return [float(x) for x in env.unwrapped.state]

    episode = {"seed": seed, "policy": policy, "start": state(), "start_obs": obs.tolist(), "steps": []}
    over = False
    while not over:
        action = env.action_space.sample() if policy == "random" else POLICIES[name](state())
        obs, reward, terminated, truncated, _ = env.step(action)
        over = bool(terminated or truncated)
        step = {"action": numpy.ravel(action).tolist(), "state": state(), "obs": obs.tolist()}
        step |= {"reward": float(reward), "terminated": bool(terminated), "truncated": bool(truncated)}
        episode["steps"].append(step)
    return episode


for seed in range(1, 6):
    for policy in ["random", "able"]:
        print(json.dumps(play(sys.argv[1], seed, policy)))
