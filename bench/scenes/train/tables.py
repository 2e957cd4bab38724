"""Papers on a table, singly and in piles, drawn with `prints.py` and `surfaces.py` alone: sharp and full of detail, where
the generator's scenes are soft and plain."""

import math

import cv2
import numpy as np

from prints import printed
from surfaces import ground

# Shorter side by longer side: receipts, bank notes, sheets, cards, squares.
SHAPES = [(0.3, 0.5), (0.55, 0.7), (0.68, 0.8), (0.68, 0.8), (0.8, 1.0)]
# How many of a lesson's kinds: a bare table, one paper, a pile of its copies, a pile of others, papers side by side.
KINDS = (0.06, 0.38, 0.40, 0.08, 0.08)
# So many papers run out of the picture: what is printed on them is no page for that. Half of these have a frame on them.
CUT = 0.25


def table(width, height, chance, other):
    """A picture (blue, green, red, 0 to 255), and the corners of the pages in it."""
    kind = int(chance.choice(len(KINDS), p=KINDS))
    scale = chance.choice([1, 2])
    surface = ground(scale * width, scale * height, chance, other)
    picture = np.clip(cv2.resize(surface, (width, height), interpolation=cv2.INTER_AREA), 0, 255).astype(np.float32)
    if kind == 0:
        return picture, []
    lean = perspective(width, height, chance)
    if kind == 4:
        return side_by_side(picture, lean, chance)
    quads = pile(width, height, lean, chance, 1 if kind == 1 else int(chance.integers(2, 7)))
    if quads is None:
        return picture, []
    sheet, matched = None, chance.random() < 0.35
    for number, quad in enumerate(quads):
        if sheet is None or kind == 3:
            sheet = sheet_for(quad, chance)
            runs_out = (quads[-1] < 0).any() or (quads[-1] > [width, height]).any()
            if runs_out and chance.random() < 0.5:
                sheet = with_frame(sheet, chance)
            gain = like_ground(sheet, picture, chance) if matched else chance.uniform(0.7, 1.05)
        one = sheet * (gain * chance.uniform(0.95, 1.03) if number else gain)
        picture = laid(picture, one, quad, chance)
    return picture, [quads[-1]]


def side_by_side(picture, lean, chance):
    """Several papers, none of which lies on another."""
    height, width = picture.shape[:2]
    free = []
    for _ in range(8):
        quads = pile(width, height, lean, chance, 1, largest=0.3)
        if quads is None or any(cv2.intersectConvexConvex(quads[0], taken)[0] > 0 for taken in free):
            continue
        picture = laid(picture, sheet_for(quads[0], chance) * chance.uniform(0.75, 1.05), quads[0], chance)
        free.append(quads[0])
    return picture, free


def perspective(width, height, chance):
    """How the camera sees the table: its plane, in pixels, to the picture."""
    lean, turn = chance.uniform(0, 0.2), chance.uniform(0, 2 * math.pi)
    tilt = np.eye(3)
    tilt[2, :2] = lean * math.cos(turn) / width, lean * math.sin(turn) / height
    to_middle, back = np.eye(3), np.eye(3)
    to_middle[:2, 2] = -width / 2, -height / 2
    back[:2, 2] = width / 2, height / 2
    return back @ tilt @ to_middle


def pile(width, height, lean, chance, count, largest=0.65):
    """The corners of papers of one size, the uppermost last; none if that does not fit. It is all in the picture, but for some
    that run out of it."""
    cut = largest > 0.5 and chance.random() < CUT
    shape = chance.uniform(*SHAPES[chance.integers(len(SHAPES))])
    size = None
    for _ in range(40):
        area = chance.uniform(0.05, largest) * width * height
        size = np.array([math.sqrt(area * shape), math.sqrt(area / shape)])
        turn = chance.integers(4) * math.pi / 2 + chance.normal(0, 0.25 if chance.random() < 0.6 else 1)
        middle = np.array([width, height]) * chance.uniform(*((0.05, 0.95) if cut else (0.3, 0.7)), 2)
        top = seen(size, middle, turn, lean)
        if cut == (not ((top > 2).all() and (top < np.array([width, height]) - 2).all())):
            break
    else:
        return None
    kind = chance.integers(4)
    # Strewn, nearly flush, fanned out, in steps.
    spread, twist = [(0.16, 0.1), (0.025, 0.015), (0.01, 0.01), (0.01, 0.01)][kind]
    fan = chance.normal(0, 0.08) if kind == 2 else 0
    step = chance.normal(0, 0.05, 2) if kind >= 2 else np.zeros(2)
    below = []
    for number in range(count - 1, 0, -1):
        away = (chance.normal(0, spread, 2) + number * step) * size
        half = math.pi if chance.random() < 0.1 else 0
        below.append(seen(size, middle + away, turn + chance.normal(0, twist) + number * fan + half, lean))
    return [*below, top]


def seen(size, middle, turn, lean):
    cos, sin = math.cos(turn), math.sin(turn)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * size / 2 @ np.array([[cos, sin], [-sin, cos]]) + middle
    return cv2.perspectiveTransform(np.float32(corners)[None], lean)[0]


def sheet_for(quad, chance):
    """A print for these corners, drawn larger than it is seen."""
    wide = np.linalg.norm(quad[1] - quad[0])
    long = np.linalg.norm(quad[3] - quad[0])
    scale = min(3.0, 600 / max(wide, long))
    size = [max(16, int(side * scale)) for side in (wide, long)]
    if size[0] > size[1] and chance.random() < 0.5:
        return np.ascontiguousarray(printed(size[1], size[0], chance)[:, ::-1].transpose(1, 0, 2))
    return printed(*size, chance)


def with_frame(sheet, chance):
    """A frame ruled on a sheet, more often than not with nothing else on it."""
    rows, columns = sheet.shape[:2]
    if chance.random() < 0.6:
        sheet = np.full_like(sheet, np.percentile(sheet[::4, ::4], 80, axis=(0, 1)))
    sheet = np.ascontiguousarray(sheet)
    start, end = chance.uniform(0.04, 0.3, 2), 1 - chance.uniform(0.04, 0.3, 2)
    corners = [tuple(int(side) for side in at * [columns, rows]) for at in (start, end)]
    tone = chance.uniform(0, 150, 3) if chance.random() < 0.3 else np.full(3, chance.uniform(0, 120))
    cv2.rectangle(sheet, *corners, tuple(float(c) for c in tone), int(chance.integers(1, 7)))
    return sheet


def like_ground(sheet, picture, chance):
    """What makes a sheet's paper as bright as what it lies on, in half of the cases in each colour."""
    paper, around = np.percentile(sheet[::4, ::4], 80, axis=(0, 1)), np.median(picture[::4, ::4], (0, 1))
    if chance.random() < 0.5:
        paper, around = paper.mean(), around.mean()
    return np.clip(around / np.maximum(paper, 20), 0.15, 1.2) * chance.uniform(0.93, 1.12)


def laid(picture, sheet, quad, chance):
    """A sheet laid in the picture: its sides bend a little, it is not quite flat, it casts a shadow."""
    height, width = picture.shape[:2]
    rows, columns = sheet.shape[:2]
    to_sheet = cv2.getPerspectiveTransform(quad, np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])).astype(np.float32)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    across, down, far = [line[0] * x + line[1] * y + line[2] for line in to_sheet]
    far = np.where(np.abs(far) < 1e-6, np.float32(1e-6), far)
    u, v = across / far, down / far
    bend = chance.normal(0, 0.005, 4).astype(np.float32)
    bulge_u, bulge_v = [4 * np.clip(w, 0, 1) * (1 - np.clip(w, 0, 1)) for w in (u, v)]
    v = (v + bend[0] * bulge_u) / (1 + (bend[0] + bend[1]) * bulge_u)
    u = (u + bend[2] * bulge_v) / (1 + (bend[2] + bend[3]) * bulge_v)
    wide, long = np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0])
    inside = np.minimum(np.minimum(u, 1 - u) * wide, np.minimum(v, 1 - v) * long)
    mask = np.where(far > 0, np.clip(inside + 0.5, 0, 1), 0).astype(np.float32)
    soft = 0.4 * columns / max(wide, 1)
    sheet = cv2.GaussianBlur(sheet.astype(np.float32), (0, 0), max(soft, 0.1))
    where = [(w * side - 0.5).astype(np.float32) for w, side in ((u, columns), (v, rows))]
    seen_print = cv2.remap(sheet, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    along = u if chance.random() < 0.5 else v
    waves, start = np.float32(chance.uniform(0.5, 1.5)), np.float32(chance.random())
    uneven = 1 + chance.normal(0, 0.03) * np.cos(2 * math.pi * (along * waves + start))
    shift = np.float32([[1, 0, chance.normal(0, 0.8)], [0, 1, chance.normal(0, 0.8)]])
    shadow = cv2.GaussianBlur(cv2.warpAffine(mask, shift, (width, height)), (0, 0), chance.uniform(0.3, 3))
    depth = chance.uniform(0, 0.45) if chance.random() < 0.9 else 0
    share = mask[..., None]
    return picture * (1 - depth * shadow)[..., None] * (1 - share) + np.clip(seen_print * uneven[..., None], 0, 255) * share
