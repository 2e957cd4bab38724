"""The side net, as src/imaging/net/side_net.rs runs it."""

import torch
import torch.nn.functional as F
from torch import nn

from model import Block, blocks, convolution, doubled

CHANNELS = (12, 24, 40)
BLOCKS = (1, 2, 3)
WINDOW, WINDOW_DEEP = 5, 7
# A strip: pixels along the side and across it; places of the result.
ALONG_PX, ACROSS_PX = 64, 96
COLUMNS, ROWS = ALONG_PX // 2, ACROSS_PX // 2
# How far a strip reaches: along the side beyond either end, as a share of its length; outwards and inwards, as a share of
# the figure's size, the root of its area.
BEYOND = 0.1
OUT, IN = 0.16, 0.32


class SideNet(nn.Module):
    """Strips, outside up, black at -2 and white at 2, to logits for each column: in which row the side runs, and last that it does
    not run through this column at all."""

    def __init__(self):
        super().__init__()
        half, quarter, eighth = CHANNELS
        self.stem = convolution(3, half, 3, 2)
        self.at_half = blocks(BLOCKS[0], half, WINDOW)
        self.to_quarter = convolution(half, quarter, 2, 2)
        self.at_quarter = blocks(BLOCKS[1], quarter, WINDOW_DEEP)
        self.to_eighth = convolution(quarter, eighth, 2, 2)
        self.at_eighth = blocks(BLOCKS[2], eighth, WINDOW_DEEP)
        self.up_to_quarter = convolution(eighth, quarter, 1)
        self.join_quarter = Block(quarter, WINDOW)
        self.up_to_half = convolution(quarter, half, 1)
        self.join_half = Block(half, WINDOW)
        self.head = nn.Conv2d(half, 2, 1)

    def forward(self, x):
        half = self.at_half(F.relu(self.stem(x)))
        quarter = self.at_quarter(F.relu(self.to_quarter(half)))
        eighth = self.at_eighth(F.relu(self.to_eighth(quarter)))
        quarter = self.join_quarter(F.relu(quarter + doubled(self.up_to_quarter(eighth))))
        half = self.join_half(F.relu(half + doubled(self.up_to_half(quarter))))
        seen = self.head(half)
        return torch.cat([seen[:, 0], seen[:, 1].mean(1, keepdim=True)], 1)
