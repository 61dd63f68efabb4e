"""Do compiled weights compute their programs on PyTorch as well, on any device it knows?

    pip install torch
    cargo build --release
    python3 tests/torch/runs.py [--device cuda] [--inputs 200] [--raspc target/release/raspc]

Every model in compiled/ runs on random inputs, in batches, in f32; what it decodes to is compared with the
program's outputs, by `raspc run`. Inputs on which the program has no value are passed over.
"""

import argparse, json, pathlib, random, struct, subprocess, tempfile
from fractions import Fraction
import torch
from losses import logits

ROOT = pathlib.Path(__file__).resolve().parents[2]


def load(path):
    """The configuration of a model, and its tensors by name."""
    file = path.read_bytes()
    (size,) = struct.unpack("<Q", file[:8])
    header = json.loads(file[8 : 8 + size])
    config = json.loads(header.pop("__metadata__")["raspc"])["config"]
    data = bytearray(file[8 + size :])

    def tensor(x):
        begin, end = x["data_offsets"]
        entries = torch.frombuffer(data[begin:end], dtype=torch.float32) if end > begin else torch.zeros(0)
        return entries.reshape(x["shape"])

    # What small models leave out.
    plain = {"norm": None, "positions": "learned", "biases": "neurons", "tied": False}
    return {**plain, **config}, {name: tensor(x) for name, x in header.items()}


def random_inputs(config, n, rng):
    """Inputs of all lengths: an object with a list per column."""
    longest = config["n_ctx"] - config["bos"]
    for _ in range(n):
        length = rng.randint(1, longest)
        yield {c["name"]: rng.choices(c["vocabulary"], k=length) for c in config["columns"]}


def meaning(raspc, program, inputs):
    """What the program says of each input; None where it has no value."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("".join(json.dumps(x) + "\n" for x in inputs))
        file.flush()
        run = subprocess.run([raspc, "run", program, "--inputs", file.name, "--json"], capture_output=True, text=True)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return [line.get("outputs") for line in lines]


def number(value):
    return Fraction(value["ratio"]) if isinstance(value, dict) else Fraction(value)


def agrees(decode, row, value):
    """Whether the logits of one position mean this value of the program."""
    if decode["kind"] == "categorical":
        decoded = decode["values"][int(row.argmax())]
        return (float(number(decoded)) if isinstance(decoded, dict) else decoded) == value
    if decode["values"]:
        return float(min(map(number, decode["values"]), key=lambda v: abs(v - Fraction(row[0].item())))) == value
    return abs(Fraction(row[0].item()) - Fraction(value)) <= number(decode["bound"]) + Fraction(2) ** -40 * abs(Fraction(value))


def compare(path, raspc, n, device, rng):
    config, weights = load(path)
    inputs = list(random_inputs(config, n, rng))
    program = ROOT / "programs" / path.relative_to(ROOT / "compiled").with_suffix(".rasp")
    pairs = [(x, y) for x, y in zip(inputs, meaning(raspc, program, inputs)) if y is not None]
    bos = int(config["bos"])
    lengths = torch.tensor([bos + len(next(iter(x.values()))) for x, _ in pairs])
    columns = []
    for c in config["columns"]:
        place = {json.dumps(v): i for i, v in enumerate(c["vocabulary"])}
        rows = [[len(place)] * bos + [place[json.dumps(v)] for v in x[c["name"]]] for x, _ in pairs]
        columns.append(torch.tensor([row + [0] * (config["n_ctx"] - len(row)) for row in rows], device=device))
    weights = {name: w.to(device) for name, w in weights.items()}
    wrong = set()
    if pairs:
        for output, all_logits in zip(config["outputs"], logits(config, weights, lengths.to(device), columns)):
            for i, (_, outputs) in enumerate(pairs):
                values = outputs[output["name"]]["values"]
                same = (agrees(output["decode"], all_logits[i, bos + p].cpu(), v) for p, v in enumerate(values))
                if not all(same):
                    wrong.add(i)
    return len(pairs), [pairs[i][0] for i in sorted(wrong)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--inputs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--raspc", default=ROOT / "target/release/raspc")
    args = parser.parse_args()
    # TF32 rounds factors to 10 bits, which no compiled model is made for.
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    models, total, failed = sorted((ROOT / "compiled").rglob("*.safetensors")), 0, []
    for path in models:
        n, wrong = compare(path, args.raspc, args.inputs, args.device, random.Random(args.seed))
        total += n
        failed += [(path.stem, x) for x in wrong]
        print(f"{path.stem}: {n - len(wrong)} of {n} inputs alike", flush=True)
    print(f"{len(models)} models on {args.device}, {total} inputs, {len(failed)} unlike")
    for name, x in failed[:10]:
        print(f"  {name}: {json.dumps(x)}")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
