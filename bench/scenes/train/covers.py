"""What lies on pages and hides their sides and corners: fingers, pens, cables."""

import math

import cv2
import numpy as np

SKINS = [(146, 172, 222), (112, 142, 196), (80, 104, 150)]


def covered(picture, quads, chance):
    """A hand at a page, a few pens across it, or a cable. What is under them is page all the same."""
    height, width = picture.shape[:2]
    longer = max(width, height)
    quad = quads[chance.integers(len(quads))] if quads else np.array([[0, 0], [width, 0], [width, height], [0, height]])
    for _ in range(chance.integers(1, 3)):
        # Near a corner, a place on a side, or any place of the page.
        corner = chance.integers(4)
        side = quad[corner] + (quad[(corner + 1) % 4] - quad[corner]) * chance.choice([0, chance.uniform(0, 1)])
        at = side + (quad.mean(0) - side) * chance.choice([0.1, chance.uniform(0, 1)])
        draw = chance.random()
        if draw < 0.6:
            picture = hand(picture, at, quad.mean(0), longer, chance)
        elif draw < 0.85:
            turn, reach = chance.uniform(0, math.pi), chance.uniform(0.12, 0.6) * longer
            way = np.array([math.cos(turn), math.sin(turn)]) * reach
            thick = chance.uniform(0.006, 0.02) * longer
            start, end = at - way * chance.random(), at + way * chance.random()
            picture = laid_across(picture, start, end, thick, colour(chance), chance)
        else:
            points = at + np.cumsum(chance.normal(0, 0.12, (6, 2)), 0) * longer
            thick, tone = chance.uniform(0.003, 0.01) * longer, colour(chance)
            for start, end in zip(points, points[1:]):
                picture = laid_across(picture, start, end, thick, tone, chance, shadow=0.1)
    return picture


def colour(chance):
    return chance.uniform(10, 200, 3) if chance.random() < 0.6 else np.full(3, chance.uniform(10, 230))


def hand(picture, at, middle, longer, chance):
    """One to four fingers side by side, from outside the page to a place on it."""
    away = at - middle + chance.normal(0, 0.15, 2) * longer
    away = away / max(np.linalg.norm(away), 1e-3)
    aside = np.array([-away[1], away[0]])
    thick = chance.uniform(0.018, 0.06) * longer
    tone = np.array(SKINS[chance.integers(3)]) * chance.uniform(0.6, 1.1) * (1 + chance.normal(0, 0.05, 3))
    for finger in range(chance.integers(1, 5)):
        tip = at + aside * finger * thick * chance.uniform(1.8, 2.3) + away * chance.normal(0, 0.7) * thick
        root = tip + longer * (away * chance.choice([1.5, chance.uniform(0.2, 0.6)]) + aside * chance.normal(0, 0.05))
        picture = laid_across(picture, tip, root, thick, tone, chance)
    return picture


def laid_across(picture, start, end, thick, tone, chance, shadow=0.35):
    """A rounded stroke, lighter along its middle, and its shadow."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    start, way = np.float32(start), np.float32(end) - np.float32(start)
    t = np.clip(((x - start[0]) * way[0] + (y - start[1]) * way[1]) / max(float(way @ way), 1e-3), 0, 1)
    off = np.sqrt((x - start[0] - t * way[0]) ** 2 + (y - start[1] - t * way[1]) ** 2)
    share = np.clip(thick - off + 0.5, 0, 1)[..., None]
    round_ = (0.55 + 0.45 * np.sqrt(np.clip(1 - (off / max(thick, 1)) ** 2, 0, 1)))[..., None]
    shift = np.float32([[1, 0, chance.normal(0, 0.4) * thick], [0, 1, chance.normal(0, 0.4) * thick]])
    cast = cv2.GaussianBlur(cv2.warpAffine(share[..., 0], shift, (width, height)), (0, 0), 0.5 + 0.25 * thick)
    picture = picture * (1 - chance.uniform(0, shadow) * cast)[..., None]
    light = min(max(float(picture.mean()) / 140, 0.3), 1.2) if chance.random() < 0.7 else 1
    return picture * (1 - share) + np.clip(np.float32(tone) * round_ * light, 0, 255) * share
