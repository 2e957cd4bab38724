"""What schemathesis cannot know of this API by itself."""

import os

import schemathesis

# The longest that a test waits for a card or for a paper to settle, in milliseconds.
WAIT_MS_MAX = 100
# Rules that the document says in words alone, by what stands in `detail`: what goes together with what, what was given out
# before, what a device can do, and how numbers and texts are written.
BEYOND_SCHEMA = (
    "cursor is not one that was given out here",
    "this cursor belongs to",
    "at least one control",
    "corners go with one picture",
    "corners must be finite numbers",
    "crop `corners` needs",
    "split goes with crop",
    "timeout_ms goes with when",
    "give at least one of",
    "give either `pages` or `captures`",
    "give either `operator` and `pin`, or `assertion`",
    "give exactly one of",
    "pages.about names no holder",
    "subject.value is not written as",
    "this basis needs",
    "a step does exactly one thing",
    "all steps together",
    "the simulated devices have no such fault",
    "the device does not take this setting",
    # White space around a text is cut first, which no pattern can say.
    "has control characters",
    # 1.0 is an integer for a schema.
    "expected a whole number",
)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Leaves out what never ends: events come as long polls, not as a stream; and waits as a test can."""
    if case.operation.label == "GET /v1/events":
        query = dict(case.query or {})
        if not query.keys() & {"after", "wait_ms"}:
            query["wait_ms"] = 0
        if str(query.get("wait_ms")).isdecimal():
            query["wait_ms"] = min(int(query["wait_ms"]), WAIT_MS_MAX)
        case.query = query
    if isinstance(case.body, dict):
        short = {name: WAIT_MS_MAX for name in ("wait_ms", "timeout_ms") if is_long(case.body.get(name))}
        case.body = {**case.body, **short}


def is_long(wait_ms):
    """Whether it is a wait that the service would take, but the test would not."""
    return type(wait_ms) is int and WAIT_MS_MAX < wait_ms <= 60000


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A value that the schema allows may be refused for a rule that no schema can say; each such rule is named."""
    # The document's numbers are of 64 bits (`int64`); schemas do not hold values against that, and the service need not.
    if any(str(value).isdecimal() and int(value) >= 2**63 for value in (case.query or {}).values()):
        return False
    if type(failure).__name__ != "RejectedPositiveData" or response.status_code != 422:
        return True
    detail = response.json().get("detail", "")
    # Headers are percent-decoded before they are looked at.
    if detail.endswith(("control characters", "is not UTF-8")) and "%" in "".join((case.headers or {}).values()):
        return False
    return not any(rule in detail for rule in BEYOND_SCHEMA)


@schemathesis.check
def only_codes_of_the_call(context, response, case):
    """The code of a problem is one of those that the document names for this call and this status."""
    if not response.headers.get("content-type", [""])[0].startswith("application/problem+json"):
        return
    problem = response.json()
    assert problem["status"] == response.status_code, problem
    assert problem["title"] and problem["remedy"], problem
    if problem["code"] in ("route_unknown", "method_not_allowed"):
        return
    answers = case.operation.definition.raw["responses"]
    content = answers[str(response.status_code)]["content"]["application/problem+json"]
    assert problem["code"] in content["examples"], f"{problem['code']} is not among {list(content['examples'])}"


@schemathesis.check
def no_answer_without_token(context, response, case):
    """Who has no token gets nothing but from the calls that need none."""
    needs_token = case.operation.definition.raw.get("security") != []
    # Preflights are the browser's own, and tell nothing.
    if "YIDANG_TOKEN" not in os.environ and needs_token and case.method != "OPTIONS":
        assert response.status_code >= 400, f"{response.status_code} without a token"
