"""Makes the model and the targets that `touchline demo` trades on: `make demo-models`.

    .venv/bin/python marketdata/demo_models.py

Needs the research extra. The model is trained on synthetic flow alone. The targets are whole lots
that hierarchical risk parity chooses from the S&P 500 prices in the package skfolio; of the prices
nothing but these numbers is kept. What is made is committed, so that a venue needs no research to
run; the same versions make the same files.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from touchline.core.replay import Members
from touchline.models.command import train_tape
from touchline.models.labels import Horizon
from touchline.models.training import Options

HERE = Path(__file__).resolve().parent / "touchline" / "marketdata"
INTO = HERE / "demo_models"
SYMBOL, STRATEGY = "AAPL", "follower"
SEED, COMMANDS = 7, 200_000
TREES, LEAVES, HORIZON = 30, 15, "20b"
METHOD, CAPITAL, VALID_S = "hrp", 5_000_000, 86_400
PACKAGES = ("lightgbm", "numpy", "onnx", "scikit-learn", "scipy", "skfolio")


def tape_of(folder: Path) -> Path:
    """Synthetic flow of one stock of the demo, played through the matcher onto a tape."""
    tape = folder / "flow.tape"
    arguments = ["simulate", "--config", str(HERE / "demo.toml"), "--symbol", SYMBOL]
    arguments += ["--parameters", str(HERE / "demo_stocks.toml"), "--seed", str(SEED)]
    members = Members([*arguments, "--commands", str(COMMANDS), "--into", str(tape)])
    try:
        for told in members:
            said = told
    finally:
        members.close()
    print(f"{said['tape_records']:,} public records of {SYMBOL}")
    return tape


def model_of(tape: Path, folder: Path) -> dict[str, Any]:
    """Train on the tape, keep the model, and return what the report says of it."""
    options = Options(
        horizon=Horizon.parse(HORIZON), seed=SEED, rounds_max=TREES, leaves=LEAVES, patience=TREES
    )
    sha256 = hashlib.sha256(tape.read_bytes()).hexdigest()
    source = {"name": "synthetic flow", "sha256": sha256, "instrument": SYMBOL}
    report = train_tape(tape, folder / "model", options=options, source=source)
    content = (folder / "model" / "model.onnx").read_bytes()
    (INTO / "taker.onnx").write_bytes(content)
    return report


def targets() -> None:
    """Let the optimiser write the file of targets; of it only the positions are kept."""
    path = INTO / "follower.json"
    command = [sys.executable, "-m", "touchline.core", "optimise", str(HERE / "demo.toml")]
    command += [STRATEGY, "--method", METHOD, "--capital", str(CAPITAL)]
    command += ["--valid-s", str(VALID_S), "--into", str(path)]
    subprocess.run(command, check=True)
    told = json.loads(path.read_text())
    kept = {name: told[name] for name in ("source", "valid_s", "positions")}
    path.write_text(json.dumps(kept, indent=2) + "\n")


def main() -> None:
    """Make all of it, and write down how."""
    INTO.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        report = model_of(tape_of(Path(name)), Path(name))
    targets()
    files = ("taker.onnx", "follower.json")
    told = {
        "made_by": "make demo-models",
        "commit": report["made"]["commit"],
        "taker.onnx": {
            "trained_on": f"synthetic flow of {SYMBOL}, demo_stocks.toml",
            "seed": SEED,
            "commands": COMMANDS,
            "horizon": HORIZON,
            "trees": TREES,
            "leaves": LEAVES,
        },
        "follower.json": {
            "method": METHOD,
            "capital": CAPITAL,
            "prices": "S&P 500 prices of the package skfolio; not kept",
        },
        "versions": {one: version(one) for one in PACKAGES},
        "sha256": {one: hashlib.sha256((INTO / one).read_bytes()).hexdigest() for one in files},
    }
    (INTO / "manifest.json").write_text(json.dumps(told, indent=2) + "\n")
    for one in (*files, "manifest.json"):
        print(f"{(INTO / one).relative_to(HERE)}: {(INTO / one).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
