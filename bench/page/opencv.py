"""The usual OpenCV pipeline, one thread: a photograph's bytes to an A4 page's bytes at 300 dpi, and their hash.

Prints one line of JSON, as `bench-page ours` does.
"""

import argparse
import hashlib
import json
import resource
import time

import cv2
import numpy as np

PAGE_PX = (2480, 3508)
SEARCH_SIDE_PX = 1024
STAGES = ["decode", "shrink", "find", "warp", "encode", "hash"]


def find(small):
    """The largest four-sided outline, or nothing."""
    blurred = cv2.GaussianBlur(small, (5, 5), 0)
    edges = np.zeros(small.shape[:2], np.uint8)
    for channel in cv2.split(blurred):
        edges |= cv2.Canny(channel, 50, 150)
    edges = cv2.dilate(edges, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for outline in sorted(outlines, key=cv2.contourArea, reverse=True)[:10]:
        figure = cv2.approxPolyDP(outline, 0.02 * cv2.arcLength(outline, True), True)
        if len(figure) == 4 and cv2.isContourConvex(figure) and cv2.contourArea(figure) > 0.05 * edges.size:
            return figure.reshape(4, 2).astype(np.float32)
    return None


def in_order(corners):
    """Top-left, top-right, bottom-right, bottom-left."""
    total, difference = corners.sum(1), corners[:, 0] - corners[:, 1]
    picked = [total.argmin(), difference.argmax(), total.argmax(), difference.argmin()]
    return np.float32([corners[i] for i in picked])


def run(data):
    laps = [time.perf_counter()]
    frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    laps.append(time.perf_counter())
    scale = SEARCH_SIDE_PX / max(frame.shape[:2])
    small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    laps.append(time.perf_counter())
    corners = find(small)
    if corners is None:
        raise SystemExit("no page was found")
    corners = in_order(corners / scale)
    laps.append(time.perf_counter())
    width, height = PAGE_PX
    page_corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    page = cv2.warpPerspective(
        frame, cv2.getPerspectiveTransform(corners, page_corners), PAGE_PX, flags=cv2.INTER_LINEAR
    )
    laps.append(time.perf_counter())
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    _, encoded = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, 85, *sampling])
    laps.append(time.perf_counter())
    hashlib.sha256(encoded).digest()
    laps.append(time.perf_counter())
    return [(b - a) * 1e3 for a, b in zip(laps, laps[1:])], [width, height, len(encoded)]


def memory_bytes():
    with open("/proc/self/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["VmRSS"].split()[0]) * 1024


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("file")
    arguments.add_argument("--runs", type=int, required=True)
    arguments = arguments.parse_args()
    cv2.setNumThreads(1)
    with open(arguments.file, "rb") as file:
        data = file.read()
    start_bytes = memory_bytes()
    runs = [run(data) for _ in range(arguments.runs + 1)]
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    measured = {"stages": STAGES, "runs_ms": [laps for laps, _ in runs[1:]], "page": runs[-1][1]}
    print(json.dumps(measured | {"start_bytes": start_bytes, "peak_bytes": peak_bytes}))


main()
