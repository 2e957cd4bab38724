"""Makes weights to go on training from out of those that are shipped: unfold.py IN.bin LESSONS OUT.pt
(for the side net: IN.bin STRIPS.npz OUT.pt --sides)

Export folds the normalisation into the weights. Here it is measured anew on lessons, layer after layer, and set so that the
net says the same as before."""

import sys

import numpy as np
import torch

from export import in_order
from lessons import Lessons
from model import PageNet
from side_model import SideNet

LESSONS, STRIPS = 160, 4096


def read(net, path):
    """The folded weights into the net: its convolutions' own, and a shift for each."""
    halves = np.fromfile(path, "<u2").astype(np.uint32) << 16
    values = torch.from_numpy(halves.view(np.float32).copy())
    at = 0

    def fill(parameter):
        nonlocal at
        parameter.copy_(values[at : at + parameter.numel()].reshape(parameter.shape))
        at += parameter.numel()

    for convolution, norm in in_order(net):
        fill(convolution.weight)
        fill(norm.bias)
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
    fill(net.head.weight)
    fill(net.head.bias)
    assert at == len(values), "these are not the weights of this net"
    first = in_order(net)[0][0]
    first.weight.copy_(first.weight.flip(1))


def measure(net, pictures):
    """Sets each normalisation to the mean and spread of what comes to it. None changes what the net says, so that all can be
    measured at once."""
    seen = {}

    def note(norm, inputs):
        seen[norm] = (inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3)))

    norms = [norm for _, norm in in_order(net)]
    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    before = net(pictures)
    for hook in hooks:
        hook.remove()
    for norm in norms:
        mean, spread = seen[norm]
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(spread)
        norm.weight.copy_(torch.sqrt(spread + norm.eps))
        norm.bias.add_(mean)
    return (net(pictures) - before).abs().max().item()


def pictures_of(folder):
    lessons = Lessons(folder, 1)
    return np.stack([lessons.lesson(320, 240)[0] for _ in range(LESSONS)])


if __name__ == "__main__":
    if "--sides" in sys.argv[4:]:
        net, pictures = SideNet().eval(), np.load(sys.argv[2])["strips"][:STRIPS]
    else:
        net, pictures = PageNet().eval(), pictures_of(sys.argv[2])
    with torch.no_grad():
        read(net, sys.argv[1])
        off = measure(net, (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() - 128) / 64)
    print(f"says the same but for {off:.2g}")
    torch.save(net.state_dict(), sys.argv[3])
