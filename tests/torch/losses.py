"""What PyTorch's losses are: fills in `losses` of every case of losses.json, beside this file.

    pip install torch
    python3 tests/torch/losses.py

Weights and batches come from hashes, by the rules that tests/parity.rs has as well.
"""

import hashlib, json, math, pathlib
import torch
import torch.nn.functional as F

FILE = pathlib.Path(__file__).with_name("losses.json")


def number(name, i):
    """A number below 2^32 for a name and an index."""
    return int.from_bytes(hashlib.sha256(f"{name} {i}".encode()).digest()[:4], "little")


def parameters(config):
    """The tensors of a configuration by name, as the README names them."""
    d, bos, norm, biases = config["d_model"], config["bos"], config["norm"], config["biases"]
    outputs = [len(o["decode"]["values"]) if o["decode"]["kind"] == "categorical" else 1 for o in config["outputs"]]
    shapes = {f"embed.{c}.w_e": (len(x["vocabulary"]) + bos, d) for c, x in enumerate(config["columns"])}
    if config["positions"] != "sinusoidal":
        shapes["pos_embed.w_pos"] = (config["n_ctx"], d)

    def bias(name, width):
        if biases == "all":
            shapes[name] = (1, width)

    def layer_norm(name):
        if norm:
            shapes[f"{name}.w"] = (1, d)
            if norm["bias"]:
                shapes[f"{name}.b"] = (1, d)

    for l, layer in enumerate(config["layers"]):
        layer_norm(f"blocks.{l}.ln1")
        bias(f"blocks.{l}.attn.b_o", d)
        for h, head in enumerate(layer["heads"]):
            for x, width in (("q", head["d_head"]), ("k", head["d_head"]), ("v", head["d_value"])):
                shapes[f"blocks.{l}.attn.{h}.w_{x}"] = (d, width)
                bias(f"blocks.{l}.attn.{h}.b_{x}", width)
            shapes[f"blocks.{l}.attn.{h}.w_o"] = (head["d_value"], d)
        if layer["d_mlp"]:
            layer_norm(f"blocks.{l}.ln2")
            shapes[f"blocks.{l}.mlp.w_in"] = (d, layer["d_mlp"])
            if biases != "none":
                shapes[f"blocks.{l}.mlp.b_in"] = (1, layer["d_mlp"])
            shapes[f"blocks.{l}.mlp.w_out"] = (layer["d_mlp"], d)
            bias(f"blocks.{l}.mlp.b_out", d)
    layer_norm("ln_final")
    for o, width in enumerate(outputs):
        if not config["tied"]:
            shapes[f"unembed.{o}.w_u"] = (d, width)
        bias(f"unembed.{o}.b_u", width)
    return {name: filled(name, shape) for name, shape in shapes.items()}


def filled(name, shape):
    rows, columns = shape
    entries = torch.tensor([number(name, i) / 2**32 - 0.5 for i in range(rows * columns)], dtype=torch.float64)
    if rows > 1:
        entries = entries * 2 / math.sqrt(rows)
    else:
        entries = entries / 5 + (1.0 if name.endswith(".w") else 0.0)
    return entries.reshape(shape).float().requires_grad_()


def batch(config, size, step):
    """Lengths, tokens per column, and targets per output of the batch of a step."""
    bos, seq = int(config["bos"]), config["n_ctx"]
    longest = seq - bos
    lengths, targets = [], [[] for _ in config["outputs"]]
    columns = [[] for _ in config["columns"]]
    for example in range(step * size, (step + 1) * size):
        n = 1 + number("length", example) % longest
        lengths.append(bos + n)
        for c, column in enumerate(config["columns"]):
            v = len(column["vocabulary"])
            row = [number(f"tokens {c}", example * longest + i) % v for i in range(n)]
            columns[c].append([v] * bos + row + [0] * (longest - n))
        tokens = columns[0][-1][bos : bos + n]
        for output, rows in zip(config["outputs"], targets):
            if output["decode"]["kind"] == "categorical":
                classes = len(output["decode"]["values"])
                row, none = [(a + b) % classes for a, b in zip(tokens, reversed(tokens))], -100
            else:
                row, none = [(t + i) / 4 for i, t in enumerate(tokens)], math.nan
            rows.append([none] * bos + row + [none] * (longest - n))
    return torch.tensor(lengths), [torch.tensor(c) for c in columns], [torch.tensor(t) for t in targets]


def positions(config):
    d = config["d_model"]
    angle = lambda i, j: i / 10000 ** (j // 2 * 2 / d)
    entry = lambda i, j: math.cos(angle(i, j)) if j % 2 else math.sin(angle(i, j))
    return torch.tensor([[entry(i, j) for j in range(d)] for i in range(config["n_ctx"])])


ACTIVATION = {"relu": F.relu, "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh")}


def logits(config, w, lengths, columns):
    def normed(name, x):
        if not config["norm"]:
            return x
        b = w[f"{name}.b"][0] if f"{name}.b" in w else None
        return F.layer_norm(x, (x.shape[-1],), w[f"{name}.w"][0], b, config["norm"]["eps"])

    def linear(x, name, bias):
        return x @ w[name] + w[bias] if bias in w else x @ w[name]

    seq = config["n_ctx"]
    key = torch.arange(seq)
    seen = (key < lengths[:, None])[:, None, :]
    if config["causal"]:
        seen = seen & (key <= key[:, None])
    x = sum(w[f"embed.{c}.w_e"][tokens] for c, tokens in enumerate(columns))
    w_pos = positions(config) if config["positions"] == "sinusoidal" else w["pos_embed.w_pos"]
    beside = config["positions"] == "query_key"
    if not beside:
        x = x + w_pos
    for l, layer in enumerate(config["layers"]):
        y = normed(f"blocks.{l}.ln1", x)
        at = y + w_pos if beside else y
        for h, head in enumerate(layer["heads"]):
            name = f"blocks.{l}.attn.{h}"
            q, k, v = (linear(z, f"{name}.w_{p}", f"{name}.b_{p}") for z, p in ((at, "q"), (at, "k"), (y, "v")))
            scores = q @ k.transpose(1, 2)
            if config["attn_scale"] == "sqrt_d_head":
                scores = scores / math.sqrt(head["d_head"])
            pattern = scores.masked_fill(~seen, -math.inf).softmax(-1)
            x = x + pattern @ v @ w[f"{name}.w_o"]
        x = x + w.get(f"blocks.{l}.attn.b_o", 0)
        if layer["d_mlp"]:
            name = f"blocks.{l}.mlp"
            pre = linear(normed(f"blocks.{l}.ln2", x), f"{name}.w_in", f"{name}.b_in")
            x = x + linear(ACTIVATION[config["activation"]](pre), f"{name}.w_out", f"{name}.b_out")
    x = normed("ln_final", x)
    out = []
    for o, output in enumerate(config["outputs"]):
        if config["tied"]:
            y = x @ w["embed.0.w_e"][: len(output["decode"]["values"])].T
            out.append(y + w.get(f"unembed.{o}.b_u", 0))
        else:
            out.append(linear(x, f"unembed.{o}.w_u", f"unembed.{o}.b_u"))
    return out


def loss(out, targets):
    total = 0
    for y, target in zip(out, targets):
        if target.dtype == torch.int64:
            total = total + F.cross_entropy(y.flatten(0, 1), target.flatten())
        else:
            asked = ~target.isnan()
            total = total + F.mse_loss(y[..., 0][asked], target[asked])
    return total


def optimiser(w, o):
    groups = [
        {"params": [x for x in w.values() if x.shape[0] > 1], "weight_decay": o.get("weight_decay", 0.0)},
        {"params": [x for x in w.values() if x.shape[0] == 1], "weight_decay": 0.0},
    ]
    if o["kind"] == "sgd":
        return torch.optim.SGD(groups, lr=o["lr"], momentum=o.get("momentum", 0.0))
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[o["kind"]]
    return kind(groups, lr=o["lr"], betas=(o.get("beta1", 0.9), o.get("beta2", 0.999)), eps=o.get("eps", 1e-8))


def schedule(s, steps):
    def factor(step):
        if step < s["warm_up"]:
            return (step + 1) / s["warm_up"]
        if s["kind"] == "constant":
            return 1.0
        t = (step - s["warm_up"]) / max(steps - s["warm_up"], 1)
        last = s.get("last", 0.0)
        return last + (1 - last) * (1 + math.cos(math.pi * min(t, 1.0))) / 2

    return factor


def losses(config, train, o):
    w = parameters(config)
    learner = optimiser(w, o)
    rate = torch.optim.lr_scheduler.LambdaLR(learner, schedule(train["schedule"], train["steps"]))
    found = []
    for step in range(train["steps"]):
        lengths, columns, targets = batch(config, train["batch"], step)
        learner.zero_grad()
        now = loss(logits(config, w, lengths, columns), targets)
        now.backward()
        if o["clip"] > 0:
            torch.nn.utils.clip_grad_norm_(list(w.values()), o["clip"])
        learner.step()
        rate.step()
        found.append(float(f"{now.item():.9g}"))
    return found


def main():
    torch.set_num_threads(1)
    file = json.loads(FILE.read_text())
    lines = []
    for case in file["cases"]:
        train = file["train"] | case["train"]
        case["losses"] = losses(file["model"] | case["model"], train, case["optimiser"])
        print(case["name"], case["losses"][0], case["losses"][-1])
        parts = [f'      {json.dumps(key)}: {json.dumps(value)}' for key, value in case.items()]
        lines.append("    {\n" + ",\n".join(parts) + "\n    }")
    head = [f'  {json.dumps(key)}: {json.dumps(file[key])}' for key in ("model", "train")]
    FILE.write_text("{\n" + ",\n".join(head) + ',\n  "cases": [\n' + ",\n".join(lines) + "\n  ]\n}\n")


if __name__ == "__main__":
    main()
