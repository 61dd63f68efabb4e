"""Runs the networks that `RASPC_MUTANTS_FOLDER=DIR cargo test --test suite kernel_net` wrote, in NumPy's float32.

    python3 tests/kernel_net/oracle.py DIR

Each `PROGRAM.json` lists every input of a program with the outputs that it means there, and its networks with
whether the kernel called them proved, and whether the forward pass of the test found an input on which they are
wrong. A network that is proved but wrong, or on which the two forward passes disagree beyond rounding, ends in exit
code 1.
"""

import json, struct, sys
from fractions import Fraction
from pathlib import Path

import numpy as np

exact = lambda o: Fraction(o["ratio"]) if "ratio" in o else o
number = lambda v: isinstance(v, (bool, int, Fraction))


def load(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    config = json.loads(header.pop("__metadata__")["raspc"], object_hook=exact)["config"]
    tensor = lambda t: np.frombuffer(body[slice(*t["data_offsets"])], "<f4").reshape(t["shape"])
    return config, {name: tensor(t) for name, t in header.items()}


def is_known(config):
    """Whether the options are those of compiled networks."""
    unusual = ("norm", "tied", "positions", "biases")
    return config["activation"] == "relu" and not any(config.get(key) for key in unusual)


def same(a, b):
    """`True` is not 1."""
    return isinstance(a, bool) == isinstance(b, bool) and isinstance(a, str) == isinstance(b, str) and a == b


def place(vocabulary, value):
    return next(i for i, v in enumerate(vocabulary) if same(v, value))


def logits(config, w, inputs):
    """`[input, position, entry]` of each output, for inputs of one length: `[input][column][position]`."""
    bos = int(config["bos"])
    n = len(inputs[0][0]) + bos
    assert n <= config["n_ctx"]
    x = np.broadcast_to(w["pos_embed.w_pos"][:n], (len(inputs), n, config["d_model"]))
    for c, column in enumerate(config["columns"]):
        vocabulary = column["vocabulary"]
        rows = [[len(vocabulary)] * bos + [place(vocabulary, v) for v in each[c]] for each in inputs]
        x = x + w[f"embed.{c}.w_e"][np.array(rows)]
    hidden = np.triu(np.full((n, n), config["causal"]), 1)
    for l, layer in enumerate(config["layers"]):
        out = np.zeros_like(x)
        for h in range(len(layer["heads"])):
            q, k, v, o = (w[f"blocks.{l}.attn.{h}.w_{name}"] for name in "qkvo")
            scores = (x @ q) @ (x @ k).transpose(0, 2, 1)
            if config["attn_scale"] != "one":
                scores = scores * np.float32(max(q.shape[1], 1) ** -0.5)
            scores = np.where(hidden, np.float32(-np.inf), scores)
            pattern = np.exp(scores - scores.max(2, keepdims=True))
            out = out + pattern / pattern.sum(2, keepdims=True) @ (x @ v) @ o
        x = x + out
        if layer["d_mlp"]:
            w_in, b_in, w_out = (w[f"blocks.{l}.mlp.{name}"] for name in ("w_in", "b_in", "w_out"))
            x = x + np.maximum(x @ w_in + b_in, 0) @ w_out
    found = [x[:, bos:] @ w[f"unembed.{i}.w_u"] for i in range(len(config["outputs"]))]
    assert all(f.dtype == np.float32 for f in found)
    return found


def means(decode, row, value, within):
    """Whether logits mean just this value; see `means` in `forward.rs`."""
    if not np.isfinite(row).all():
        return False
    values = decode["values"]
    if decode["kind"] == "categorical":
        return all(same(values[i], value) for i in np.flatnonzero(row == row.max()))
    held = Fraction(float(row[0]))
    if not values:
        return number(value) and not isinstance(value, bool) and abs(value - held) <= within
    if not number(value) or not any(same(v, value) for v in values) or not all(map(number, values)):
        return False
    return all(abs(value - held) < abs(v - held) for v in values if not same(v, value))


def wrong_on(config, w, program, bounds):
    """The first input on which a network is wrong."""
    names = lambda things: [thing["name"] for thing in things]
    cases = program["cases"]
    if not is_known(config) or names(config["columns"]) != program["columns"] or names(config["outputs"]) != program["outputs"]:
        return cases[0]["input"]
    for length in sorted({len(case["input"][0]) for case in cases}):
        group = [case for case in cases if len(case["input"][0]) == length]
        if length + config["bos"] > config["n_ctx"]:
            return group[0]["input"]
        found = logits(config, w, [case["input"] for case in group])
        for i, case in enumerate(group):
            for o, expected in enumerate(case["outputs"]):
                decode, within = config["outputs"][o]["decode"], bounds[o]
                if not all(means(decode, found[o][i][p], value, within) for p, value in enumerate(expected)):
                    return case["input"]
    return None


def main(folder):
    counts = dict(programs=0, networks=0, changed=0, proved=0, proved_but_changed=0, passes_disagree=0)
    for path in sorted(folder.glob("*.json")):
        program = json.loads(path.read_text(), object_hook=exact)
        counts["programs"] += 1
        for network in program["networks"]:
            config, w = load(folder / network["file"])
            with np.errstate(all="ignore"):
                wrong = wrong_on(config, w, program, network["within"])
            counts["networks"] += 1
            counts["changed"] += wrong is not None
            counts["proved"] += network["proved"]
            if (wrong is not None) != network["changed"]:
                counts["passes_disagree"] += 1
                print(f"{network['file']}, {network['kind']}: the two forward passes disagree")
            if network["proved"] and wrong is not None:
                counts["proved_but_changed"] += 1
                print(f"{network['file']}, {network['kind']}: proved, but wrong on {wrong}")
    print(", ".join(f"{key.replace('_', ' ')} {count}" for key, count in counts.items()))
    return int(counts["programs"] == 0 or counts["proved"] == 0 or counts["proved_but_changed"] > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
