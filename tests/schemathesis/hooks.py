"""Checks that Schemathesis does not have: requests of one workspace neither show nor change data of another workspace.

The requests have the API key of the workspace `ours`. A part of the values that schemathesis.toml binds to parameters
belongs to the workspace `theirs` (world.py).
"""

import base64
import json
import pathlib
import re
import sys

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import EnsureResourceAvailability, RejectedPositiveData

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from rules import breaks_a_described_rule
from tenant import SECRET, Tenant

WORLD = json.loads(pathlib.Path("world.json").read_text())
THEIR_IDS = frozenset(WORLD["ids"])

# Parameters in which an id of `theirs` names an object that does not exist for `ours`.
NAMES = {"id", "partnerId", "applicationId", "groupId", "programId", "program_id", "domain_id", "moveTo", "linkId"}

# The messages about objects that a request can name in addition to the resource in its path.
OTHER_OBJECT_NOT_FOUND = {"The group was not found.", "The program was not found."}
EMAIL = re.compile(r"(?!\.)[A-Za-z0-9_'+\-.]*[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}")


def named(case: schemathesis.Case) -> list[tuple[str, object]]:
    """Returns every named value of the request with its name."""
    found = [*(case.path_parameters or {}).items(), *(case.query or {}).items()]
    left = [case.body]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            found += value.items()
            left += value.values()
    return found


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    """Removes the secret of `theirs` from the requests of `ours`. Schemathesis reuses values of earlier answers, also of
    answers to `theirs`, and a request with the secret would make later answers to `ours` contain it."""
    if case.auth_identity != "theirs":
        for part in (case.path_parameters, case.query):
            for name in part or ():
                part[name] = without_secret(part[name])
        case.body = without_secret(case.body)


def without_secret(value: object) -> object:
    if isinstance(value, dict):
        return {without_secret(name): without_secret(member) for name, member in value.items()}
    if isinstance(value, list):
        return [without_secret(member) for member in value]
    return re.sub(SECRET, "no-secret", value, flags=re.IGNORECASE) if isinstance(value, str) else value


@schemathesis.check
def nothing_of_the_other_workspace(ctx, response, case) -> None:
    answer = f"{response.headers} {response.text} {claims(response.text)}".lower()
    leaks = SECRET in answer or WORLD["workspace"] in answer
    assert not leaks, "The answer contains data of another workspace"
    theirs = [name for name, value in named(case) if name in NAMES and isinstance(value, str) and value in THEIR_IDS]
    if case.auth_identity == "ours" and theirs and 200 <= response.status_code < 300:
        assert allowed(case, response, theirs), f"An id of another workspace was accepted: {theirs}"


def operation_id(case) -> str:
    return case.operation.definition.raw["operationId"]


def allowed(case, response, names: list[str]) -> bool:
    """Returns whether an unknown id may be accepted. A filter with an unknown id must find nothing."""
    if case.method == "GET" and set(names) <= {"groupId", "partnerId"}:
        return response.json() in ([], 0)
    # The group is ignored for a partner who is already enrolled. An unknown partnerId is ignored if the request has a
    # partner to create (row 1 of the enrollment rule). In a bulk request, each item has its own answer.
    ignored = {
        "createReferralsEmbedToken": {"groupId", "partnerId"} if "partner" in case.body else {"groupId"},
        "createEmbedToken": {"groupId"},
        "createPartner": {"groupId"},
        "bulkCreatePartners": {"groupId"},
        "invitePartner": {"groupId"},
    }
    return set(names) <= ignored.get(operation_id(case), set())


def claims(text: str) -> str:
    """Returns the claims of the tokens in an answer."""
    payloads = re.findall(r"eyJ[\w-]+\.([\w-]+)\.[\w-]+", text)
    return " ".join(base64.urlsafe_b64decode(it + "=" * (-len(it) % 4)).decode() for it in payloads)


@schemathesis.check
class TheOtherWorkspaceIsUnchanged:
    def after_run(self, ctx) -> None:
        now = Tenant(WORLD["url"], WORLD["key"], WORLD["workspace"], WORLD["program"]).state()
        for path, then in WORLD["state"].items():
            assert now[path] == then, f"The data of another workspace at {path} has changed: {then} -> {now[path]}"


@schemathesis.hook
def before_load_schema(context, raw_schema) -> None:
    """Replaces the ids in the contract's examples by existing ids, because the first two phases send the examples."""
    for place in (raw_schema["paths"], raw_schema["components"]["schemas"], raw_schema["components"]):
        for name, value in place.items():
            place[name] = with_real_names(value, WORLD["examples"] | WORLD["steps"].get(name, {}))


def with_real_names(value: object, real: dict[str, str]) -> object:
    if isinstance(value, dict):
        return {name: with_real_names(member, real) for name, member in value.items()}
    if isinstance(value, list):
        return [with_real_names(member, real) for member in value]
    return real.get(value, value) if isinstance(value, str) else value


@schemathesis.hook
def filter_failure(context, failure: Failure, case, response) -> bool:
    """Returns `False` for the few reports of Schemathesis that are not failures."""
    if isinstance(failure, RejectedPositiveData):
        return not breaks_a_described_rule(response.status_code, response.json())
    if isinstance(failure, EnsureResourceAvailability):
        # The resource exists, but another object that the body or the query names does not.
        return response.json()["error"]["message"] not in OTHER_OBJECT_NOT_FOUND
    if isinstance(failure, AcceptedNegativeData):
        return not (has_rejected_item(case, response) or has_email_of_the_pattern(failure, case))
    return True


def has_rejected_item(case, response) -> bool:
    """Returns whether an item was rejected: `POST /partners/bulk` answers 200 with a status for each item."""
    items = response.json() if operation_id(case) == "bulkCreatePartners" else []
    return any(item["status"] == 422 for item in items)


def has_email_of_the_pattern(failure: Failure, case) -> bool:
    """Returns whether the request has an e-mail address that the original contract's pattern allows and `format: email`
    does not, such as a host name with a label that ends in a hyphen. The pattern decides."""
    texts = (value for name, value in named(case) if "email" in name.lower() and isinstance(value, str))
    return "the 'email' format" in failure.message and any(EMAIL.fullmatch(text) for text in texts)
