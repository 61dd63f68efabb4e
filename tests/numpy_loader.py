"""Compares docs/raspc_numpy.py with `raspc run` on random inputs of every length.

    python3 tests/numpy_loader.py [--inputs 200] RASPC MODEL...

Numbers without a list of values to choose from may differ by the bound of the model and by what f32 rounds
(1e-5 of the number, or of 1). Classes must be equal, unless their logits are equal up to the same rounding:
those are counted as ties.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
from fractions import Fraction

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "docs"))
import raspc_numpy

ROUNDING = 1e-5


def samples(config, n, rng):
    longest = config["n_ctx"] - config["bos"]
    lengths = [1, longest] + [rng.randint(1, longest) for _ in range(n - 2)]
    for length in lengths[:n]:
        yield [rng.choices(column["vocabulary"], k=length) for column in config["columns"]]


def as_json(value):
    """As raspc reads it: a fraction is written as a ratio."""
    return {"ratio": str(value)} if isinstance(value, Fraction) else value


def compare(output, found, logits, expected):
    """Whether each position has the value that raspc gives; how many have another one that ties with it."""
    decode, ties = output["decode"], 0
    for value, row, other in zip(found, logits, expected, strict=True):
        if type(value) is type(other) and value == other or isinstance(value, Fraction) and float(value) == other:
            continue
        if decode["kind"] == "categorical":
            best = np.sort(row)
            tie = best[-1] - best[-2] <= ROUNDING * max(1, abs(best[-1]))
        elif decode["values"]:
            near = sorted(abs(v - Fraction(float(row[0]))) for v in decode["values"])
            tie = near[1] - near[0] <= ROUNDING
        else:
            slack = 2 * decode["bound"] + ROUNDING * max(1, abs(other))
            if abs(value - other) <= slack:
                continue
            tie = False
        if not tie:
            return None
        ties += 1
    return ties


def main(raspc, models, n):
    rng = random.Random(0)
    compared = positions = ties = 0
    for path in models:
        model = raspc_numpy.load(path)
        inputs = list(samples(model.config, n, rng))
        names = [column["name"] for column in model.config["columns"]]
        lists = [[[as_json(value) for value in column] for column in columns] for columns in inputs]
        lines = "".join(json.dumps(dict(zip(names, columns))) + "\n" for columns in lists)
        # Inputs that a program's lengths and assumptions exclude are answered with an error.
        answer = subprocess.run([raspc, "run", "--json", path], input=lines, capture_output=True, text=True)
        before = compared
        for columns, line in zip(inputs, answer.stdout.splitlines(), strict=True):
            expected = json.loads(line).get("outputs")
            if expected is None:
                continue
            found, logits = model.run(columns), model.logits(columns)
            for output, rows in zip(model.config["outputs"], logits):
                name = output["name"]
                tied = compare(output, found[name], rows, expected[name]["values"])
                assert tied is not None, (path, columns, name, found[name], expected[name]["values"])
                ties += tied
                positions += len(rows)
            compared += 1
        assert compared > before, f"{path}: raspc runs none of the inputs"
    print(f"{len(models)} models, {compared} inputs, {positions} values: NumPy and raspc agree, {ties} ties")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("raspc")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--inputs", type=int, default=200)
    arguments = parser.parse_args()
    main(arguments.raspc, arguments.models, arguments.inputs)
