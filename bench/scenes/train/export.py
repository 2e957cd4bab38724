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
    return [layer.around, layer.widen, layer.narrow]


def deeper(narrow, layers):
    """A convolution and the blocks after it."""
    return [narrow] + [inner for layer in layers for inner in block(layer)]


def in_order(net):
    """The convolutions with normalisation in the order in which a picture meets them. The head comes after them."""
    if isinstance(net, SideNet):
        layers = deeper(net.stem, net.at_half)
        layers += deeper(net.to_quarter, net.at_quarter) + deeper(net.to_eighth, net.at_eighth)
        layers += [net.up_to_quarter] + block(net.join_quarter)
        return layers + [net.up_to_half] + block(net.join_half)
    layers = [net.stem] + deeper(net.to_quarter, net.at_quarter)
    layers += deeper(net.to_eighth, net.at_eighth) + deeper(net.to_sixteenth, net.at_sixteenth)
    layers += [net.up_to_eighth] + block(net.join_eighth)
    return layers + [net.up_to_quarter] + block(net.join_quarter)


def weights_of(net):
    weights = [values for layer in in_order(net) for values in folded(layer)]
    # It was trained on OpenCV's blue, green, red.
    weights[0] = weights[0].flip(1)
    return weights + [net.head.weight, net.head.bias]


if __name__ == "__main__":
    net = SideNet() if "--sides" in sys.argv[3:] else PageNet()
    net.load_state_dict(torch.load(sys.argv[1]))
    with open(sys.argv[2], "wb") as out:
        for values in weights_of(net):
            out.write(upper_halves(values).tobytes())
