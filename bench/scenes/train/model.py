"""The page net, as src/imaging/net/mod.rs runs it."""

import torch
import torch.nn.functional as F
from torch import nn

CHANNELS = (16, 24, 48, 96)
BLOCKS = (1, 2, 4)
WINDOW, WINDOW_DEEP = 5, 7
# Pixels of the picture for each place of the result, across and down.
CELL = 4


class EachChannel(nn.Conv2d):
    """A convolution of each channel by itself, never in half precision: back through it, that is slower."""

    def forward(self, x):
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float())


def convolution(inputs, outputs, side, step=1, groups=1):
    border = 0 if side == step else side // 2
    kind = nn.Conv2d if groups == 1 else EachChannel
    return nn.Sequential(kind(inputs, outputs, side, step, border, groups=groups, bias=False), nn.BatchNorm2d(outputs))


class Block(nn.Module):
    def __init__(self, channels, side):
        super().__init__()
        self.around = convolution(channels, channels, side, groups=channels)
        self.widen = convolution(channels, 2 * channels, 1)
        self.narrow = convolution(2 * channels, channels, 1)

    def forward(self, x):
        return x + self.narrow(F.relu(self.widen(self.around(x))))


def blocks(count, channels, side):
    return nn.Sequential(*[Block(channels, side) for _ in range(count)])


class PageNet(nn.Module):
    """Pictures of sides that are multiples of 16, black at -2 and white at 2, to three logits for each place: page, side,
    corner."""

    def __init__(self):
        super().__init__()
        half, quarter, eighth, sixteenth = CHANNELS
        self.stem = convolution(3, half, 3, 2)
        self.to_quarter = convolution(half, quarter, 3, 2)
        self.at_quarter = blocks(BLOCKS[0], quarter, WINDOW)
        self.to_eighth = convolution(quarter, eighth, 2, 2)
        self.at_eighth = blocks(BLOCKS[1], eighth, WINDOW)
        self.to_sixteenth = convolution(eighth, sixteenth, 2, 2)
        self.at_sixteenth = blocks(BLOCKS[2], sixteenth, WINDOW_DEEP)
        self.up_to_eighth = convolution(sixteenth, eighth, 1)
        self.join_eighth = Block(eighth, WINDOW)
        self.up_to_quarter = convolution(eighth, quarter, 1)
        self.join_quarter = Block(quarter, WINDOW)
        self.head = nn.Conv2d(quarter, 3, 1)

    def forward(self, x):
        quarter = self.at_quarter(F.relu(self.to_quarter(F.relu(self.stem(x)))))
        eighth = self.at_eighth(F.relu(self.to_eighth(quarter)))
        sixteenth = self.at_sixteenth(F.relu(self.to_sixteenth(eighth)))
        eighth = self.join_eighth(F.relu(eighth + doubled(self.up_to_eighth(sixteenth))))
        quarter = self.join_quarter(F.relu(quarter + doubled(self.up_to_quarter(eighth))))
        return self.head(quarter)


def doubled(x):
    return F.interpolate(x, scale_factor=2, mode="nearest")
