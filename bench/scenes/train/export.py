"""Writes a trained net as src/imaging/net reads it: export.py NET.pt OUT.bin [--sides]"""

import sys

import numpy as np
import torch

from model import PageNet
from side_model import SideNet


def upper_halves(values):
    """The upper 16 bits of each float, rounded to the nearest."""
    bits = np.ascontiguousarray(values.detach().numpy().astype("<f4")).view(np.uint32).ravel()
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def folded(layer):
    """Weights and bias of a convolution with its normalisation in them."""
    convolution, norm = layer
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return [convolution.weight * gain[:, None, None, None], norm.bias - norm.running_mean * gain]


def block(layer):
    return folded(layer.around) + folded(layer.widen) + folded(layer.narrow)


def deeper(narrow, layers):
    """A convolution and the blocks after it."""
    return folded(narrow) + [values for layer in layers for values in block(layer)]


def of_page_net(net):
    all_weights = folded(net.stem)
    # It was trained on OpenCV's blue, green, red.
    all_weights[0] = all_weights[0].flip(1)
    for narrow, layers in [
        (net.to_quarter, net.at_quarter),
        (net.to_eighth, net.at_eighth),
        (net.to_sixteenth, net.at_sixteenth),
    ]:
        all_weights += deeper(narrow, layers)
    all_weights += folded(net.up_to_eighth) + block(net.join_eighth)
    all_weights += folded(net.up_to_quarter) + block(net.join_quarter)
    return all_weights + [net.head.weight, net.head.bias]


def of_side_net(net):
    all_weights = deeper(net.stem, net.at_half)
    all_weights[0] = all_weights[0].flip(1)
    for narrow, layers in [(net.to_quarter, net.at_quarter), (net.to_eighth, net.at_eighth)]:
        all_weights += deeper(narrow, layers)
    all_weights += folded(net.up_to_quarter) + block(net.join_quarter)
    all_weights += folded(net.up_to_half) + block(net.join_half)
    return all_weights + [net.head.weight, net.head.bias]


if __name__ == "__main__":
    sides = "--sides" in sys.argv[3:]
    net = SideNet() if sides else PageNet()
    net.load_state_dict(torch.load(sys.argv[1]))
    with open(sys.argv[2], "wb") as out:
        for values in of_side_net(net) if sides else of_page_net(net):
            out.write(upper_halves(values).tobytes())
