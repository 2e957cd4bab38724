"""Mixes two nets that were trained on from the same weights: blend.py A.bin B.bin SHARE_OF_B OUT.bin

What one has forgotten the other still knows; their mean is often better than either."""

import sys

import numpy as np
import torch

from export import upper_halves


def weights(path):
    halves = np.fromfile(path, "<u2").astype(np.uint32) << 16
    return halves.view(np.float32)


if __name__ == "__main__":
    a, b, share = weights(sys.argv[1]), weights(sys.argv[2]), float(sys.argv[3])
    assert len(a) == len(b), "these are not the same net"
    with open(sys.argv[4], "wb") as out:
        out.write(upper_halves(torch.from_numpy(a * (1 - share) + b * share)).tobytes())
