"""The torch side of `cargo bench --bench train`: the same networks, one thread, process CPU seconds.

`torch_train.py tiny BATCH RUNS` or `torch_train.py gpt 1 STEPS` prints `{"seconds", "peak"}`: of one forward
pass or training step, and KiB of memory at most.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Attention(nn.Module):
    def __init__(self, d_model, heads, d_head, causal, scale):
        super().__init__()
        self.heads, self.causal, self.scale = heads, causal, scale
        self.qkv = nn.Linear(d_model, 3 * heads * d_head, bias=False)
        self.out = nn.Linear(heads * d_head, d_model, bias=False)

    def forward(self, x):
        batch, seq, _ = x.shape
        q, k, v = self.qkv(x).view(batch, seq, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        z = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal, scale=self.scale)
        return self.out(z.transpose(1, 2).reshape(batch, seq, -1))


class Block(nn.Module):
    def __init__(self, d_model, heads, d_head, d_mlp, gpt):
        super().__init__()
        norm = (lambda: nn.LayerNorm(d_model, bias=False)) if gpt else nn.Identity
        self.norm1, self.norm2 = norm(), norm()
        self.attention = Attention(d_model, heads, d_head, gpt, None if gpt else 1.0)
        self.first = nn.Linear(d_model, d_mlp, bias=not gpt)
        self.second = nn.Linear(d_mlp, d_model, bias=False)
        self.activation = nn.GELU() if gpt else nn.ReLU()

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.second(self.activation(self.first(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self, vocabulary, seq, d_model, heads, d_head, d_mlp, layers, gpt):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, d_model)
        self.positions = nn.Parameter(torch.randn(seq, d_model) / d_model**0.5)
        self.blocks = nn.ModuleList(Block(d_model, heads, d_head, d_mlp, gpt) for _ in range(layers))
        self.norm = nn.LayerNorm(d_model, bias=False) if gpt else nn.Identity()
        self.unembed = nn.Linear(d_model, vocabulary, bias=False)
        nn.init.normal_(self.embed.weight, std=d_model**-0.5)
        if gpt:
            self.unembed.weight = self.embed.weight

    def forward(self, tokens):
        x = self.embed(tokens) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.unembed(self.norm(x))


def seconds(run, runs):
    """CPU seconds of one run, after some to warm up."""
    for _ in range(max(runs // 10, 3)):
        run()
    begun = time.process_time()
    for _ in range(runs):
        run()
    return (time.process_time() - begun) / runs


def tiny(batch, runs):
    model = Transformer(12, 10, 40, 1, 40, 40, 3, gpt=False)
    tokens = torch.randint(12, (batch, 10))
    with torch.inference_mode():
        return seconds(lambda: model(tokens), runs)


def gpt(steps):
    model = Transformer(64, 128, 128, 4, 32, 512, 2, gpt=True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=1e-4, fused=True)
    tokens, targets = torch.randint(64, (20, 64, 128)), torch.randint(64, (20, 64, 128))
    count = iter(range(1 << 40))

    def step():
        at = next(count) % 20
        loss = F.cross_entropy(model(tokens[at]).view(-1, 64), targets[at].view(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        loss.item()

    return seconds(step, steps)


def peak():
    """KiB of memory at most."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


torch.set_num_threads(1)
torch.manual_seed(0)
what, size, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
found = gpt(runs) if what == "gpt" else tiny(size, runs)
print(json.dumps({"seconds": found, "peak": peak()}))
