"""Trains the side net: train_sides.py OUT.pt STRIPS.npz... [--steps N] [--rate R] [--start NET.pt]"""

import argparse
import copy
import math
import time

import numpy as np
import torch
import torch.nn.functional as F

from side_model import COLUMNS, ROWS, SideNet
from strips import SIDE_ROWS

BATCH = 64
WARM_UP_STEPS = 100
SAVE_EACH_SECONDS = 60


def in_light(strips, chance):
    """Strips (bytes) in other light and through other sensors; mirrored now and then is done with their rows."""
    x = strips.astype(np.float32)
    count = len(x)
    some = lambda share: (chance.random(count) < share)[:, None, None, None]
    each = lambda low, high, last=1: chance.uniform(low, high, (count, 1, 1, last)).astype(np.float32)
    x = np.where(some(0.4), 255 * (x / 255) ** each(0.6, 1.7), x)
    middle = x.mean((1, 2), keepdims=True)
    x = np.where(some(0.3), middle + (x - middle) * each(0.4, 1.3), x)
    x = np.where(some(0.5), x * each(0.5, 1.25) * each(0.85, 1.15, 3), x)
    x = np.where(some(0.12), x.mean(3, keepdims=True), x)
    blurred = (x + np.roll(x, 1, 1) + np.roll(x, -1, 1)) / 3
    x = np.where(some(0.2), blurred, x)
    grain = chance.standard_normal(x.shape[:3], np.float32)[..., None] * each(0, 5)
    x = np.where(some(0.4), x + grain, x)
    return (np.clip(x, 0, 255) - 128) / 64


def batch(strips, rows, chance):
    on = np.sort(chance.integers(len(strips), size=BATCH))
    x, y = in_light(strips[on], chance), rows[on].copy()
    mirrored = chance.random(BATCH) < 0.5
    x[mirrored], y[mirrored] = x[mirrored][:, :, ::-1], y[mirrored][:, ::-1]
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))), torch.from_numpy(y)


def wanted(rows):
    """Shares of each row, and of none, by column."""
    places = torch.arange(ROWS, dtype=torch.float32)[None, :, None]
    bell = torch.exp(-((places - rows[:, None]) ** 2) / (2 * SIDE_ROWS**2))
    bell = bell / bell.sum(1, keepdim=True).clamp(min=1e-6)
    there = (rows >= -0.5).float()[:, None]
    return torch.cat([bell * there, 1 - there], 1)


def loss_of(net, x, rows):
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(x)
    return -(wanted(rows) * F.log_softmax(logits.float(), 1)).sum(1).mean()


def train(net, strips, rows, steps, rate, out, seed):
    chance = np.random.default_rng(seed)
    held_x, held_rows = strips[-2048:], rows[-2048:]
    strips, rows = strips[:-2048], rows[:-2048]
    mean = copy.deepcopy(net).eval()
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    saved, seen = time.time(), []
    net.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            warm = min(1, (step + 1) / WARM_UP_STEPS)
            group["lr"] = rate * warm * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        x, y = batch(strips, rows, chance)
        loss = loss_of(net, x.contiguous(memory_format=torch.channels_last), y)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        # What is kept is the mean of the last few hundred steps.
        keep = min(0.995, (step + 1) / (step + 20))
        with torch.no_grad():
            for kept, value in zip(mean.state_dict().values(), net.state_dict().values()):
                if kept.dtype.is_floating_point:
                    kept.mul_(keep).add_(value, alpha=1 - keep)
                else:
                    kept.copy_(value)
        seen.append(loss.item())
        if len(seen) == 50:
            print(f"step {step + 1}: {np.mean(seen):.4f}", flush=True)
            seen = []
        if time.time() - saved > SAVE_EACH_SECONDS:
            torch.save(mean.state_dict(), out)
            with torch.no_grad():
                plain = torch.from_numpy((held_x.transpose(0, 3, 1, 2).astype(np.float32) - 128) / 64)
                told = [loss_of(mean, a, b).item() for a, b in zip(plain.split(256), torch.from_numpy(held_rows).split(256))]
            print(f"held back: {np.mean(told):.4f}", flush=True)
            saved = time.time()
    torch.save(mean.state_dict(), out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("strips", nargs="+")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--start", help="weights to start from")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    net = SideNet().to(memory_format=torch.channels_last)
    if asked.start:
        net.load_state_dict(torch.load(asked.start))
    all_strips = [np.load(path) for path in asked.strips]
    strips = np.concatenate([one["strips"] for one in all_strips])
    rows = np.concatenate([one["rows"] for one in all_strips])
    train(net, strips, rows, asked.steps, asked.rate, asked.out, asked.seed)
