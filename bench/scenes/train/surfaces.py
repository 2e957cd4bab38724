"""Surfaces for papers to lie on, of kinds that no scene has."""

import math

import cv2
import numpy as np

from prints import printed


def cloud(width, height, chance):
    """Noise of several scales."""
    total = np.zeros((height, width), np.float32)
    gain, grain = 1.0, chance.choice([2, 4, 8, 16, 32])
    while grain < max(width, height) and gain > 0.05:
        longer = max(width, height)
        size = (max(2, grain * height // longer), max(2, grain * width // longer))
        layer = chance.standard_normal(size).astype(np.float32)
        total += gain * cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
        gain *= chance.uniform(0.35, 0.9)
        grain *= 2
    return total


def patches(width, height, chance):
    """Flat patches of any shape."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    nearest = np.full((height, width), 1e9, np.float32)
    level = np.zeros((height, width), np.float32)
    for _ in range(chance.integers(5, 60)):
        away = (x - chance.uniform(0, width)) ** 2 + (y - chance.uniform(0, height)) ** 2
        closer = away < nearest
        nearest[closer] = away[closer]
        level[closer] = chance.uniform()
    return level


def ground(width, height, chance, other):
    """A surface that no scene has: another scene, something printed, or a drawn one."""
    if chance.random() < 0.12:
        picture = cv2.resize(other, (width, height)).astype(np.float32)
        return picture[::-1].copy() if chance.random() < 0.5 else picture
    if chance.random() < 0.08:
        return cv2.resize(printed(2 * width, 2 * height, chance), (width, height), interpolation=cv2.INTER_AREA)
    if chance.random() < 0.08:
        return things(width, height, chance)
    first, second = colours(chance)
    level = (regular if chance.random() < 0.45 else grown)(width, height, chance)
    level = cv2.GaussianBlur(level, (0, 0), chance.uniform(0.4, 1.2))[..., None]
    grain = chance.uniform(0, 8) * chance.standard_normal((height, width, 1))
    return first * level + second * (1 - level) + grain.astype(np.float32)


def colours(chance):
    """Two colours of one surface: mostly those of wood, stone and cloth, of little colour and not far apart."""
    any_colour = lambda: chance.uniform(20, 240, 3).astype(np.float32)
    if chance.random() < 0.3:
        return any_colour(), any_colour()
    # Blue, green, red: brown to grey to bluish.
    warm = chance.choice([chance.uniform(0, 1), chance.uniform(-0.25, 0.25)])
    tint = np.array([1 - 0.55 * warm, 1 - 0.22 * warm, 1.0], np.float32) * (1 + chance.normal(0, 0.04, 3))
    first = chance.uniform(25, 240) * tint
    second = first * chance.uniform(0.35, 1.5) * (1 + chance.normal(0, 0.05, 3))
    return np.clip(first, 0, 255).astype(np.float32), np.clip(second, 0, 255).astype(np.float32)


def turned(width, height, chance):
    """Coordinates along and across a direction drawn at random."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    turn = chance.uniform(0, math.pi)
    return x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)


def regular(width, height, chance):
    """What people make: stripes, checks, tiles, rings, lines of print, planks, parquet, weave. Each 0 to 1."""
    u, v = turned(width, height, chance)
    kind = chance.integers(8)
    pitch = chance.uniform(6, 80) if chance.random() < 0.7 else chance.uniform(60, 180)
    other = pitch * chance.uniform(0.5, 2)
    if kind == 0:
        return ((u / pitch) % 1 < chance.uniform(0.2, 0.8)).astype(np.float32)
    if kind == 1:
        return (((u // pitch) + (v // other)) % 2).astype(np.float32)
    if kind == 2:
        gap = chance.uniform(0.6, 3)
        shift = (v // other % 2) * pitch / 2 if chance.random() < 0.5 else 0
        joints = np.maximum((u + shift) % pitch < gap, v % other < gap)
        tone = hashed((u + shift) // pitch, v // other, chance) * chance.uniform(0, 0.5)
        return np.where(joints, 0, 1 - tone + 0.1 * cloud(width, height, chance)).astype(np.float32)
    if kind == 3:
        return np.clip(0.5 + 0.5 * np.sin(u * 2 * math.pi / pitch + 2 * cloud(width, height, chance)), 0, 1)
    if kind == 4:
        line = chance.uniform(6, 16)
        ink = (v % line < line * 0.45) & (chance.random((height, width)) < 0.6)
        return 1 - (ink & ((u // chance.uniform(20, 90)) % 5 > 0)).astype(np.float32)
    if kind == 5:
        return planks(u, v, pitch, chance)
    if kind == 6:
        # Parquet: blocks of planks, every other one across.
        block = pitch * 2
        across = ((u // block) + (v // block)) % 2 > 0
        return np.where(across, planks(u, v, pitch / 2, chance), planks(v, u, pitch / 2, chance))
    thread = chance.uniform(2.5, 9)
    over = ((u // thread) + (v // thread)) % 2 > 0
    round_ = lambda w: np.abs(np.sin(math.pi * w / thread))
    return np.clip(np.where(over, round_(u), round_(v)) + 0.15 * cloud(width, height, chance), 0, 1)


def hashed(i, j, chance):
    """A number 0 to 1 for each cell."""
    return np.abs(np.sin(i * 12.9898 + j * 78.233 + chance.uniform(0, 9)) * 43758.5453) % 1


def planks(u, v, pitch, chance):
    """Boards with grain along them, each of its own tone, and seams."""
    length = pitch * chance.uniform(3, 20)
    board = v // pitch
    shift = hashed(board, board, chance) * length
    tone = hashed(board, (u + shift) // length, chance)
    bend = 2 * np.sin(u * 0.02 + board)
    grain = np.sin((v + bend) * chance.uniform(0.8, 3) + 9 * tone) * np.sin((v + bend) * 0.37 + u * 0.004)
    seam = np.minimum(v % pitch, (u + shift) % length) < chance.uniform(0.3, 1.8)
    level = 0.55 + chance.uniform(0, 0.5) * (tone - 0.5) + chance.uniform(0.05, 0.25) * grain
    return np.where(seam & (chance.random() < 0.8), 0, np.clip(level, 0, 1)).astype(np.float32)


def grown(width, height, chance):
    """What nobody made: clouds, patches, stones, pebbles, veins, plaster, fibres. Each 0 to 1."""
    kind = chance.integers(7)
    if kind == 0:
        return np.clip(0.5 + 0.35 * cloud(width, height, chance), 0, 1)
    if kind == 1:
        return patches(width, height, chance)
    if kind in (2, 3):
        return stones(width, height, chance, domed=kind == 3)
    if kind == 4:
        # Marble: thin ridges where a cloud crosses a level.
        vein = 1 - np.abs(cloud(width, height, chance)) / chance.uniform(0.05, 0.4)
        return np.clip(0.75 + 0.15 * cloud(width, height, chance) - 0.6 * np.clip(vein, 0, 1), 0, 1)
    if kind == 5:
        # Rough plaster, leather, crumpled cloth: the slopes of a cloud in light from one side.
        relief = cv2.GaussianBlur(cloud(width, height, chance), (0, 0), chance.uniform(0.5, 3))
        turn = chance.uniform(0, 2 * math.pi)
        slope = math.cos(turn) * np.gradient(relief, axis=1) + math.sin(turn) * np.gradient(relief, axis=0)
        return np.clip(0.5 + chance.uniform(0.1, 0.35) * slope / (slope.std() + 1e-6), 0, 1)
    fibres = chance.standard_normal((height, width)).astype(np.float32)
    size = int(chance.integers(3, 25)) | 1
    stroke = np.zeros((size, size), np.float32)
    middle, turn = size // 2, chance.uniform(0, math.pi)
    reach = np.array([math.cos(turn), math.sin(turn)]) * middle
    ends = [tuple(int(round(c)) for c in middle + side * reach) for side in (-1, 1)]
    cv2.line(stroke, ends[0], ends[1], 1.0, 1)
    fibres = cv2.filter2D(fibres, -1, stroke)
    return np.clip(0.5 + 0.25 * fibres / (fibres.std() + 1e-6), 0, 1)


def stones(width, height, chance, domed):
    """Stones of any shape with seams between them; pebbles are lighter in their middles."""
    seeds = np.full((height, width), 255, np.uint8)
    count = int(chance.integers(10, 700))
    seeds[chance.integers(0, height, count), chance.integers(0, width, count)] = 0
    away, cell = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    tone = chance.random(cell.max() + 1).astype(np.float32)[cell]
    wide = math.sqrt(width * height / count)
    if domed:
        return np.clip(1 - away / (0.8 * wide), 0, 1) * (0.6 + 0.4 * tone)
    seam = cv2.morphologyEx(cell.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
    level = 0.9 - chance.uniform(0, 0.6) * tone + 0.08 * cloud(width, height, chance)
    return np.clip(np.where(seam, chance.choice([0.0, 0.15, 1.0]), level), 0, 1).astype(np.float32)


def things(width, height, chance):
    """A desk full of things: round and angular ones over one another, each shaded."""
    picture = np.ones((height, width, 3), np.float32) * chance.uniform(20, 220, 3)
    for _ in range(chance.integers(3, 22)):
        middle = chance.uniform(0, 1, 2) * [width, height]
        mask = np.zeros((height, width), np.uint8)
        size = chance.uniform(0.02, 0.3) * max(width, height)
        if chance.random() < 0.5:
            axes = (int(size), int(size * chance.uniform(0.2, 1)))
            cv2.ellipse(mask, tuple(int(c) for c in middle), axes, chance.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA)
        else:
            corners = int(chance.integers(3, 9))
            turns = np.sort(chance.uniform(0, 2 * math.pi, corners))
            reach = size * chance.uniform(0.5, 1, corners)
            points = middle + np.stack([np.cos(turns), np.sin(turns)], 1) * reach[:, None]
            cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 255, cv2.LINE_AA)
        share = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), chance.uniform(0.4, 2.5))[..., None]
        shade = 1 + chance.uniform(0, 0.4) * np.clip(cloud(width, height, chance), -1, 1)[..., None]
        picture = picture * (1 - share) + chance.uniform(5, 245, 3) * shade * share
    return picture
