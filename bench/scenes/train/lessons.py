"""Scenes made by `scenes teach`, varied without end."""

import math
import os

import cv2
import numpy as np

from covers import covered
from model import CELL
from prints import printed
from surfaces import ground
from tables import table

cv2.setNumThreads(1)

# What the net looks at, in the shapes of cameras and phones: width, height.
# A glance is of 224 pixels, a close look of 320.
SIZES = [(320, 240), (320, 240), (320, 240), (240, 320), (240, 320), (320, 192), (192, 320)]
SIZES += [(224, 160), (224, 176), (160, 224), (224, 128)]
# How wide sides and corners are drawn in what is to be learned: standard deviations in pixels.
SIDE_PX, CORNER_PX = 3.5, 4.5
# So many lessons show a scene as it is, in another light only.
UNALTERED = 0.35
# So many show none of it, but a table drawn anew.
ANEW = 0.30
# In so many of those that are not as they were, fingers or pens lie on the pages.
COVERED = 0.25


def scenes_of(folder):
    """The scenes that corners.txt speaks of: path, four corners of each paper in pixels, and what it lies on."""
    scenes = {}
    for name in os.listdir(folder):
        if name.endswith(".jpg"):
            scenes[int(name[:-4])] = {"path": os.path.join(folder, name), "quads": [], "mat": ""}
    last = 0
    with open(os.path.join(folder, "corners.txt")) as corners:
        for line in corners:
            words = line.split(" ", 11)
            scene = scenes.get(int(words[0]))
            if scene is not None:
                scene["quads"].append(np.array(words[3:11], np.float32).reshape(4, 2))
                scene["mat"] = words[11].strip()
                last = max(last, int(words[0]))
    # Those above were made since the list was written: whether they show a paper is not known.
    return [scene for seed, scene in scenes.items() if seed <= last]


def mask_of(quads, width, height):
    mask = np.zeros((height, width), np.uint8)
    for quad in quads:
        cv2.fillPoly(mask, [np.round(quad * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def wanted(quads, width, height):
    """What the net is to say: page, side, corner, for each place."""
    across, down = width // CELL, height // CELL
    page = cv2.resize(mask_of(quads, width, height), (across, down), interpolation=cv2.INTER_AREA)
    y, x = (np.mgrid[0:down, 0:across].astype(np.float32) + 0.5) * CELL
    to_side = np.full((down, across), 1e6, np.float32)
    to_corner = to_side.copy()
    for quad in quads:
        for start, end in zip(quad, np.roll(quad, -1, 0)):
            way = end - start
            t = ((x - start[0]) * way[0] + (y - start[1]) * way[1]) / max(float(way @ way), 1e-3)
            t = np.clip(t, 0, 1)
            off = (x - start[0] - t * way[0]) ** 2 + (y - start[1] - t * way[1]) ** 2
            to_side = np.minimum(to_side, off)
            to_corner = np.minimum(to_corner, (x - start[0]) ** 2 + (y - start[1]) ** 2)
    bells = [np.exp(-to_side / (2 * SIDE_PX**2)), np.exp(-to_corner / (2 * CORNER_PX**2))]
    return np.stack([page, *bells]).astype(np.float32)


def lengths(quad):
    """The lengths of a paper's sides in pixels: of the first and third, of the others."""
    sides = np.linalg.norm(quad - np.roll(quad, -1, 0), axis=1)
    return max(8, sides[0::2].mean()), max(8, sides[1::2].mean())


class Lessons:
    """Scenes in a folder, each time different."""

    def __init__(self, folder, seed):
        self.scenes = scenes_of(folder)
        self.chance = np.random.default_rng(seed)
        on = lambda mat: [i for i, scene in enumerate(self.scenes) if scene["mat"] == mat]
        # Where a paper lies on its like the net has most to learn.
        self.stacks, self.whites = on("stack"), on("white")
        self.bare = [i for i, scene in enumerate(self.scenes) if not scene["quads"]]

    def lesson(self, width, height):
        """A picture (blue, green, red bytes) of that size, and the corners of the pages in it."""
        chance = self.chance
        if chance.random() < ANEW:
            picture, quads = table(width, height, chance, self.bare_scene())
            if chance.random() < COVERED:
                picture = covered(picture, quads, chance)
            return self.in_light(picture), quads
        draw = chance.random()
        among = self.stacks if draw < 0.20 else self.whites if draw < 0.28 else range(len(self.scenes))
        picture, quads = self.read(among[chance.integers(len(among))])
        picture, quads = self.cropped(picture, quads, width, height)
        if chance.random() < UNALTERED / (1 - ANEW):
            return self.in_light(picture), quads
        if chance.random() < 0.40:
            picture = self.on_other_ground(picture, quads)
        draw = chance.random()
        if draw < 0.18:
            picture, quads = self.piled(picture, quads)
        elif draw < 0.48:
            picture, quads = self.laid_on(picture, quads, 0.4)
            if chance.random() < 0.25:
                picture, quads = self.laid_on(picture, quads, 0.4)
        if draw > 0.18 and chance.random() < 0.35:
            picture = self.printed_anew(picture, quads)
        if chance.random() < 0.20:
            picture = self.ruled(picture, quads)
        if chance.random() < COVERED:
            picture = covered(picture, quads, chance)
        for share, [low, high], tint, of_page in [
            (0.25, (0.6, 1.1), (0.8, 1.1), True),
            (0.15, (0.5, 1.5), (0.7, 1.3), False),
        ]:
            if chance.random() < share:
                mask = mask_of(quads, width, height)
                gain = chance.uniform(low, high) * chance.uniform(*tint, 3)
                picture = picture * (1 + (gain - 1) * (mask if of_page else 1 - mask)[..., None])
        return self.in_light(np.clip(picture, 0, 255)), quads

    def read(self, index):
        scene = self.scenes[index]
        return cv2.imread(scene["path"]), [quad.copy() for quad in scene["quads"]]

    def bare_scene(self):
        """A scene's picture in which no page is."""
        return self.read(self.bare[self.chance.integers(len(self.bare))])[0]

    def cropped(self, picture, quads, width, height):
        """A part of a scene, turned and mirrored; its pages mostly whole."""
        chance = self.chance
        h, w = picture.shape[:2]
        if (w > h) != (width > height) or chance.random() < 0.15:
            picture, quads = cv2.transpose(picture), [quad[::-1, ::-1].copy() for quad in quads]
            h, w = w, h
        if chance.random() < 0.5:
            picture, quads = picture[:, ::-1], [([w, 0] + quad * [-1, 1])[::-1] for quad in quads]
        if chance.random() < 0.5:
            picture, quads = picture[::-1], [([0, h] + quad * [1, -1])[::-1] for quad in quads]
        for _ in range(8):
            part_w = w * (1.0 if chance.random() < 0.35 else chance.uniform(0.55, 1.0))
            part_h = part_w / (width / height * chance.uniform(0.85, 1.15))
            if part_h > h:
                part_w, part_h = part_w * h / part_h, h
            start = np.array([chance.uniform(0, w - part_w + 1e-6), chance.uniform(0, h - part_h + 1e-6)])
            end = start + [part_w, part_h]
            cut = any((quad < start).any() or (quad > end).any() for quad in quads)
            if not cut or chance.random() < 0.12:
                break
        start, end = np.round(start).astype(int), np.round(end).astype(int)
        part = np.ascontiguousarray(picture[start[1] : end[1], start[0] : end[0]])
        scale = np.array([width / part.shape[1], height / part.shape[0]])
        kind = cv2.INTER_AREA if scale[0] < 1 else cv2.INTER_LINEAR
        part = cv2.resize(part, (width, height), interpolation=kind).astype(np.float32)
        return part, [((quad - start) * scale).astype(np.float32) for quad in quads]

    def piled(self, picture, quads):
        """Copies of one paper on each other, with the same print: only the uppermost is a page."""
        chance = self.chance
        if not quads:
            return picture, quads
        if chance.random() < 0.7:
            picture = self.printed_anew(picture, quads[:1])
        for _ in range(chance.integers(1, 6)):
            picture, quads = self.laid_on(picture, quads, 1.0)
        return picture, quads

    def laid_on(self, picture, quads, alike):
        """A paper of another scene laid on this one, or, in the share `alike`, a paper on its own like. Papers that it
        covers in part are none any more."""
        chance = self.chance
        height, width = picture.shape[:2]
        if quads and chance.random() < alike:
            # Its own like, a little aside: what an office's forms do.
            source, quad = np.clip(picture, 0, 255).astype(np.uint8), quads[0]
            long, wide = lengths(quad)
            on = self.aside(quad)
        else:
            sheet = self.whole_sheet()
            if sheet is None:
                return picture, quads
            source, quad = sheet
            long, wide = lengths(quad)
            on = self.place(quads, long, wide, width, height)
        if (on < 2).any() or (on > np.array([width, height]) - 2).any():
            if chance.random() < 0.85:
                return picture, quads
        # A hair inside, so that nothing of its old ground comes with it.
        quad = quad + (quad.mean(0) - quad) * 0.006
        shrinks = long / max(np.linalg.norm(on[1] - on[0]), 1)
        if shrinks > 1.5:
            source = cv2.GaussianBlur(source, (0, 0), 0.35 * shrinks)
        warp = cv2.getPerspectiveTransform(quad.astype(np.float32), on)
        sheet = cv2.warpPerspective(source, warp, (width, height), borderMode=cv2.BORDER_REPLICATE)
        sheet = sheet.astype(np.float32)
        mask = mask_of([on], width, height)
        if chance.random() < 0.5:
            inside = mask > 0.5
            ring = (cv2.dilate(mask, np.ones((9, 9))) > 0.5) & ~inside
            if inside.sum() > 50 and ring.sum() > 20:
                like = np.median(picture[ring], 0) * chance.uniform(0.93, 1.07)
                sheet = sheet * (like / np.maximum(np.median(sheet[inside], 0), 10))
        depth = chance.uniform(0, 0.45) if chance.random() < 0.8 else 0
        shift = np.float32([[1, 0, chance.normal(0, 1.5)], [0, 1, chance.normal(0, 1.5)]])
        shadow = cv2.GaussianBlur(cv2.warpAffine(mask, shift, (width, height)), (0, 0), chance.uniform(0.6, 5))
        share = cv2.GaussianBlur(mask, (0, 0), chance.uniform(0.3, 0.9))[..., None]
        picture = picture * (1 - depth * shadow)[..., None] * (1 - share) + np.clip(sheet, 0, 255) * share
        free = [q for q in quads if cv2.intersectConvexConvex(q.astype(np.float32), on)[0] <= 1.0]
        return picture, free + [on]

    def aside(self, quad):
        """The same figure moved by some of its size, a hair or a good part of it, and turned a little."""
        chance = self.chance
        middle, size = quad.mean(0), math.sqrt(max(cv2.contourArea(quad.astype(np.float32)), 1))
        wide = chance.choice([0.02, 0.06, 0.12])
        turn = chance.normal(0, wide)
        cos, sin = math.cos(turn), math.sin(turn)
        turned = (quad - middle) @ np.array([[cos, sin], [-sin, cos]])
        return (turned + middle + chance.normal(0, wide, 2) * size).astype(np.float32)

    def whole_sheet(self):
        """A scene's picture, and the corners of a paper that is all in it."""
        for _ in range(6):
            picture, quads = self.read(self.chance.integers(len(self.scenes)))
            h, w = picture.shape[:2]
            for quad in quads:
                if quad.min() >= 0 and (quad < [w, h]).all():
                    return picture, quad
        return None

    def place(self, quads, long, wide, width, height):
        """Where a paper of these sides comes to lie: its four corners."""
        chance = self.chance
        if quads and chance.random() < 0.6:
            below = quads[0]
            area = cv2.contourArea(below)
            middle = below.mean(0) + chance.normal(0, 0.15, 2) * math.sqrt(area)
            way = below[1] - below[0]
            turn = math.atan2(way[1], way[0]) + chance.normal(0, 0.15) + chance.integers(4) * math.pi / 2
            area *= chance.uniform(0.5, 1.3)
        else:
            middle = chance.uniform(0.3, 0.7, 2) * [width, height]
            area = width * height * chance.uniform(0.06, 0.6)
            turn = chance.uniform(0, 2 * math.pi)
        half = np.array([long, wide]) * math.sqrt(area / (long * wide)) / 2
        cos, sin = math.cos(turn), math.sin(turn)
        on = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half @ np.array([[cos, sin], [-sin, cos]])
        return (on + middle + chance.normal(0, 0.02, (4, 2)) * math.sqrt(area)).astype(np.float32)

    def on_other_ground(self, picture, quads):
        """Another surface outside the pages, in the light of the old one."""
        chance = self.chance
        height, width = picture.shape[:2]
        outside = 1 - mask_of([quad + (quad - quad.mean(0)) * 0.01 for quad in quads], width, height)
        other = self.bare_scene()
        mean = (picture * outside[..., None]).sum((0, 1)) / max(outside.sum(), 1)
        old = cv2.GaussianBlur(picture, (0, 0), 2) if chance.random() < 0.7 else picture
        new = ground(width, height, chance, other) * np.clip(old / np.maximum(mean, 12), 0.3, 1.6)
        share = chance.uniform(0.5, 1.0) * cv2.GaussianBlur(outside, (0, 0), 0.6)[..., None]
        return picture * (1 - share) + new * share

    def printed_anew(self, picture, quads):
        """Other things printed on a page than the scenes' few papers show, in the light that lies on it."""
        chance = self.chance
        height, width = picture.shape[:2]
        if not quads:
            return picture
        quad = quads[chance.integers(len(quads))].astype(np.float32)
        wide, long = lengths(quad)
        # Drawn larger than it is seen, as print is.
        scale = min(3.0, 700 / max(wide, long))
        sheet = printed(max(16, int(wide * scale)), max(16, int(long * scale)), chance)
        sheet = cv2.GaussianBlur(sheet, (0, 0), 0.35 * scale)
        size = np.float32([sheet.shape[1], sheet.shape[0]])
        warp = cv2.getPerspectiveTransform(np.float32([[0, 0], [1, 0], [1, 1], [0, 1]]) * size, quad)
        seen = cv2.warpPerspective(sheet, warp, (width, height), borderMode=cv2.BORDER_REPLICATE)
        mask = mask_of([quad], width, height)
        inside = picture[mask > 0.9]
        if len(inside) < 30:
            return picture
        light = cv2.GaussianBlur(picture, (0, 0), 0.03 * max(width, height))
        light = np.clip(light / np.maximum(np.median(inside, 0), 20), 0.5, 1.3)
        bright = np.percentile(inside, 80) / 235
        seen = np.clip(seen * light * max(bright, 0.25), 0, 255)
        share = cv2.GaussianBlur(mask, (0, 0), 0.5)[..., None]
        return picture * (1 - share) + seen * share

    def ruled(self, picture, quads):
        """Frames and grids of lines printed on pages or on the ground, now and then on pages without anything else: none
        of them is a side."""
        chance = self.chance
        height, width = picture.shape[:2]
        on_page = bool(quads) and chance.random() < 0.6
        if on_page:
            corners = quads[chance.integers(len(quads))].astype(np.float32)
        else:
            corners = (chance.uniform(-0.1, 1.1, (1, 2)) + [[0, 0], [0.6, 0], [0.6, 0.6], [0, 0.6]]) * [width, height]
            corners = (corners + chance.normal(0, 20, (4, 2))).astype(np.float32)
        square = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])
        warp = cv2.getPerspectiveTransform(square, corners)
        inset, far = chance.uniform(0.01, 0.2, 2), 1 - chance.uniform(0.01, 0.2, 2)
        across, down = [2, 2] if chance.random() < 0.6 else chance.integers(2, 12, 2)
        lines = [[[x, inset[1]], [x, far[1]]] for x in np.linspace(inset[0], far[0], across)]
        lines += [[[inset[0], y], [far[0], y]] for y in np.linspace(inset[1], far[1], down)]
        ends = cv2.perspectiveTransform(np.float32(lines), warp)
        ink = np.zeros((height, width), np.uint8)
        thickness = int(chance.integers(1, 3))
        for start, end in np.round(np.clip(ends, -2000, 2000) * 16).astype(int):
            cv2.line(ink, start, end, 255, thickness, cv2.LINE_AA, 4)
        where = mask_of([corners] if on_page else quads, width, height)
        share = ink / 255.0 * chance.uniform(0.3, 1.0) * (where if on_page else 1 - where)
        if on_page and chance.random() < 0.3:
            bare = where[..., None]
            inside = picture[where > 0.9]
            if len(inside):
                picture = picture * (1 - bare) + np.percentile(inside, 70, axis=0) * bare
        return picture * (1 - share[..., None]) + chance.uniform(0, 255, 3) * share[..., None]

    def in_light(self, picture):
        """The same in another light, through another lens and sensor."""
        chance = self.chance
        height, width = picture.shape[:2]
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        if chance.random() < 0.3:
            turn = chance.uniform(0, 2 * math.pi)
            along = (x / width - 0.5) * math.cos(turn) + (y / height - 0.5) * math.sin(turn)
            picture = picture * (1 + chance.uniform(-0.6, 0.6) * along)[..., None]
        if chance.random() < 0.3:
            turn, [from_x, from_y] = chance.uniform(0, 2 * math.pi), chance.uniform(0.1, 0.9, 2) * [width, height]
            along = (x - from_x) * math.cos(turn) + (y - from_y) * math.sin(turn)
            shade = 1 / (1 + np.exp(-np.clip(along / chance.uniform(0.7, 12), -30, 30)))
            picture = picture * (1 - chance.uniform(0.1, 0.5) * shade)[..., None]
        if chance.random() < 0.5:
            picture = picture * (chance.uniform(0.5, 1.25) * chance.uniform(0.85, 1.15, 3)).astype(np.float32)
        if chance.random() < 0.4:
            picture = 255 * (np.clip(picture, 0, 255) / 255) ** chance.uniform(0.6, 1.7)
        if chance.random() < 0.12:
            picture = np.repeat(picture.mean(2, keepdims=True), 3, 2)
        if chance.random() < 0.3:
            picture = cv2.GaussianBlur(picture, (0, 0), chance.uniform(0.3, 1.4))
        if chance.random() < 0.1:
            picture = 255 - np.clip(255 - picture * chance.uniform(1.1, 1.6), 0, 255)
        if chance.random() < 0.5:
            grain = chance.uniform(0, 7) * chance.standard_normal((height, width, 1))
            picture = picture + grain + chance.uniform(0, 3) * chance.standard_normal((height, width, 3))
        picture = np.clip(picture, 0, 255).astype(np.uint8)
        if chance.random() < 0.3:
            quality = int(chance.integers(35, 92))
            picture = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)
        return picture
