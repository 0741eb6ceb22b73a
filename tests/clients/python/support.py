"""The common parts of the PyPI client's suites: the client, the workspaces of world.py, and the checks."""

import asyncio
import json
import os
import pathlib
import re
import subprocess

import httpx
import jwt
import pytest
from dub import Dub
from dub.models import errors

# Each method of the client has an async variant. The whole suite runs with both variants, each in its own workspaces.
SUITE = os.environ["PEARSET_CLIENT_TEST_SUITE"]
IS_ASYNC = SUITE == "python-async"
with open(os.environ["PEARSET_CLIENT_TEST_WORLD"], encoding="utf-8") as file:
    ALL = json.load(file)
COUNTERS = (pathlib.Path(__file__).parents[2] / "shared" / "counters.sql").read_text(encoding="utf-8")
URL, WORLD = ALL["url"], ALL[SUITE]
JWKS = jwt.PyJWKClient(f"{URL}/.well-known/jwks.json")
UNKNOWN_GROUP = "grp_00000000000000000000000000"
UNKNOWN_LINK = "link_00000000000000000000000000"
UNKNOWN_PARTNER = "pn_00000000000000000000000000"
UNKNOWN_TAG = "tag_00000000000000000000000000"
ID = "[0-7][0-9a-hjkmnp-tv-z]{25}"
NOT_ENROLLED = r"^The partner is not enrolled in this program\.$"
NO_PARTNER_NAMED = r"^You must provide either partnerId or tenantId\.$"


class Awaited:
    """A client, or a part of a client, that calls the async variant of each method."""

    # One loop for all clients, because a client's connections belong to the loop that opened them.
    loop = asyncio.new_event_loop()

    def __init__(self, part):
        self.part = part

    def __getattr__(self, name):
        method = getattr(self.part, f"{name}_async", None)
        if method is None:
            return Awaited(getattr(self.part, name))
        return lambda **arguments: self.loop.run_until_complete(method(**arguments))


def dub(token, **options):
    client = Dub(token=token, **{"server_url": URL, **options})
    return Awaited(client) if IS_ASYNC else client


MAIN = dub(WORLD["main"]["apiKey"])


def concurrently(calls, client=MAIN):
    """Makes calls of an async client concurrently. Each call gets the client and returns an awaitable."""
    if not IS_ASYNC:
        return [call(client) for call in calls]

    async def gathered():
        return await asyncio.gather(*(call(client.part) for call in calls))

    return Awaited.loop.run_until_complete(gathered())


def referrals(client, **request):
    return client.embed_tokens.referrals(request=request)


def referrals_for(client, **partner):
    return referrals(client, partner=partner)


def create(client, **partner):
    return client.partners.create(request=partner)


def enrolled(tag, client=MAIN, **partner):
    """Creates a partner with this tenant id."""
    return create(client, email=f"{tag}@example.com", tenant_id=tag, **partner)


def partner_from_list(tenant_id, client=MAIN):
    """Returns the partner with this tenant id from the list."""
    [partner] = client.partners.list(request={"tenant_id": tenant_id})
    return partner


def post(path, body, token=WORLD["main"]["apiKey"]):
    """Sends a POST for which the client has no method."""
    return httpx.post(f"{URL}{path}", json=body, headers={"authorization": f"Bearer {token}"})


def new_group(slug, token=WORLD["main"]["apiKey"], **group):
    answer = post("/groups", {"name": slug, "slug": slug, **group}, token)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def is_valid(token, api_key=WORLD["main"]["apiKey"]):
    """Returns whether a token is still valid."""
    status = post("/tokens/embed/referrals/verify", {"token": token.public_token}, api_key).status_code
    assert status in (200, 401)
    return status == 200


def two_tags(name, client=MAIN):
    """Creates two tags, one to be referenced by id and one by name."""
    return [client.tags.create(request={"name": f"{name} by {way}"}) for way in ["id", "name"]]


def link_props(tag, tags):
    """Returns every field of `link_props` but the prefix. `tag` makes the unique values unique; the two tags must exist."""
    by_id, by_name = tags
    return {
        "external_id": f"ext_link-{tag}",
        "tenant_id": f"full-{tag}",
        "archived": False,
        "tag_ids": [by_id.id],
        "tag_names": by_name.name.upper(),
        "comments": "The best",
        "expires_at": "2099-01-01T00:00:00.000Z",
        "expired_url": "https://example.com/expired",
        "password": "correct horse",
        "proxy": True,
        "title": "Title",
        "description": "Description",
        "image": "https://example.com/preview.png",
        "video": "https://example.com/preview.mp4",
        "rewrite": False,
        "ios": "https://apps.example.com/ios",
        "android": "https://apps.example.com/android",
        "do_index": True,
        "test_variants": [
            {"url": "https://example.com/variant-1", "percentage": 40},
            {"url": "https://example.com/variant-2", "percentage": 60},
        ],
        "test_started_at": "2030-01-01T00:00:00.000Z",
        "test_completed_at": "2031-01-01T00:00:00.000Z",
    }


# Null in every nullable field of `link_props`.
NULL_LINK_PROPS = dict.fromkeys(
    ["external_id", "tenant_id", "comments", "expires_at", "expired_url", "password", "title", "description", "image"]
    + ["video", "ios", "android", "test_variants", "test_started_at", "test_completed_at"]
)


def members(model, names):
    """Returns some members of a client's model as plain values."""
    values = {name: getattr(model, name) for name in names}
    if values.get("test_variants"):
        values["test_variants"] = [variant.model_dump() for variant in values["test_variants"]]
    return values


def check_link_props(link, props, tags):
    """Asserts that the link has the requested `link_props`."""
    asked = {**props, "external_id": props["external_id"].removeprefix("ext_")}
    # The stored hash of the password is never shown.
    asked["password"] = None
    del asked["tag_ids"], asked["tag_names"]
    assert members(link, asked) == asked
    assert link.tags == tags


def full_partner(tag):
    """A request for a partner with every field. `tag` makes the unique values unique."""
    return {
        "name": "Jane Doe",
        "email": f"Full.{tag}@Example.com",
        "username": f"jane-{tag}",
        "image": "https://example.com/jane.png",
        "tenant_id": f"full-{tag}",
        "group_id": WORLD["main"]["groupId"],
        "country": "US",
        "description": "Writes about things.\nAnd more.",
        "link_props": {**link_props(tag, two_tags(tag)), "prefix": "/c/"},
    }


def partner_with_nulls(tag):
    """A request for a partner with null in every nullable field."""
    partner = dict.fromkeys(["name", "username", "image", "country", "description"])
    return {**partner, "email": f"null-{tag}@example.com", "link_props": NULL_LINK_PROPS}


def check_full_partner(partner, request):
    for field in ["email", "name", "username", "image", "tenant_id", "group_id", "country", "description"]:
        assert getattr(partner, field) == request[field], field
    assert [link.key for link in partner.links] == [f"c/{request['username']}"]


def claims(token):
    header = jwt.get_unverified_header(token.public_token)
    assert set(header) == {"alg", "kid", "typ"}
    assert (header["alg"], header["typ"]) == ("ES256", "pearset-embed+jwt")
    return jwt.decode(
        token.public_token,
        JWKS.get_signing_key_from_jwt(token.public_token).key,
        algorithms=["ES256"],
        audience="pearset:embed:referrals",
        issuer=URL,
        options={"require": ["sub", "wid", "prg", "pid", "iat", "nbf", "exp", "jti", "ver"]},
    )


def expect_error(call, status, error_class, message):
    """Asserts that the call fails with the client's own error class, whose members match the client's model."""
    with pytest.raises(errors.DubError) as raised:
        call()
    error = raised.value
    assert type(error) is error_class, error
    assert error.status_code == status
    assert error.headers["content-type"] == "application/json"
    assert re.search(message, error.message), error.message
    detail = error.data.error
    assert detail.message == error.message
    # The address has the code with a hyphen in place of the first underscore.
    page = f"/api-reference/errors#{detail.code.value.replace('_', '-', 1)}"
    assert httpx.URL(detail.doc_url).is_absolute_url and detail.doc_url.endswith(page)
    return error


def replaced(request, body):
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    return httpx.Request(request.method, request.url, headers=headers, content=body)


class OtherBody(httpx.Client):
    """A client that replaces the body of the Dub client."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def send(self, request, **options):
        return super().send(replaced(request, self.body), **options)


class AwaitedOtherBody(httpx.AsyncClient):
    """The async variant of `OtherBody`."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    async def send(self, request, **options):
        return await super().send(replaced(request, self.body), **options)


def with_body(body, token=WORLD["main"]["apiKey"]):
    """Returns a client that sends this body for every call, because the client itself rejects some bodies."""
    return dub(token, client=OtherBody(body), async_client=AwaitedOtherBody(body))


def sql(statement):
    psql = os.environ["PEARSET_CLIENT_TEST_PSQL"]
    subprocess.run([psql, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement, os.environ["DATABASE_URL"]], check=True)


def set_counters(links, figures):
    """Sets counters of the links that fit a condition."""
    sql(f"{COUNTERS} SELECT pg_temp.set_counters($${links}$$, '{json.dumps(figures)}')")


def set_commissions(enrollments, amount):
    """Sets the commissions of the enrollments that fit a condition."""
    sql(f"{COUNTERS} SELECT pg_temp.set_commissions($${enrollments}$$, {amount})")


def invitation(tenant_id, expires_in):
    sql(
        f"UPDATE enrollments SET status = 'invited', invite_expires_at = now() + interval '{expires_in}'"
        f" WHERE tenant_id = '{tenant_id}'"
    )
