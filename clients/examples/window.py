#!/usr/bin/env python3
"""A window's transaction with Python alone: reads the card, captures the paper, files it, lists what is on file.

WINDOW_TOKEN is a token with the scopes card, capture, archive:write and archive:read. Ends with 3 where no card lies there.
"""

import json
import os
import sys
import urllib.error
import urllib.request
import uuid

ADDRESS = os.environ.get("WINDOW_ADDRESS", "http://127.0.0.1:18680")
# The service is on this PC: no proxy has to do with it.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Problem(Exception):
    """What the service refuses: `code` is stable, `title` and `remedy` are for the clerk."""

    def __init__(self, document):
        super().__init__(f"{document['title']} {document['remedy']} [{document['code']}]")
        self.code = document["code"]


def call(method, path, body=None):
    """The answer. A changing call has its own Idempotency-Key: sent again under it, it is still carried out once."""
    headers = {"Authorization": f"Bearer {os.environ['WINDOW_TOKEN']}", "Accept-Language": "en",
               "Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4()), "Yidang-Operator": "clerk-07"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ADDRESS + path, data, headers, method=method)
    try:
        with OPENER.open(request, timeout=60) as response:
            return json.load(response)
    except urllib.error.HTTPError as refusal:
        raise Problem(json.load(refusal)) from None


def main():
    holder = call("POST", "/v1/card/read", {"wait_ms": 500})["holder"]
    paper = call("POST", "/v1/captures", {"holder": holder})
    for finding in paper["quality"]["findings"]:
        print(finding["en"])
    wish = {"holders": [holder], "kind": "form", "captures": [paper["id"]], "case": "K1"}
    material = call("POST", "/v1/materials", wish)
    print("on file already" if material["duplicate"] else "filed", material["id"])
    for one in call("GET", f"/v1/holders/{holder}/materials")["materials"]:
        print("on file:", one["kind"], one["id"])


try:
    main()
except Problem as problem:
    print(problem, file=sys.stderr)
    sys.exit(3 if problem.code == "card_absent" else 1)
except OSError as error:
    sys.exit(f"the service does not answer at {ADDRESS}: is it running? ({error})")
