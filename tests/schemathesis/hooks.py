"""What Schemathesis has no check for: nothing of one workspace comes out of another's requests or is changed by them.

The requests are those of the workspace `ours`. A part of the values that schemathesis.toml binds to parameters is of
`theirs` (world.py).
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
from rules import told_in_words
from tenant import SECRET, Tenant

WORLD = json.loads(pathlib.Path("world.json").read_text())
THEIR_IDS = frozenset(WORLD["ids"])

# A request that names one of their ids here is about what does not exist.
NAMES = {"id", "partnerId", "applicationId", "groupId", "programId", "program_id", "domain_id", "moveTo", "linkId"}

# What a request can name beside the resource in its path.
ELSEWHERE = {"The group was not found.", "The program was not found."}
EMAIL = re.compile(r"(?!\.)[A-Za-z0-9_'+\-.]*[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}")


def named(case: schemathesis.Case) -> list[tuple[str, object]]:
    """Every value of the request that has a name, with it."""
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
    """Schemathesis sends what it has read in answers, also in those to their requests. What was said once may be told
    at any time after it, so that ours do not say their secret."""
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
    told = f"{response.headers} {response.text} {claims(response.text)}".lower()
    is_told = SECRET in told or WORLD["workspace"] in told
    assert not is_told, "The answer tells something of another workspace"
    theirs = [name for name, value in named(case) if name in NAMES and isinstance(value, str) and value in THEIR_IDS]
    if case.auth_identity == "ours" and theirs and 200 <= response.status_code < 300:
        assert allowed(case, response, theirs), f"An id of another workspace was accepted: {theirs}"


def operation_id(case) -> str:
    return case.operation.definition.raw["operationId"]


def allowed(case, response, names: list[str]) -> bool:
    """Where an id that does not exist is no error, it must find nothing."""
    if case.method == "GET" and set(names) <= {"groupId", "partnerId"}:
        return response.json() in ([], 0)
    # The group of who is enrolled already is not looked at; and a partnerId that nobody has stands beside a partner to
    # create (row 1 of the rule of enrollment). Each item of many has an answer of its own.
    ignored = {
        "createReferralsEmbedToken": {"groupId", "partnerId"} if "partner" in case.body else {"groupId"},
        "createEmbedToken": {"groupId"},
        "createPartner": {"groupId"},
        "bulkCreatePartners": {"groupId"},
        "invitePartner": {"groupId"},
    }
    return set(names) <= ignored.get(operation_id(case), set())


def claims(text: str) -> str:
    """What the tokens in an answer say."""
    payloads = re.findall(r"eyJ[\w-]+\.([\w-]+)\.[\w-]+", text)
    return " ".join(base64.urlsafe_b64decode(it + "=" * (-len(it) % 4)).decode() for it in payloads)


@schemathesis.check
class TheOtherWorkspaceIsUnchanged:
    def after_run(self, ctx) -> None:
        now = Tenant(WORLD["url"], WORLD["key"], WORLD["workspace"], WORLD["program"]).state()
        for path, then in WORLD["state"].items():
            assert now[path] == then, f"What another workspace has at {path} has changed: {then} -> {now[path]}"


@schemathesis.hook
def before_load_schema(context, raw_schema) -> None:
    """The examples of the contract name what is there: the first two phases are about them."""
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
    """False for what is no failure. Nothing else is left out."""
    if isinstance(failure, RejectedPositiveData):
        return not told_in_words(response.status_code, response.json())
    if isinstance(failure, EnsureResourceAvailability):
        # The resource is there; what the body or the query names beside it is not.
        return response.json()["error"]["message"] not in ELSEWHERE
    if isinstance(failure, AcceptedNegativeData):
        return not (an_item_was_refused(case, response) or an_email_by_the_pattern(failure, case))
    return True


def an_item_was_refused(case, response) -> bool:
    """`POST /partners/bulk` answers 200 and tells of each item what became of it."""
    items = response.json() if operation_id(case) == "bulkCreatePartners" else []
    return any(item["status"] == 422 for item in items)


def an_email_by_the_pattern(failure: Failure, case) -> bool:
    """The pattern of the original contract decides what is an e-mail address. It allows a few host names that
    `format: email` does not, such as labels that end in a hyphen."""
    texts = (value for name, value in named(case) if "email" in name.lower() and isinstance(value, str))
    return "the 'email' format" in failure.message and any(EMAIL.fullmatch(text) for text in texts)
