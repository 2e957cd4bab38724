"""Cuts the strips that the side net looks at out of pictures, and says what it is to see there."""

import cv2
import numpy as np

from side_model import ACROSS_PX, ALONG_PX, BEYOND, COLUMNS, IN, OUT, ROWS

# How wide a side is drawn in what is to be learned: standard deviation in rows.
SIDE_ROWS = 0.6


def size_of(quad):
    return float(np.sqrt(max(cv2.contourArea(quad.astype(np.float32)), 1.0)))


def outward(start, end):
    way = end - start
    return np.array([way[1], -way[0]]) / max(float(np.hypot(*way)), 1e-6)


def strip(picture, quad, side):
    """One side's strip: rows by columns by colours."""
    start, end = quad[side], quad[(side + 1) % 4]
    out = outward(start, end)
    size = size_of(quad)
    # Two samples along the side for each pixel of the strip.
    t = -BEYOND + (1 + 2 * BEYOND) * (np.arange(2 * ALONG_PX) + 0.5) / (2 * ALONG_PX)
    s = size * (OUT - (OUT + IN) * (np.arange(ACROSS_PX) + 0.5) / ACROSS_PX)
    x = start[0] + (end - start)[0] * t[None] + out[0] * s[:, None]
    y = start[1] + (end - start)[1] * t[None] + out[1] * s[:, None]
    seen = cv2.remap(picture, (x - 0.5).astype(np.float32), (y - 0.5).astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return ((seen[:, 0::2].astype(np.uint16) + seen[:, 1::2] + 1) // 2).astype(np.uint8)


def true_rows(quad, side, true):
    """In which row of the strip the true figure's side runs, for each column; -1 where it does not."""
    start, end = quad[side], quad[(side + 1) % 4]
    out, size = outward(start, end), size_of(quad)
    a, b = true[side], true[(side + 1) % 4]
    t = -BEYOND + (1 + 2 * BEYOND) * (np.arange(COLUMNS) + 0.5) / COLUMNS
    places = start[None] + (end - start)[None] * t[:, None]
    way = b - a
    # Where the column's line meets the true side: place + out s = a + way u.
    cross = out[0] * way[1] - out[1] * way[0]
    if abs(cross) < 1e-6:
        return np.full(COLUMNS, -1.0)
    off = a[None] - places
    s = (off[:, 0] * way[1] - off[:, 1] * way[0]) / cross
    u = (off[:, 0] * out[1] - off[:, 1] * out[0]) / cross
    row = (OUT - s / size) / (OUT + IN) * ROWS - 0.5
    there = (u >= 0) & (u <= 1) & (row > -0.5) & (row < ROWS - 0.5)
    return np.where(there, row, -1.0)


def aligned(true, quad):
    """The true figure's corners in the order of the other's."""
    return min((np.roll(true, turn, 0) for turn in range(4)), key=lambda other: np.abs(other - quad).sum())


def meet(a, b, c, d):
    """Where the line through a and b meets that through c and d."""
    way, other = b - a, d - c
    cross = way[0] * other[1] - way[1] * other[0]
    if abs(cross) < 1e-6:
        return b
    t = ((c - a)[0] * other[1] - (c - a)[1] * other[0]) / cross
    return a + way * t


def with_sides(lines):
    """The figure whose sides lie on these lines."""
    return np.array([meet(*lines[(i + 3) % 4], *lines[i]) for i in range(4)])


def overlap(a, b):
    a, b = a.astype(np.float32), b.astype(np.float32)
    shared = cv2.intersectConvexConvex(a, b)[0]
    return shared / max(cv2.contourArea(a) + cv2.contourArea(b) - shared, 1e-6)
