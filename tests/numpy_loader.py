"""Runs compiled models with NumPy and compares them with `raspc run` on random inputs.

The loader is the one that README.md shows; this script takes it from there, so that what people
copy is what is tested. Usage: python3 tests/numpy_loader.py RASPC MODEL...
"""

import json
import pathlib
import random
import subprocess
import sys

import numpy as np


def loader():
    readme = pathlib.Path(__file__).parent.parent.joinpath("README.md").read_text()
    code = readme.split("```python\n", 1)[1].split("```", 1)[0]
    assert len(code.splitlines()) <= 40, "the loader has more than 40 lines"
    names = {}
    exec(code, names)
    return names["load"], names["run"]


def samples(config, rng):
    longest = config["n_ctx"] - config["bos"]
    for length in sorted({1, 2, longest // 2 or 1, longest}):
        for _ in range(5):
            yield [rng.choices(column["vocabulary"], k=length) for column in config["columns"]]


def close(found, expected, bound):
    """Both are within the bound of the exact number."""
    return found == expected or abs(found - expected) <= 2 * bound


def main(raspc, models):
    load, run = loader()
    rng = random.Random(0)
    compared = 0
    for path in models:
        config, weights = load(path)
        inputs = list(samples(config, rng))
        names = [column["name"] for column in config["columns"]]
        lines = "".join(json.dumps(dict(zip(names, columns))) + "\n" for columns in inputs)
        # Inputs that a program's lengths and assumptions exclude are answered with an error.
        answer = subprocess.run([raspc, "run", "--json", path], input=lines, capture_output=True, text=True)
        for columns, line in zip(inputs, answer.stdout.splitlines(), strict=True):
            expected = json.loads(line).get("outputs")
            if expected is None:
                continue
            found = run(config, weights, columns)
            for output in config["outputs"]:
                name, bound = output["name"], output["decode"].get("bound", 0)
                agree = [close(*pair, bound) for pair in zip(found[name], expected[name]["values"], strict=True)]
                assert all(agree), (path, columns, name, found[name])
            compared += 1
    print(f"{len(models)} models, {compared} inputs: NumPy and raspc agree")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
