"""Learning curves of Stable-Baselines3 on the tasks of our own learning gates, as CSV.

    pip install -r requirements.txt
    python learning_curves.py                     # what there is to run
    python learning_curves.py ppo-cartpole --seeds 3
    python learning_curves.py --all --seeds 3     # hours

Every run writes docs/reference/learning-curves/peers/NAME.csv with a row for each seed and evaluation: the mean return
of 20 whole episodes with deterministic actions, at the start and after every twentieth of the budget, as `cargo xtask
learn` evaluates ours. Settings are those of our gate of the same name, mostly RL Zoo's. One thread of PyTorch: more
gain nothing on networks this small.
"""

import argparse
import csv
import pathlib
import time

import gymnasium
import numpy
import sb3_contrib
import stable_baselines3
import torch
from gymnasium import spaces
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize, sync_envs_normalization

EVALUATIONS, EPISODES = 20, 20
FOLDER = pathlib.Path(__file__).parents[2] / "docs/reference/learning-curves/peers"


class PositionAndAngle(gymnasium.ObservationWrapper):
    """CartPole without its velocities."""

    def __init__(self, env):
        super().__init__(env)
        box = env.observation_space
        self.observation_space = spaces.Box(box.low[[0, 2]], box.high[[0, 2]], dtype=box.dtype)

    def observation(self, observation):
        return observation[[0, 2]]


def cartpole_no_vel():
    return PositionAndAngle(gymnasium.make("CartPole-v1"))


def task(name):
    return lambda: gymnasium.make(name)


def linear(start):
    return lambda progress_remaining: progress_remaining * start


def noise(sigma):
    return NormalActionNoise(numpy.zeros(1), numpy.full(1, sigma))


ZOO_CARTPOLE = dict(n_steps=32, batch_size=256, gae_lambda=0.8, gamma=0.98, n_epochs=20, ent_coef=0.0)
ZOO_CARTPOLE |= dict(learning_rate=linear(1e-3), clip_range=linear(0.2))
SMALL = dict(policy_kwargs=dict(net_arch=[64, 64]))
DQN = SMALL | dict(learning_rate=linear(1e-3), batch_size=64, buffer_size=100_000, learning_starts=1000, gamma=0.98)
DQN |= dict(n_steps=3, gradient_steps=2, target_update_interval=500, exploration_fraction=0.16)
DQN |= dict(exploration_final_eps=0.04)
OFF_POLICY = SMALL | dict(buffer_size=20_000, learning_starts=1000, batch_size=128, learning_rate=1e-3)
RELU = dict(ortho_init=False, activation_fn=torch.nn.ReLU, net_arch=dict(pi=[64], vf=[64]))
LSTM = RELU | dict(lstm_hidden_size=64, enable_critic_lstm=True)

# Name: task, algorithm, environments, steps, settings, whether observations are normalised.
RUNS = {
    "ppo-cartpole": (task("CartPole-v1"), "PPO", 8, 100_000, ZOO_CARTPOLE, False),
    "a2c-cartpole": (task("CartPole-v1"), "A2C", 8, 500_000, dict(learning_rate=linear(7e-4), gamma=0.98), False),
    "dqn-cartpole": (task("CartPole-v1"), "DQN", 1, 100_000, DQN, False),
    "ppo-acrobot": (
        task("Acrobot-v1"),
        "PPO",
        16,
        200_000,
        dict(n_steps=64, batch_size=256, gae_lambda=0.94, gamma=0.99, n_epochs=4, learning_rate=1e-3),
        False,
    ),
    "ddpg-pendulum": (
        task("Pendulum-v1"),
        "DDPG",
        1,
        20_000,
        OFF_POLICY | dict(gamma=0.98, action_noise=noise(0.1)),
        False,
    ),
    "td3-pendulum": (
        task("Pendulum-v1"),
        "TD3",
        1,
        20_000,
        OFF_POLICY | dict(gamma=0.98, action_noise=noise(0.1)),
        False,
    ),
    "sac-pendulum": (task("Pendulum-v1"), "SAC", 1, 20_000, OFF_POLICY, False),
    "recurrent-ppo-cartpole-no-vel": (
        cartpole_no_vel,
        "RecurrentPPO",
        8,
        200_000,
        ZOO_CARTPOLE | dict(policy_kwargs=LSTM),
        True,
    ),
    "feed-forward-ppo-cartpole-no-vel": (
        cartpole_no_vel,
        "PPO",
        8,
        200_000,
        ZOO_CARTPOLE | dict(policy_kwargs=RELU),
        True,
    ),
}


def evaluate(model, make, training, seed):
    """Mean return of the first episode of EPISODES fresh environments."""
    env = DummyVecEnv([make] * EPISODES)
    if isinstance(training, VecNormalize):
        env = VecNormalize(env, training=False, norm_reward=False)
        sync_envs_normalization(training, env)
    env.seed(1_000_000 + seed)
    obs, state = env.reset(), None
    starts, running = numpy.ones(EPISODES, bool), numpy.ones(EPISODES, bool)
    returns = numpy.zeros(EPISODES)
    while running.any():
        actions, state = model.predict(obs, state=state, episode_start=starts, deterministic=True)
        obs, rewards, starts, _ = env.step(actions)
        returns += rewards * running
        running &= ~starts
    return returns.mean()


def run(name, seed):
    """Trains one seed and gives its (steps, return)."""
    make, algorithm, n_envs, total, settings, normalised = RUNS[name]
    env = DummyVecEnv([make] * n_envs)
    if normalised:
        env = VecNormalize(env, gamma=settings["gamma"], norm_reward=False)
    library = sb3_contrib if hasattr(sb3_contrib, algorithm) else stable_baselines3
    policy = "MlpLstmPolicy" if algorithm == "RecurrentPPO" else "MlpPolicy"
    model = getattr(library, algorithm)(policy, env, seed=seed, device="cpu", **settings)
    curve, every = [], total // EVALUATIONS

    def callback(_locals, _globals):
        while model.num_timesteps >= len(curve) * every and len(curve) <= EVALUATIONS:
            curve.append((model.num_timesteps, evaluate(model, make, env, seed)))
        return True

    curve.append((0, evaluate(model, make, env, seed)))
    model.learn(total, callback=callback)
    if len(curve) <= EVALUATIONS:
        curve.append((model.num_timesteps, evaluate(model, make, env, seed)))
    return curve


def write(name, rows):
    versions = f"stable-baselines3 {stable_baselines3.__version__}, sb3-contrib {sb3_contrib.__version__}"
    with open(FOLDER / f"{name}.csv", "w", newline="") as file:
        file.write(f"# {versions}, torch {torch.__version__}, gymnasium {gymnasium.__version__}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["seed", "steps", "return"])
        writer.writerows(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RUNS))
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in list(RUNS) if arguments.all else arguments.names:
        rows, clock = [], time.perf_counter()
        for seed in range(1, arguments.seeds + 1):
            curve = run(name, seed)
            rows += [(seed, steps, f"{value:.3f}") for steps, value in curve]
            # After each seed, so that what took hours is not lost.
            write(name, rows)
            print(f"{name} seed {seed}: {curve[-1][1]:.1f}", flush=True)
        print(f"{name}: {time.perf_counter() - clock:.0f} s", flush=True)
    if not arguments.names and not arguments.all:
        print("\n".join(RUNS))


if __name__ == "__main__":
    main()
