"""Environment steps per second of one peer: one algorithm in one configuration, in a process of its own.

    python peer.py LIBRARY ALGORITHM CONFIGURATION STEPS

Prints a line of JSON: steps, seconds by the clock and on the CPU (all threads), and the most memory that was resident.
One thread. Importing, building and a first learning of the warm-up below do not count (JAX compiles in it).

Left out: how well the peers learn.
"""

import json
import os
import resource
import sys
import time

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

# Environments, steps of each, minibatch, epochs.
PPO = {"c1": (4, 128, 128, 4), "c2": (1, 2048, 64, 10), "c4": (64, 128, 2048, 4)}


def ppo_settings(configuration):
    n_envs, n_steps, batch_size, n_epochs = PPO[configuration]
    return n_envs, {"n_steps": n_steps, "batch_size": batch_size, "n_epochs": n_epochs}


def stable_baselines(library, algorithm, configuration):
    """A learner of Stable-Baselines3, its contrib package or its JAX port, and the steps of the warm-up."""
    import torch
    from stable_baselines3.common.env_util import make_vec_env

    torch.set_num_threads(1)
    if library == "sbx":
        import sbx as package
    elif algorithm == "recurrent":
        import sb3_contrib as package
    else:
        import stable_baselines3 as package
    task, n_envs, settings, warm_up = "CartPole-v1", 1, {}, 512
    policy, name = "MlpPolicy", algorithm.upper()
    if algorithm == "ppo":
        n_envs, settings = ppo_settings(configuration)
        warm_up = n_envs * settings["n_steps"]
    elif algorithm == "a2c":
        n_envs = 8
    elif algorithm in ("ddpg", "td3", "sac"):
        task = "Pendulum-v1"
    elif algorithm == "recurrent":
        name, policy, warm_up = "RecurrentPPO", "MlpLstmPolicy", 128
    if library == "sb3":
        settings["device"] = "cpu"
    env = make_vec_env(task, n_envs=n_envs, seed=1)
    learner = getattr(package, name)(policy, env, seed=1, **settings)

    def learn(steps):
        before = learner.num_timesteps
        learner.learn(total_timesteps=steps, reset_num_timesteps=False)
        return learner.num_timesteps - before

    return learn, warm_up


def rlox(algorithm, configuration):
    """A learner of rlox and the steps of the warm-up."""
    import torch
    from rlox.algorithms.ppo import PPO as Learner

    torch.set_num_threads(1)
    if algorithm != "ppo":
        raise SystemExit(f"rlox: {algorithm} is not compared")
    n_envs, settings = ppo_settings(configuration)
    rollout = n_envs * settings["n_steps"]
    learner = Learner(env_id="CartPole-v1", n_envs=n_envs, seed=1, **settings)

    def learn(steps):
        learner.train(total_timesteps=steps)
        return max(1, steps // rollout) * rollout

    return learn, rollout


def main():
    library, algorithm, configuration, steps = sys.argv[1:]
    if library == "rlox":
        learn, warm_up = rlox(algorithm, configuration)
    else:
        learn, warm_up = stable_baselines(library, algorithm, configuration)
    learn(warm_up)
    clock, cpu = time.perf_counter(), time.process_time()
    done = learn(int(steps))
    wall, cpu = time.perf_counter() - clock, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1.024e-3
    print(json.dumps({"steps": done, "wall_seconds": wall, "cpu_seconds": cpu, "memory_mb": memory}))


if __name__ == "__main__":
    main()
