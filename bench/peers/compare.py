#!/usr/bin/env python3
"""This library beside its peers on this machine, in one run and one table.

    python3 bench/peers/compare.py                    # makes a virtual environment and installs the peers
    python3 bench/peers/compare.py --python PYTHON    # an interpreter that has them

Every measurement is a process of its own, on one thread; the rounds go through all rows one after the other, so that
whatever else the machine does meets them all. The figures are medians over the rounds: environment steps per second by
the clock and per second on the CPU, the latter with its range. Compare those on the CPU where the machine is shared.

A row is a line of ROWS; ours come from `crates/rl/examples/speed.rs`. A measurement that fails shows why.

Left out: how well each learns; the peers that pip does not serve.
"""

import argparse
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Algorithm, configuration, what it is, and for each library the steps to measure: a few seconds each.
ROWS = [
    ("ppo", "c1", "PPO, 4 envs × 128, minibatch 128, 4 epochs", {"ours": 400_000, "sb3": 8192, "sbx": 8192, "rlox": 8192}),
    ("ppo", "c2", "PPO, 1 env × 2048, minibatch 64, 10 epochs", {"ours": 200_000, "sb3": 4096, "sbx": 4096, "rlox": 4096}),
    ("ppo", "c4", "PPO, 64 envs × 128, minibatch 2048, 4 epochs", {"ours": 500_000, "sb3": 32768, "sbx": 32768, "rlox": 32768}),
    ("a2c", "default", "A2C, 8 envs × 5", {"ours": 1_000_000, "sb3": 12_000}),
    ("dqn", "default", "DQN, defaults", {"ours": 100_000, "sb3": 8000}),
    ("ddpg", "default", "DDPG on Pendulum, defaults", {"ours": 5000, "sb3": 600}),
    ("td3", "default", "TD3 on Pendulum, defaults", {"ours": 5000, "sb3": 600}),
    ("sac", "default", "SAC on Pendulum, defaults", {"ours": 3000, "sb3": 400}),
    ("recurrent", "default", "Recurrent PPO, LSTM 256, defaults", {"ours": 2048, "sb3": 256}),
]
NAMES = {
    "ours": "trimtab",
    "sb3": "Stable-Baselines3 (contrib for recurrent)",
    "sbx": "sbx",
    "rlox": "rlox",
}


def interpreter(arguments):
    """The Python that has the peers; they are installed into a virtual environment unless one is given."""
    if arguments.python:
        return arguments.python
    folder = pathlib.Path(arguments.venv)
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-r", HERE / "requirements.txt"], check=True)
    return str(python)


def build():
    """Builds our half; the path of the program."""
    command = ["cargo", "build", "--release", "-p", "trimtab-rl", "--example", "speed", "--message-format=json"]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in built.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "speed":
            return message["executable"]
    raise SystemExit("cargo built no example `speed`")


def measure(command):
    """What a measurement printed, or why it did not."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        reason = (done.stderr.strip() or done.stdout.strip() or "nothing printed").splitlines()[-1]
        return {"error": reason}
    return json.loads(lines[-1])


def table(rows, found):
    lines = [
        "| algorithm | library | steps/s (clock) | steps/CPU-s | range | memory, MB | ours, times faster |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for algorithm, configuration, title, libraries in rows:
        ours = None
        for library in libraries:
            runs = found[algorithm, configuration, library]
            good = [run for run in runs if "error" not in run]
            if not good:
                lines.append(f"| {title} | {NAMES[library]} | {runs[0]['error'][:80]} | | | | |")
                continue
            wall = statistics.median(run["steps"] / run["wall_seconds"] for run in good)
            rates = sorted(run["steps"] / run["cpu_seconds"] for run in good)
            cpu = statistics.median(rates)
            memory = statistics.median(run["memory_mb"] for run in good)
            ours = cpu if library == "ours" else ours
            factor = f"{ours / cpu:.0f}" if ours and library != "ours" else ""
            lines.append(
                f"| {title} | {NAMES[library]} | {wall:,.0f} | {cpu:,.0f} | {rates[0]:,.0f}–{rates[-1]:,.0f} "
                f"| {memory:.0f} | {factor} |"
            )
    return "\n".join(lines)


def processor():
    """The CPU's name, as the system tells it."""
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help="an interpreter that has the peers")
    parser.add_argument("--venv", default=str(ROOT / "target" / "peers"), help="where to install them otherwise")
    parser.add_argument("--program", help="our half, where it is built already")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", help="one algorithm")
    arguments = parser.parse_args()
    python, program = interpreter(arguments), arguments.program or build()
    rows = [row for row in ROWS if arguments.only in (None, row[0])]
    found = {}
    for _ in range(arguments.repeats):
        for algorithm, configuration, _, libraries in rows:
            for library, steps in libraries.items():
                what = [algorithm, configuration, str(steps)]
                command = [program, *what] if library == "ours" else [python, HERE / "peer.py", library, *what]
                found.setdefault((algorithm, configuration, library), []).append(measure(command))
                print(algorithm, configuration, library, found[algorithm, configuration, library][-1], file=sys.stderr)
    print(f"{processor()}, Python {platform.python_version()}, median of {arguments.repeats} rounds.\n")
    print(table(rows, found))


if __name__ == "__main__":
    main()
