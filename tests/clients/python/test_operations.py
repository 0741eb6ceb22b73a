"""Tests of every method of the client for which Pearset has a route."""

import pytest
from dub.models import errors
from support import IS_ASYNC, MAIN, UNKNOWN_LINK, UNKNOWN_PARTNER, UNKNOWN_TAG, WORLD, dub, expect_error, with_body

NEW = {"email": "x@example.com"}
PARTNER = {"partner_id": UNKNOWN_PARTNER}
BAN = {**PARTNER, "reason": "spam"}
UPSERT = {**PARTNER, "url": "https://example.com"}

# The server rejects these calls before they take effect, so that unknown ids are sufficient.
# By method: the arguments, the required scope, whether the plan matters, whether the request has a body.
OPERATIONS = {
    "partners.list": ({"request": {}}, "partners.read", True, False),
    "partners.create": ({"request": NEW}, "partners.write", True, True),
    "partners.retrieve_links": ({"request": PARTNER}, "links.read", True, False),
    "partners.create_link": ({"request": PARTNER}, "links.write", True, True),
    "partners.upsert_link": ({"request": UPSERT}, "links.write", True, True),
    "partners.ban": ({"request": BAN}, "partners.write", True, True),
    "partners.deactivate": ({"request": PARTNER}, "partners.write", True, True),
    "program_applications.list": ({"request": {}}, "partners.read", True, False),
    "program_applications.approve": ({"request": PARTNER}, "partners.write", True, True),
    "program_applications.reject": ({"request": PARTNER}, "partners.write", True, True),
    "embed_tokens.referrals": ({"request": {"partner": NEW}}, "tokens.write", True, True),
    "links.get": ({"request": {"link_id": UNKNOWN_LINK}}, "links.read", False, False),
    "links.update": ({"link_id": UNKNOWN_LINK, "request_body": {}}, "links.write", False, True),
    "links.delete": ({"link_id": UNKNOWN_LINK}, "links.write", False, False),
    "tags.list": ({"request": {}}, "links.read", False, False),
    "tags.create": ({"request": {"name": "x"}}, "links.write", False, True),
    "tags.update": ({"id": UNKNOWN_TAG, "request_body": {}}, "links.write", False, True),
    "tags.delete": ({"id": UNKNOWN_TAG}, "links.write", False, False),
}

# Methods without a route: links are created for partners only, and links have no bulk operations.
WITHOUT_ROUTE = {
    "partners": {"analytics"},
    "links": {"list", "create", "count", "create_many", "delete_many", "update_many", "upsert"},
}


def call(client, operation):
    group, method = operation.split(".")
    return getattr(getattr(client, group), method)(**OPERATIONS[operation][0])


every = pytest.mark.parametrize("operation", OPERATIONS)


@pytest.mark.parametrize("group", sorted({operation.split(".")[0] for operation in OPERATIONS}))
def test_every_method_of_the_client_is_tested_or_has_no_route(group):
    part = getattr(MAIN, group)
    part = part.part if IS_ASYNC else part
    methods = {name for name, value in vars(type(part)).items() if callable(value) and not name.startswith("_")}
    known = {it.split(".")[1] for it in OPERATIONS if it.startswith(f"{group}.")} | WITHOUT_ROUTE.get(group, set())
    assert methods == known | {f"{method}_async" for method in known}


@pytest.mark.parametrize("operation", [it for it, (*_, sends) in OPERATIONS.items() if sends])
def test_400_truncated_json(operation):
    client = with_body(b'{"partner":')
    expect_error(lambda: call(client, operation), 400, errors.BadRequest, ".")


@every
def test_401_invalid_keys(operation):
    key = WORLD["main"]["apiKey"]
    mistyped = key[:-1] + ("1" if key.endswith("0") else "0")
    messages = []
    for token in [WORLD["unknownKey"], WORLD["revokedKey"], mistyped, "dub_xxxxxx"]:
        client = dub(token)
        error = expect_error(lambda: call(client, operation), 401, errors.Unauthorized, ".")
        assert error.headers["www-authenticate"].startswith("Bearer")
        messages.append(error.message)
    # The message must not reveal whether a key ever existed.
    assert messages[0] == messages[1]


@every
def test_401_no_key(operation):
    error = expect_error(lambda: call(dub(None), operation), 401, errors.Unauthorized, ".")
    assert error.headers["www-authenticate"].startswith("Bearer")


@every
def test_403_the_key_lacks_the_scope(operation):
    scope = OPERATIONS[operation][1]
    # The key has every other scope.
    client = dub(WORLD["keysWithout"][scope])
    message = f"^The API key lacks the scope {scope}.$".replace(".", r"\.")
    expect_error(lambda: call(client, operation), 403, errors.Forbidden, message)


@pytest.mark.parametrize("operation", [it for it, (_, _, plan, _) in OPERATIONS.items() if plan])
def test_403_the_plan_is_too_low(operation):
    client = dub(WORLD["plan"]["apiKey"])
    expect_error(lambda: call(client, operation), 403, errors.Forbidden, r"\badvanced\b")
