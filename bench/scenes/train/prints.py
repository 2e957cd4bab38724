"""What may be printed on a paper: anything from a blank sheet of a notepad to a newspaper or a colour photograph."""

import cv2
import numpy as np


def printed(width, height, chance):
    """A sheet (blue, green, red, 0 to 255) with something printed on it."""
    sheet = paper(width, height, chance)
    kinds = [columns, columns, columns, newspaper, newspaper, picture_page, framed, note, labels, table, card, notepad]
    draw = kinds[chance.integers(len(kinds))]
    draw(sheet, chance)
    if chance.random() < (0.5 if draw is notepad else 0.12):
        margins(sheet, chance)
    if chance.random() < 0.3:
        panels(sheet, chance)
    return np.clip(sheet, 0, 255)


def paper(width, height, chance):
    """Bare paper: white, yellowed or coloured, a little uneven."""
    draw = chance.random()
    if draw < 0.6:
        tone = chance.uniform(205, 252) + chance.uniform(-8, 8, 3)
    elif draw < 0.8:
        tone = chance.uniform(150, 235) * np.array([chance.uniform(0.55, 0.85), chance.uniform(0.8, 0.95), 1.0])
    else:
        tone = chance.uniform(60, 250, 3)
    uneven = cv2.resize(chance.standard_normal((4, 4)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    sheet = np.ones((height, width, 3), np.float32) * tone.astype(np.float32)
    return sheet * (1 + chance.uniform(0, 0.05) * uneven)[..., None]


def ink(chance):
    return chance.uniform(0, 90, 3) if chance.random() < 0.2 else np.full(3, chance.uniform(5, 90))


def box(sheet, chance, least=0.1, most=0.6):
    """A part of the sheet: left, top, right, bottom."""
    height, width = sheet.shape[:2]
    size = (chance.uniform(least, most, 2) * [width, height]).astype(int) + 2
    start = (chance.uniform(0, 1, 2) * np.maximum([width, height] - size, 0)).astype(int)
    return [start[0], start[1], start[0] + size[0], start[1] + size[1]]


def text(sheet, area, pitch, chance):
    """Lines of words that fill an area."""
    left, top, right, bottom = [int(v) for v in area]
    colour, dense, fill = ink(chance), chance.uniform(0.5, 0.95), chance.uniform(0.35, 0.7)
    dark = chance.uniform(0.5, 1.0)
    for y in np.arange(top, bottom - pitch * fill, pitch):
        top_row, tall = int(y), max(1, int(pitch * fill))
        end = right if chance.random() < 0.8 else left + (right - left) * chance.uniform(0.2, 1)
        x = left
        while x < end:
            word = pitch * chance.uniform(0.6, 5)
            stop = int(min(x + word, end))
            if stop > x:
                # Letters: strokes more or less close together, others at their foot than at their head.
                strokes = chance.random((2, stop - int(x))) < dense
                share = np.repeat(strokes, [tall // 2, tall - tall // 2], 0)[..., None] * dark
                part = sheet[top_row : top_row + tall, int(x) : stop]
                share = share[: part.shape[0], : part.shape[1]]
                part[:] = part * (1 - share) + colour * share
            x = stop + max(1, int(pitch * chance.uniform(0.25, 0.6)))


def picture(sheet, area, chance):
    """A photograph or drawing: clouds and patches, grey or in colour."""
    left, top, right, bottom = [int(v) for v in area]
    width, height = max(right - left, 2), max(bottom - top, 2)
    channels = 3 if chance.random() < 0.5 else 1
    total = np.zeros((height, width, channels), np.float32)
    for grain in (3, 7, 17, 40):
        layer = chance.standard_normal((grain, grain, channels)).astype(np.float32)
        total += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, channels) / grain**0.4
    total = (total - total.min()) / (np.ptp(total) + 1e-6)
    if chance.random() < 0.4:
        # A map, a drawing, a bitonal copy: few tones.
        steps = chance.integers(2, 6)
        total = np.round(total * steps) / steps
    low, high = np.sort(chance.uniform(0, 255, (2, 3)), 0)
    seen = low + (high - low) * total
    target = sheet[top:bottom, left:right]
    target[:] = seen[: target.shape[0], : target.shape[1]]


def bars(sheet, area, chance):
    """A barcode."""
    left, top, right, bottom = [int(v) for v in area]
    x = left
    while x < right:
        wide = int(chance.integers(1, 5))
        sheet[top:bottom, x : min(x + wide, right)] = 20
        x += wide + int(chance.integers(1, 5))


def columns(sheet, chance):
    """Text in columns, with headlines and pictures: letters, books, newspapers."""
    height, width = sheet.shape[:2]
    margin = chance.uniform(0.005, 0.13, 2) * [width, height]
    count = int(chance.choice([1, 1, 1, 2, 2, 3, 5, 8]))
    step = (width - 2 * margin[0]) / count
    pitch = chance.uniform(4, 16)
    for column in range(count):
        left = margin[0] + column * step
        text(sheet, [left, margin[1], left + step * chance.uniform(0.88, 0.97), height - margin[1]], pitch, chance)
    for _ in range(chance.integers(0, 5)):
        area = box(sheet, chance, 0.08, 0.55)
        sheet[area[1] : area[3], area[0] : area[2]] = sheet.max((0, 1))
        draw = chance.random()
        if draw < 0.5:
            picture(sheet, area, chance)
        elif draw < 0.8:
            text(sheet, area, chance.uniform(12, 40), chance)
        else:
            bars(sheet, area, chance)


def picture_page(sheet, chance):
    """One picture all over the sheet, or with a rim around it: a photograph, a map, a cover."""
    height, width = sheet.shape[:2]
    rim = int(chance.choice([0, chance.uniform(0, 0.12)]) * min(width, height))
    picture(sheet, [rim, rim, width - rim, height - rim], chance)
    for _ in range(chance.integers(0, 4)):
        text(sheet, box(sheet, chance, 0.15, 0.7), chance.uniform(6, 40), chance)


def newspaper(sheet, chance):
    """A newspaper's page: narrow columns of small print under headlines, to the very rim, and dark photographs."""
    height, width = sheet.shape[:2]
    margin = chance.uniform(0.0, 0.05) * width
    count = int(chance.integers(2, 8))
    step = (width - 2 * margin) / count
    pitch = chance.uniform(4, 9)
    top = margin + chance.uniform(0, 0.12) * height
    if chance.random() < 0.7:
        text(sheet, [margin, margin, width - margin, top], max(8, (top - margin) * 0.9), chance)
    for column in range(count):
        y = top
        while y < height - margin:
            tall = chance.uniform(0.08, 0.4) * height
            end, over = min(y + tall, height - margin), int(chance.choice([1, 1, 1, 2, 3]))
            left = margin + column * step
            area = [left, y, min(left + step * (over - 0.06), width - margin), end]
            draw = chance.random()
            if draw < 0.25:
                sheet[int(y) : int(end), int(left) : int(area[2])] = sheet.max((0, 1))
                text(sheet, area, chance.uniform(14, 50), chance)
            elif draw < 0.4:
                picture(sheet, area, chance)
            else:
                text(sheet, [left, y, left + step * 0.94, end], pitch, chance)
            y = end


def framed(sheet, chance):
    """A picture on bare paper: in the middle with a wide rim, or along one end, with or without words."""
    height, width = sheet.shape[:2]
    rim = chance.uniform(0.03, 0.35, 4) * [width, height, width, height]
    if chance.random() < 0.4:
        rim[chance.integers(4)] = 0
    area = [int(rim[0]), int(rim[1]), int(width - rim[2]), int(height - rim[3])]
    picture(sheet, area, chance)
    part = sheet[area[1] : area[3], area[0] : area[2]]
    part *= chance.uniform(0.25, 1.0)
    for _ in range(chance.integers(0, 4)):
        text(sheet, box(sheet, chance, 0.1, 0.5), chance.uniform(5, 25), chance)


def note(sheet, chance):
    """A bank note, a share, a certificate: fine lines all over, frames along the rim, a dark picture."""
    height, width = sheet.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for _ in range(chance.integers(1, 4)):
        pitch = chance.uniform(3, 12)
        wave = np.sin(x * chance.uniform(0, 0.08) + chance.uniform(0, 6)) * chance.uniform(0, 30)
        lines = 0.5 + 0.5 * np.sin((y * chance.uniform(-1, 1) + x * chance.uniform(-1, 1) + wave) * 2 * np.pi / pitch)
        sheet *= 1 - chance.uniform(0.1, 0.5) * (lines[..., None] * chance.uniform(0.3, 1.0, 3))
    inset = chance.uniform(0.01, 0.06) * min(width, height)
    for _ in range(chance.integers(1, 4)):
        left, thick = int(inset), int(chance.integers(1, 12))
        colour, far = ink(chance), (width - 1 - left, height - 1 - left)
        cv2.rectangle(sheet, (left, left), far, tuple(float(c) for c in colour), thick)
        inset += thick + chance.uniform(2, 12)
    area = box(sheet, chance, 0.2, 0.5)
    if chance.random() < 0.7:
        picture(sheet, area, chance)
    for _ in range(chance.integers(1, 6)):
        text(sheet, box(sheet, chance, 0.1, 0.5), chance.uniform(8, 50), chance)


def labels(sheet, chance):
    """The same small thing again and again: tickets, stamps, photographs for a passport."""
    height, width = sheet.shape[:2]
    across, down = chance.integers(1, 6, 2)
    size = [width // across, height // down]
    one = sheet[: size[1], : size[0]].copy()
    inner = [size[0] * 0.08, size[1] * 0.1, size[0] * 0.92, size[1] * chance.uniform(0.4, 0.8)]
    if chance.random() < 0.6:
        text(one, inner, chance.uniform(4, 12), chance)
    else:
        picture(one, inner, chance)
    if chance.random() < 0.6:
        bars(one, [size[0] * 0.1, size[1] * 0.82, size[0] * 0.9, size[1] * 0.95], chance)
    for j in range(down):
        for i in range(across):
            sheet[j * size[1] : (j + 1) * size[1], i * size[0] : (i + 1) * size[0]] = one


def table(sheet, chance):
    """Rows and columns of short entries, with or without rules, some rows filled."""
    height, width = sheet.shape[:2]
    margin = (chance.uniform(0.01, 0.12, 2) * [width, height]).astype(int)
    rows, across = int(chance.integers(4, 40)), int(chance.integers(2, 9))
    step = (height - 2 * margin[1]) / rows
    ruled, colour, banded = chance.random() < 0.6, ink(chance), chance.random() < 0.4
    for row in range(rows):
        top, bottom = int(margin[1] + row * step), int(margin[1] + (row + 1) * step)
        if banded and row % 2 == 0:
            sheet[top:bottom, margin[0] : width - margin[0]] *= chance.uniform(0.7, 0.95)
        if ruled:
            sheet[top : top + 2, margin[0] : width - margin[0]] = colour
        for column in range(across):
            left = margin[0] + column * (width - 2 * margin[0]) / across
            if chance.random() < 0.75:
                wide = (width - 2 * margin[0]) / across * chance.uniform(0.3, 0.85)
                text(sheet, [left + 3, top + step * 0.2, left + wide, bottom], max(4, step * 0.8), chance)
            if ruled and row == 0:
                sheet[margin[1] : height - margin[1], int(left) : int(left) + 2] = colour


def card(sheet, chance):
    """A card: a coloured ground, bands, a picture, a few words."""
    height, width = sheet.shape[:2]
    if chance.random() < 0.5:
        picture(sheet, [0, 0, width, height], chance)
        sheet[:] = sheet * chance.uniform(0.2, 0.6) + chance.uniform(60, 240, 3) * chance.uniform(0.4, 0.8)
    if chance.random() < 0.5:
        top = int(chance.uniform(0, 0.8) * height)
        sheet[top : top + int(chance.uniform(0.08, 0.25) * height)] = chance.uniform(0, 255, 3)
    if chance.random() < 0.7:
        picture(sheet, box(sheet, chance, 0.15, 0.5), chance)
    for _ in range(chance.integers(1, 6)):
        text(sheet, box(sheet, chance, 0.15, 0.6), chance.uniform(8, 30), chance)


def notepad(sheet, chance):
    """Lined, squared or framed paper with little on it, and a band along its top."""
    height, width = sheet.shape[:2]
    if chance.random() < 0.4:
        inset = (chance.uniform(0.03, 0.25, 2) * [width, height]).astype(int)
        far = [int(side) for side in [width, height] - inset - 1]
        tone = tuple(float(c) for c in ink(chance))
        cv2.rectangle(sheet, [int(side) for side in inset], far, tone, int(chance.integers(1, 8)))
    colour, pitch = chance.uniform(60, 230, 3), int(chance.integers(8, 40))
    if chance.random() < 0.6:
        for y in range(int(chance.uniform(0, 0.2) * height), height, pitch):
            sheet[y : y + 1 + pitch // 20] = colour
    if chance.random() < 0.4:
        for x in range(int(chance.uniform(0, 0.2) * width), width, pitch if chance.random() < 0.5 else width):
            sheet[:, x : x + 1 + pitch // 20] = colour
    if chance.random() < 0.5:
        band = int(chance.uniform(0.02, 0.2) * height)
        sheet[:band] = sheet[:band] * chance.uniform(0.8, 1.05) + chance.uniform(-20, 20)
        sheet[band : band + int(chance.integers(1, 5))] *= chance.uniform(0.6, 0.95)
    if chance.random() < 0.5:
        text(sheet, box(sheet, chance, 0.1, 0.8), chance.uniform(8, 30), chance)


def margins(sheet, chance):
    """Rules from one end of the sheet to the other, near a side and along it, the margin beyond now and then in another tone:
    they look like the side of a sheet that lies on another."""
    height, width = sheet.shape[:2]
    for _ in range(chance.integers(1, 3)):
        way, at_end = chance.random() < 0.6, chance.random() < 0.3
        lines = sheet.transpose(1, 0, 2) if way else sheet
        lines = lines[::-1] if at_end else lines
        place = int(chance.uniform(0.03, 0.3) * len(lines))
        if chance.random() < 0.4:
            lines[:place] *= chance.uniform(0.85, 1.08)
        tone, share = chance.uniform(0, 220, 3), chance.uniform(0.15, 0.9)
        for start in place + np.arange(chance.integers(1, 3)) * int(chance.integers(3, 12)):
            rule = lines[start : start + int(chance.integers(1, 5))]
            rule += (tone - rule) * share


def panels(sheet, chance):
    """A sheet that was folded: its panels lie in other light, with a crease between them."""
    height, width = sheet.shape[:2]
    for axis, side in ((0, height), (1, width)):
        folds = int(chance.choice([0, 1, 2, 3]))
        ends = [0, *sorted(chance.uniform(0.1, 0.9, folds) * side), side]
        for start, end in zip(ends, ends[1:]):
            part = [slice(None), slice(None)]
            part[axis] = slice(int(start), int(end))
            sheet[tuple(part)] *= chance.uniform(0.86, 1.04)
            part[axis] = slice(int(start), int(start) + int(chance.integers(1, 4)))
            sheet[tuple(part)] *= chance.choice([0.85, 1.08])
