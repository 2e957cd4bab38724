"""Trains the page net: train.py LESSONS OUT.pt [--steps N] [--minutes M] [--rate R] [--start NET.pt]"""

import argparse
import copy
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from lessons import SIZES, Lessons, wanted
from model import PageNet

BATCH = 16
# New scenes in the folder are noticed after so many batches.
READ_AGAIN = 150
WARM_UP_STEPS = 150
SAVE_EACH_SECONDS = 120


class Batches(torch.utils.data.IterableDataset):
    def __init__(self, folder):
        self.folder = folder

    def __iter__(self):
        seed = time.time_ns() % 2**31 + torch.utils.data.get_worker_info().id
        for number in range(2**31):
            if number % READ_AGAIN == 0:
                lessons = Lessons(self.folder, seed + number)
            width, height = SIZES[lessons.chance.integers(len(SIZES))]
            pictures, answers = [], []
            while len(pictures) < BATCH:
                picture, quads = lessons.lesson(width, height)
                answer = wanted(quads, width, height)
                # The same once more, turned by half and in another light: most of the work is in the scene.
                again = lessons.in_light(picture[::-1, ::-1].astype(np.float32))
                pictures += [picture, np.ascontiguousarray(again)]
                answers += [answer, np.ascontiguousarray(answer[:, ::-1, ::-1])]
            yield torch.from_numpy(np.stack(pictures)), torch.from_numpy(np.stack(answers))


def losses(logits, answers):
    """Page: cross entropy, and what is missing of the overlap. Side and corner: cross entropy with more weight where they
    are, since they are rare."""
    page, side, corner = logits.unbind(1)
    on_page, on_side, on_corner = answers.unbind(1)
    likely = torch.sigmoid(page)
    shared, total = (likely * on_page).sum((1, 2)), (likely + on_page).sum((1, 2))
    return torch.stack(
        [
            F.binary_cross_entropy_with_logits(page, on_page),
            0.5 * (1 - (2 * shared + 20) / (total + 20)).mean(),
            2 * F.binary_cross_entropy_with_logits(side, on_side, weight=1 + 4 * on_side),
            2 * F.binary_cross_entropy_with_logits(corner, on_corner, weight=1 + 20 * on_corner),
        ]
    )


def kept_in(state, out):
    """Whoever stops the training while it writes has the weights that were written before."""
    torch.save(state, out + ".new")
    os.replace(out + ".new", out)


def train(net, batches, steps, seconds, rate, out):
    mean = copy.deepcopy(net).eval()
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    began = saved = time.time()
    seen = []
    net.train()
    for step in range(steps):
        done = max(step / steps, (time.time() - began) / seconds)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            warm = min(1, (step + 1) / WARM_UP_STEPS)
            group["lr"] = rate * warm * (0.5 + 0.5 * math.cos(math.pi * done))
        pictures, answers = next(batches)
        pictures = ((pictures.permute(0, 3, 1, 2).float() - 128) / 64).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(pictures)
        parts = losses(logits.float(), answers)
        optimiser.zero_grad()
        parts.sum().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        # What is kept is the mean of the last few hundred steps.
        keep = min(0.998, (step + 1) / (step + 20))
        with torch.no_grad():
            for kept, value in zip(mean.state_dict().values(), net.state_dict().values()):
                if kept.dtype.is_floating_point:
                    kept.mul_(keep).add_(value, alpha=1 - keep)
                else:
                    kept.copy_(value)
        seen.append(parts.detach().numpy())
        if len(seen) == 50:
            print(f"step {step + 1}: {np.round(np.mean(seen, 0), 4)}", flush=True)
            seen = []
        if time.time() - saved > SAVE_EACH_SECONDS:
            kept_in(mean.state_dict(), out)
            saved = time.time()
    kept_in(mean.state_dict(), out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("lessons")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--minutes", type=float, default=math.inf, help="ends then if the steps are not done before")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--start", help="weights to start from")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make lessons")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    net = PageNet().to(memory_format=torch.channels_last)
    if asked.start:
        net.load_state_dict(torch.load(asked.start))
    loader = torch.utils.data.DataLoader(Batches(asked.lessons), batch_size=None, num_workers=asked.workers, prefetch_factor=8)
    train(net, iter(loader), asked.steps, 60 * asked.minutes, asked.rate, asked.out)
