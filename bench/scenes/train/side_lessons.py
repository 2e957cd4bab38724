"""Makes the strips to train the side net on: side_lessons.py OUT.npz LESSONS... [--count N] [--seed S]

Figures near the true one are laid on scenes as they are and on such as `lessons.py` varies: each side in its place, or off it,
as the page finder's own mistakes are. Where the figure has a side says nothing, or the net would learn just that."""

import argparse
import time

import cv2
import numpy as np

from lessons import Lessons, scenes_of
from strips import aligned, outward, overlap, size_of, strip, true_rows, with_sides
from side_model import ACROSS_PX, ALONG_PX, COLUMNS

SEARCH_PX = 640
FIGURES = 4
# Sides that are right are off their place by up to so much of the figure's size, and so many of them farther.
NEARLY = 0.012
SLID = 0.5


def moved(true, others, chance):
    """A figure that has some of the true one's sides, nearly, and others farther off."""
    size = size_of(true)
    lines = []
    wrong = 0.7 * chance.random()
    for i in range(4):
        ends = chance.uniform(-1, 1, 2) * NEARLY * size
        line = true[i], true[(i + 1) % 4]
        if chance.random() < wrong:
            if others and chance.random() < 0.7:
                # On a side of another paper that runs nearly the same way.
                other = aligned(others[chance.integers(len(others))], true)
                line = other[i], other[(i + 1) % 4]
            else:
                ends = ends + off(chance) * size
        lines.append(beside(*line, ends))
    return with_sides(lines)


def off(chance):
    """How far off a side lies at its ends: mostly outwards, as on paper that looks out below, often at one end only."""
    shift = chance.uniform(-0.09, 0.28)
    return shift * np.array([1.0, 1.0]) * chance.choice([0, 1, 1], 2) + chance.normal(0, 0.02, 2)


def beside(a, b, ends):
    """A line moved outwards, so far at either end."""
    out = outward(a, b)
    return a + out * ends[0], b + out * ends[1]


def slid(quad, side, chance):
    """The figure with this side anywhere: where the figure has it must say nothing of where the true one runs."""
    lines = [(quad[i], quad[(i + 1) % 4]) for i in range(4)]
    lines[side] = beside(*lines[side], off(chance) * size_of(quad))
    return with_sides(lines)


class SideLessons(Lessons):
    def __init__(self, folders, seed):
        super().__init__(folders[0], seed)
        for folder in folders[1:]:
            self.scenes += scenes_of(folder)

    def figures(self):
        """A picture, its true figure, and figures to be put right."""
        chance = self.chance
        picture, quads = self.read(chance.integers(len(self.scenes)))
        if not quads:
            return None
        h, w = picture.shape[:2]
        scale = SEARCH_PX / max(h, w)
        if scale < 1:
            picture = cv2.resize(picture, (round(w * scale), round(h * scale)), interpolation=cv2.INTER_AREA)
            quads = [quad * scale for quad in quads]
        h, w = picture.shape[:2]
        before, others = quads, []
        if chance.random() < 0.6:
            picture = picture.astype(np.float32)
            draw = chance.random()
            if draw < 0.15:
                picture, quads = self.piled(picture, quads)
            elif draw < 0.60:
                picture, quads = self.laid_on(picture, quads, 0.4)
            others = [quad for quad in before if not any(quad is q for q in quads)]
            if chance.random() < 0.25:
                picture = self.printed_anew(picture, quads)
            if chance.random() < 0.25:
                picture = self.on_other_ground(picture, quads)
            if chance.random() < 0.2:
                picture = self.ruled(picture, quads)
            picture = self.in_light(np.clip(picture, 0, 255))
        whole = [q for q in quads if (q > -0.02 * w).all() and (q < np.array([w, h]) + 0.02 * w).all()]
        if not whole:
            return None
        true = whole[-1] if others else whole[chance.integers(len(whole))]
        return picture, true, [moved(true, others, chance) for _ in range(FIGURES)]


def make(folders, seed, count):
    lessons = SideLessons(folders, seed)
    strips = np.zeros((count, ACROSS_PX, ALONG_PX, 3), np.uint8)
    rows = np.zeros((count, COLUMNS), np.float32)
    made, start = 0, time.time()
    while made < count:
        drawn = lessons.figures()
        if drawn is None:
            continue
        picture, true, figures = drawn
        for quad in figures:
            for side in range(4):
                looked_at = slid(quad, side, lessons.chance) if lessons.chance.random() < SLID else quad
                sound = cv2.isContourConvex(looked_at.astype(np.float32)) and overlap(true, looked_at) > 0.4
                if made < count and sound:
                    strips[made] = strip(picture, looked_at, side)
                    rows[made] = true_rows(looked_at, side, true)
                    made += 1
        if made % 4096 < 16:
            print(made, f"{time.time() - start:.0f} s", flush=True)
    return strips, rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("lessons", nargs="+")
    parser.add_argument("--count", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    strips, rows = make(asked.lessons, asked.seed, asked.count)
    np.savez(asked.out, strips=strips, rows=rows)
