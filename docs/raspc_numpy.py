"""Loads and runs the models that raspc writes. Needs NumPy and nothing else.

    >>> model = load("compiled/peak.safetensors")
    >>> model.run([1, 3, 2])
    {'peak': [False, True, False]}

A model with several columns takes a dictionary or a list with one list per column. `model.config` is its
configuration, `model.weights` has its tensors by name, `model.logits(input)` are the numbers that `run` decodes.
docs/file-format.md describes the format. Whatever this file does not support is refused by name.
"""

import json
import math
from fractions import Fraction

import numpy as np

FORMAT = 3

# What a configuration may leave out.
DEFAULTS = {"norm": None, "positions": "learned", "biases": "neurons", "tied": False}

# The values that each option can have.
OPTIONS = {
    "attn_scale": ["one", "sqrt_d_head"],
    "activation": ["relu", "gelu", "gelu_tanh"],
    "positions": ["learned", "sinusoidal", "query_key"],
    "biases": ["none", "neurons", "all"],
    "kind": ["categorical", "numeric"],
}

# The keys of a configuration and of its parts.
KEYS = ["d_model", "n_ctx", "bos", "causal", "attn_scale", "activation", "norm", "positions", "biases", "tied"]
KEYS += ["columns", "layers", "outputs"]
KEYS_OF_PARTS = {
    "norm": ["eps", "bias"],
    "columns": ["name", "vocabulary"],
    "layers": ["heads", "d_mlp"],
    "heads": ["d_head", "d_value"],
    "outputs": ["name", "decode"],
    "decode": ["kind", "values", "bound"],
}

# What a column can be given as, besides a string of one-character tokens.
SEQUENCES = (list, tuple, np.ndarray)


def load(path):
    """The model in a file. Raises ValueError where the file is not one, or needs what is not supported."""
    with open(path, "rb") as file:
        data = file.read()
    body = 8 + int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8:body])
        manifest = json.loads(header.pop("__metadata__")["raspc"], object_hook=exact)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{path} was not written by raspc") from None
    if manifest["format"] != FORMAT:
        raise ValueError(f"{path} has format {manifest['format']}, this loader reads format {FORMAT}")
    weights = {name: tensor(name, info, data[body:]) for name, info in header.items()}
    return Model(DEFAULTS | manifest["config"], weights)


def exact(value):
    """Numbers that JSON would round are written as {"ratio": "1/3"}."""
    return Fraction(value["ratio"]) if value.keys() == {"ratio"} else value


def tensor(name, info, body):
    begin, end = info["data_offsets"]
    if info["dtype"] != "F32" or end > len(body) or end - begin != 4 * math.prod(info["shape"]):
        raise ValueError(f"tensor {name} should be f32 of shape {info['shape']} inside the file")
    return np.frombuffer(body[begin:end], "<f4").reshape(info["shape"])


def check(part, keys, where="config"):
    """Refuses options that are not supported."""
    for key, value in part.items():
        if key not in keys:
            raise ValueError(f"{where} has the key {key!r}, which this loader does not know")
        if key in OPTIONS and value not in OPTIONS[key]:
            raise ValueError(f"{where}.{key} is {value!r}; this loader knows {', '.join(OPTIONS[key])}")
        for below in value if isinstance(value, list) else [value]:
            if key in KEYS_OF_PARTS and below is not None:
                check(below, KEYS_OF_PARTS[key], f"{where}.{key}")


class Model:
    """A transformer. Vectors are rows, so a matrix stands behind what it is applied to."""

    def __init__(self, config, weights):
        check(config, KEYS)
        self.config, self.weights, self.used = config, weights, set()
        # One token reads every tensor. A tensor that nothing reads belongs to an option that is not supported.
        self.logits([column["vocabulary"][:1] for column in config["columns"]])
        for name in sorted(weights.keys() - self.used):
            raise ValueError(f"tensor {name} does not belong to the configuration")

    def run(self, inputs):
        """The outputs by name: a list with one value per position each. Fractions are exact."""
        outputs = zip(self.config["outputs"], self.logits(inputs))
        return {output["name"]: decode(logits, **output["decode"]) for output, logits in outputs}

    def logits(self, inputs):
        """The logits of each output: one row per position, one column per value (one column for a number)."""
        c, w = self.config, self.weight
        tokens = [self.tokens(column, values) for column, values in zip(c["columns"], self.columns(inputs))]
        n = len(tokens[0])
        x = sum(w(f"embed.{i}.w_e")[numbers] for i, numbers in enumerate(tokens))
        positions = self.sinusoids()[:n] if c["positions"] == "sinusoidal" else w("pos_embed.w_pos")[:n]
        # Positions are added to the residual stream, or only to what queries and keys are computed from.
        x, beside = (x, positions) if c["positions"] == "query_key" else (x + positions, 0)
        for l, layer in enumerate(c["layers"]):
            attn, mlp = f"blocks.{l}.attn", f"blocks.{l}.mlp"
            if layer["heads"]:
                read = self.norm(f"blocks.{l}.ln1", x)
                heads = [self.head(f"{attn}.{h}", read, read + beside) for h in range(len(layer["heads"]))]
                x = x + sum(heads) + self.bias(f"{attn}.b_o")
            if layer["d_mlp"]:
                read = self.norm(f"blocks.{l}.ln2", x)
                hidden = activate(read @ w(f"{mlp}.w_in") + self.bias(f"{mlp}.b_in"), c["activation"])
                x = x + hidden @ w(f"{mlp}.w_out") + self.bias(f"{mlp}.b_out")
        x = self.norm("ln_final", x)[c["bos"] :]
        return [x @ self.unembedding(i) + self.bias(f"unembed.{i}.b_u") for i in range(len(c["outputs"]))]

    def head(self, name, x, seen):
        """What one head adds: queries and keys are computed from `seen`, values from `x`."""
        q, k, v = (
            read @ self.weight(f"{name}.w_{part}") + self.bias(f"{name}.b_{part}")
            for part, read in [("q", seen), ("k", seen), ("v", x)]
        )
        scale = math.sqrt(max(q.shape[1], 1)) if self.config["attn_scale"] == "sqrt_d_head" else 1.0
        later = np.triu(np.full((len(x), len(x)), self.config["causal"]), 1)
        scores = np.where(later, -np.inf, q @ k.T / scale)
        pattern = np.exp(scores - scores.max(1, keepdims=True))
        return pattern / pattern.sum(1, keepdims=True) @ v @ self.weight(f"{name}.w_o")

    def norm(self, name, x):
        """LayerNorm, where there is one."""
        if self.config["norm"] is None:
            return x
        x = x - x.mean(1, keepdims=True)
        x = x / np.sqrt((x * x).mean(1, keepdims=True) + self.config["norm"]["eps"]) * self.weight(f"{name}.w")
        return x + self.weight(f"{name}.b") if self.config["norm"]["bias"] else x

    def unembedding(self, output):
        tokens = len(self.config["columns"][0]["vocabulary"])
        return self.weight("embed.0.w_e")[:tokens].T if self.config["tied"] else self.weight(f"unembed.{output}.w_u")

    def sinusoids(self):
        """At position i: sin(i / 10000^(2j/d)) in column 2j, the cosine in column 2j + 1."""
        d, n = self.config["d_model"], self.config["n_ctx"]
        angles = np.arange(n)[:, None] / 10_000.0 ** (np.arange(d) // 2 * 2 / d)
        return np.where(np.arange(d) % 2 == 0, np.sin(angles), np.cos(angles)).astype(np.float32)

    def weight(self, name):
        if name not in self.weights:
            raise ValueError(f"tensor {name} is missing")
        self.used.add(name)
        return self.weights[name]

    def bias(self, name):
        """A constant that is added, where there is one."""
        exists = {"none": False, "neurons": name.endswith(".b_in"), "all": True}
        return self.weight(name) if exists[self.config["biases"]] else 0

    def columns(self, inputs):
        """The list of each column. The list of a single column can stand alone."""
        names = [column["name"] for column in self.config["columns"]]
        if isinstance(inputs, dict):
            if inputs.keys() != set(names):
                raise ValueError(f"the input has the columns {sorted(inputs)}, the model reads {names}")
            inputs = [inputs[name] for name in names]
        elif len(names) == 1 and not any(isinstance(values, SEQUENCES) for values in inputs):
            inputs = [inputs]
        if len(inputs) != len(names) or not all(isinstance(values, (str, *SEQUENCES)) for values in inputs):
            raise ValueError(f"the model reads {len(names)} columns, {names}: write a list for each of them")
        lengths, longest = [len(values) for values in inputs], self.config["n_ctx"] - self.config["bos"]
        if len(set(lengths)) > 1:
            raise ValueError(f"the columns {names} have different lengths: {lengths}")
        if not 1 <= lengths[0] <= longest:
            raise ValueError(f"the input has {lengths[0]} positions; the model takes 1 to {longest}")
        return inputs

    def tokens(self, column, values):
        """The number of each token. The number behind all others is that of BOS, the position before the first."""
        bos = [len(column["vocabulary"])] * self.config["bos"]
        return bos + [token(column, position, value) for position, value in enumerate(values)]


def token(column, position, value):
    """The number of a value in the vocabulary. As in raspc, 1 means True where 1 itself is not in it."""
    value = value.item() if isinstance(value, np.generic) else value
    means = lambda v: v == value or isinstance(value, float) and isinstance(v, Fraction) and float(v) == value
    found = [i for i, v in enumerate(column["vocabulary"]) if means(v)]
    same_type = [i for i in found if isinstance(column["vocabulary"][i], bool) == isinstance(value, bool)]
    if not found:
        raise ValueError(f"{value!r}, at position {position} of {column['name']}, is not in the vocabulary")
    return (same_type or found)[0]


def activate(x, activation):
    if activation == "relu":
        return np.maximum(x, 0)
    if activation == "gelu_tanh":
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x / 2 * (1 + np.vectorize(math.erf, otypes=[np.float32])(x / math.sqrt(2)))


def decode(logits, kind, values, bound=None):
    """The value with the greatest logit, or the number nearest to the logit; of equals the first one.

    Where there are no values to choose from, the logit is the number, give or take `bound`.
    """
    if not np.isfinite(logits).all():
        raise ValueError("a logit is not a finite number")
    if kind == "categorical":
        return [values[i] for i in logits.argmax(1)]
    numbers = [float(row[0]) for row in logits]
    return [min(values, key=lambda v: abs(v - Fraction(y))) if values else y for y in numbers]
