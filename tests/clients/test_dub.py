"""The PyPI client `dub` against a running server; tests/clients/run starts it."""

import json
import os
import re
import subprocess
import time
from datetime import datetime

import httpx
import jwt
import pytest
from dub import Dub
from dub.models import errors

with open(os.environ["PEARSET_CLIENT_TEST_WORLD"], encoding="utf-8") as file:
    ALL = json.load(file)
URL, WORLD = ALL["url"], ALL["python"]
JWKS = jwt.PyJWKClient(f"{URL}/.well-known/jwks.json")
UNKNOWN_GROUP = "grp_00000000000000000000000000"
UNKNOWN_PARTNER = "pn_00000000000000000000000000"
ID = "[0-9a-hjkmnp-tv-z]{26}"


def dub(token, **options):
    return Dub(token=token, **{"server_url": URL, **options})


MAIN = dub(WORLD["main"]["apiKey"])


def referrals(client, **request):
    return client.embed_tokens.referrals(request=request)


def create(client, **partner):
    return client.partners.create(request=partner)


def referrals_for(client, **partner):
    return referrals(client, partner=partner)


# Both operations take the same partner; only the place in the request differs.
both = pytest.mark.parametrize(
    ("call", "path", "tag"),
    [(create, "", "partners"), (referrals_for, r"partner\.", "tokens")],
    ids=["partners.create", "embed_tokens.referrals"],
)


def everything(tag):
    """Every field of the request models. `tag` makes what must be unique."""
    return {
        "name": "Jane Doe",
        "email": f"Full.{tag}@Example.com",
        "username": f"jane-{tag}",
        "image": "https://example.com/jane.png",
        "tenant_id": f"full-{tag}",
        "group_id": WORLD["main"]["groupId"],
        "country": "US",
        "description": "Writes about things.\nAnd more.",
        "link_props": {
            "external_id": f"ext_link-{tag}",
            "tenant_id": f"full-{tag}",
            "prefix": "/c/",
            "archived": False,
            "tag_ids": [MAIN.tags.create(request={"name": f"autumn-{tag}"}).id],
            "tag_names": MAIN.tags.create(request={"name": f"summer-{tag}", "color": "yellow"}).name.upper(),
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
        },
    }


def nulls(tag):
    """Every field that may be null, null."""
    partner = dict.fromkeys(["name", "username", "image", "country", "description"])
    link_props = dict.fromkeys(
        ["external_id", "tenant_id", "comments", "expires_at", "expired_url", "password", "title", "description", "image"]
        + ["video", "ios", "android", "test_variants", "test_started_at", "test_completed_at"]
    )
    return {**partner, "email": f"null-{tag}@example.com", "link_props": link_props}


def check_everything(partner, request):
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


def refused(call, status, error_class, message):
    """The call is refused with the client's own error class, whose members are as the client models them."""
    with pytest.raises(errors.DubError) as raised:
        call()
    error = raised.value
    assert type(error) is error_class, error
    assert error.status_code == status
    assert error.headers["content-type"] == "application/json"
    assert re.search(message, error.message), error.message
    detail = error.data.error
    assert detail.message == error.message
    # Of the code, the first underscore becomes a hyphen.
    page = f"/api-reference/errors#{detail.code.value.replace('_', '-', 1)}"
    assert httpx.URL(detail.doc_url).is_absolute_url and detail.doc_url.endswith(page)
    return error


class OtherBody(httpx.Client):
    """Sends another body than the one that the Dub client made."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def send(self, request, **options):
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        return super().send(httpx.Request(request.method, request.url, headers=headers, content=self.body), **options)


def with_body(body):
    return dub(WORLD["main"]["apiKey"], client=OtherBody(body))


def sql(statement):
    psql = os.environ["PEARSET_CLIENT_TEST_PSQL"]
    subprocess.run([psql, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement, os.environ["DATABASE_URL"]], check=True)


def invitation(tenant_id, lapses):
    sql(
        f"UPDATE enrollments SET status = 'invited', invite_expires_at = now() + interval '{lapses}'"
        f" WHERE tenant_id = '{tenant_id}'"
    )


class TestReferrals:
    def test_a_new_partner_by_email_alone(self):
        before = int(time.time())
        token = referrals_for(MAIN, email="minimal@example.com")
        payload = claims(token)
        assert set(payload) == {"aud", "exp", "iat", "iss", "jti", "nbf", "pid", "prg", "sub", "ver", "wid"}
        assert payload["wid"] == WORLD["main"]["workspaceId"]
        assert payload["prg"] == WORLD["main"]["programId"]
        assert re.fullmatch(f"pn_{ID}", payload["pid"])
        assert re.fullmatch(f"pge_{ID}", payload["sub"])
        assert payload["ver"] == 0
        assert payload["iat"] >= before and payload["nbf"] <= payload["iat"]
        assert payload["exp"] - payload["iat"] == 3600
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", token.expires)
        assert int(datetime.fromisoformat(token.expires).timestamp()) == payload["exp"]

    def test_every_field(self):
        partner = everything("token")
        payload = claims(referrals_for(MAIN, **partner))
        found = create(MAIN, email=partner["email"], tenant_id=partner["tenant_id"])
        assert found.id == payload["pid"]
        check_everything(found, partner)

    def test_every_field_that_may_be_null(self):
        claims(referrals_for(MAIN, **nulls("token")))

    def test_the_same_partner_by_email_tenant_id_and_partner_id(self):
        partner = {"email": "same@example.com", "tenant_id": "same"}
        first = claims(referrals_for(MAIN, **partner))
        for request in [
            {"partner": partner},
            {"partner": {"email": "SAME@Example.COM"}},
            {"tenant_id": "same"},
            {"partner_id": first["pid"]},
            {"tenant_id": "same", "partner": {"email": "same@example.com"}},
        ]:
            again = claims(referrals(MAIN, **request))
            assert again["sub"] == first["sub"]
            assert again["jti"] != first["jti"]

    def test_a_tenant_id_is_bound_to_an_enrollment_that_has_none(self):
        first = claims(referrals_for(MAIN, email="bound@example.com"))
        assert claims(referrals(MAIN, tenant_id="bound", partner={"email": "bound@example.com"}))["sub"] == first["sub"]
        assert claims(referrals(MAIN, tenant_id="bound"))["sub"] == first["sub"]

    def test_the_tenant_id_wins_over_anothers_email(self):
        a = claims(referrals_for(MAIN, email="t3a@example.com", tenant_id="t3a"))
        referrals_for(MAIN, email="t3b@example.com", tenant_id="t3b")
        assert claims(referrals(MAIN, tenant_id="t3a", partner={"email": "t3b@example.com"}))["sub"] == a["sub"]

    def test_a_private_program_enrolls_as_pending(self):
        client = dub(WORLD["private"]["apiKey"])
        claims(referrals_for(client, email="pending@example.com"))
        assert create(client, email="pending@example.com").status == "pending"

    def test_an_invited_partner_is_approved_by_asking(self):
        client = dub(WORLD["invite"]["apiKey"])
        create(client, email="invited@example.com", tenant_id="python-invited")
        invitation("python-invited", "1 day")
        claims(referrals(client, tenant_id="python-invited"))
        assert create(client, email="invited@example.com").status == "approved"

    def test_a_key_that_may_do_nothing_else(self):
        claims(referrals_for(dub(WORLD["tokensOnlyKey"]), email="scoped@example.com"))

    def test_403_no_invitation_to_a_program_for_invited_partners(self):
        client = dub(WORLD["invite"]["apiKey"])
        message = r"^Only invited partners can join this program\.$"
        refused(lambda: referrals_for(client, email="stranger@example.com"), 403, errors.Forbidden, message)

    @pytest.mark.parametrize("status", ["rejected", "declined", "banned", "deactivated"])
    def test_403_status(self, status):
        tenant_id = f"python-{status}"
        create(MAIN, email=f"{status}@example.com", tenant_id=tenant_id)
        sql(f"UPDATE enrollments SET status = '{status}' WHERE tenant_id = '{tenant_id}'")
        refused(lambda: referrals(MAIN, tenant_id=tenant_id), 403, errors.Forbidden, rf"\b{status}\b")

    @pytest.mark.parametrize(
        "request_", [{"tenant_id": "nobody"}, {"partner_id": UNKNOWN_PARTNER}, {"partner_id": "not-an-id"}]
    )
    def test_404_nobody_with_that_id_and_nobody_to_create(self, request_):
        message = r"^The partner is not enrolled in this program\.$"
        refused(lambda: referrals(MAIN, **request_), 404, errors.NotFound, message)

    def test_409_an_email_does_not_open_an_enrollment_with_another_tenant_id(self):
        referrals_for(MAIN, email="t5@example.com", tenant_id="t5")
        message = r"^The partner with this email is enrolled with another tenantId\.$"
        other = {"tenant_id": "t5-other", "partner": {"email": "t5@example.com"}}
        refused(lambda: referrals(MAIN, **other), 409, errors.Conflict, message)

    def test_410_a_lapsed_invitation(self):
        client = dub(WORLD["invite"]["apiKey"])
        create(client, email="lapsed@example.com", tenant_id="python-lapsed")
        invitation("python-lapsed", "-1 day")
        message = r"^The partner's invitation has expired\.$"
        refused(lambda: referrals(client, tenant_id="python-lapsed"), 410, errors.InviteExpired, message)

    def test_422_none_of_the_three_identifiers(self):
        message = r"^custom: : You must provide either partnerId, tenantId, or partner\.$"
        refused(lambda: referrals(MAIN), 422, errors.UnprocessableEntity, message)

    def test_400_no_body_at_all(self):
        # The client's method may be called without an argument; it then sends no body.
        refused(lambda: MAIN.embed_tokens.referrals(), 400, errors.BadRequest, ".")


class TestCreate:
    def test_a_new_partner_by_email_alone(self):
        partner = create(MAIN, email="Created@Example.com")
        assert re.fullmatch(f"pn_{ID}", partner.id)
        assert partner.partner_id == partner.id
        assert partner.name == partner.email == "Created@Example.com"
        assert partner.program_id == WORLD["main"]["programId"]
        assert partner.group_id == WORLD["main"]["groupId"]
        assert partner.tenant_id is None
        assert (partner.status, partner.network_status) == ("approved", "draft")
        [link] = partner.links
        assert re.fullmatch(f"link_{ID}", link.id)
        assert link.key == "created" and link.short_link.endswith(link.key)
        assert (link.clicks, link.leads, link.conversions, link.sales, link.sale_amount) == (0, 0, 0, 0, 0)
        totals = ["total_clicks", "total_leads", "total_conversions", "total_sales", "total_sale_amount"]
        for figure in [*totals, "total_commissions", "net_revenue"]:
            assert getattr(partner, figure) == 0, figure
        assert create(MAIN, email="created@example.com") == partner

    def test_every_field(self):
        request = everything("partner")
        partner = create(MAIN, **request)
        check_everything(partner, request)
        assert create(MAIN, **request) == partner

    def test_every_field_that_may_be_null(self):
        partner = create(MAIN, **nulls("partner"))
        assert partner.name == "null-partner@example.com"
        assert partner.country is None

    def test_a_new_tenant_id_replaces_the_old_one(self):
        first = create(MAIN, email="p5@example.com", tenant_id="p5")
        second = create(MAIN, email="p5@example.com", tenant_id="p5-new")
        assert second == first.model_copy(update={"tenant_id": "p5-new"})

    def test_403_a_key_that_may_only_create_tokens(self):
        message = r"^The API key lacks the scope partners\.write\.$"
        client = dub(WORLD["tokensOnlyKey"])
        refused(lambda: create(client, email="scoped@example.com"), 403, errors.Forbidden, message)

    def test_409_a_tenant_id_of_one_partner_with_the_email_of_another(self):
        create(MAIN, email="p3a@example.com", tenant_id="p3a")
        create(MAIN, email="p3b@example.com", tenant_id="p3b")
        refused(lambda: create(MAIN, email="p3b@example.com", tenant_id="p3a"), 409, errors.Conflict, ".")

    def test_422_no_email(self):
        # The client itself refuses to send it.
        client = with_body(b'{"name":"Nobody"}')
        message = "^invalid_type: email: "
        refused(lambda: create(client, email="x@example.com"), 422, errors.UnprocessableEntity, message)


@both
class TestBoth:
    def test_400_json_that_ends_too_early(self, call, path, tag):
        client = with_body(b'{"partner":')
        refused(lambda: call(client, email="x@example.com"), 400, errors.BadRequest, ".")

    def test_401_keys_that_do_not_work(self, call, path, tag):
        key = WORLD["main"]["apiKey"]
        mistyped = key[:-1] + ("1" if key.endswith("0") else "0")
        messages = []
        for token in [WORLD["unknownKey"], WORLD["revokedKey"], mistyped, "dub_xxxxxx"]:
            error = refused(lambda: call(dub(token), email="x@example.com"), 401, errors.Unauthorized, ".")
            assert error.headers["www-authenticate"].startswith("Bearer")
            messages.append(error.message)
        # Whether a key was ever given out is nobody's business.
        assert messages[0] == messages[1]

    def test_401_no_key(self, call, path, tag):
        error = refused(lambda: call(dub(None), email="x@example.com"), 401, errors.Unauthorized, ".")
        assert error.headers["www-authenticate"].startswith("Bearer")

    def test_403_the_key_lacks_the_scope(self, call, path, tag):
        message = rf"^The API key lacks the scope {tag}\.write\.$"
        client = dub(WORLD["readOnlyKey"])
        refused(lambda: call(client, email="x@example.com"), 403, errors.Forbidden, message)

    def test_403_the_plan_is_too_low(self, call, path, tag):
        client = dub(WORLD["plan"]["apiKey"])
        refused(lambda: call(client, email="x@example.com"), 403, errors.Forbidden, r"\badvanced\b")

    def test_404_no_such_group(self, call, path, tag):
        for group_id in [UNKNOWN_GROUP, "no-such-group", WORLD["invite"]["groupId"]]:
            partner = {"email": "no-group@example.com", "group_id": group_id}
            refused(lambda: call(MAIN, **partner), 404, errors.NotFound, r"^The group was not found\.$")

    def test_409_the_external_id_of_another_link(self, call, path, tag):
        call(MAIN, email=f"ext1-{tag}@example.com", link_props={"external_id": f"taken-{tag}"})
        second = {"email": f"ext2-{tag}@example.com", "link_props": {"external_id": f"ext_taken-{tag}"}}
        refused(lambda: call(MAIN, **second), 409, errors.Conflict, "externalId")

    def test_422_values_that_break_a_rule(self, call, path, tag):
        def variants(*percentages):
            return {"test_variants": [{"url": "https://example.com", "percentage": part} for part in percentages]}

        for wrong, message in [
            ({"email": "not-an-address"}, f"^invalid_format: {path}email: Invalid email address$"),
            ({"name": "x" * 101}, f"^too_big: {path}name: "),
            ({"country": "XX"}, f"^invalid_value: {path}country: "),
            ({"tenant_id": ""}, f"^too_small: {path}tenantId: "),
            ({"image": "javascript:alert(1)"}, f"^invalid_[a-z]+: {path}image: "),
            ({"link_props": {"expires_at": "tomorrow"}}, rf"^invalid_format: {path}linkProps\.expiresAt: "),
            ({"link_props": variants(50)}, rf"^too_small: {path}linkProps\.testVariants: "),
            ({"link_props": variants(5, 95)}, rf"^too_small: {path}linkProps\.testVariants\[0\]\.percentage: "),
            ({"link_props": variants(50, 40)}, rf"^custom: {path}linkProps\.testVariants: "),
        ]:
            partner = {"email": "rules@example.com", **wrong}
            refused(lambda: call(MAIN, **partner), 422, errors.UnprocessableEntity, message)

    def test_500_a_database_that_fails(self, call, path, tag):
        email = f"broken-{tag}@example.com"
        sql(
            f"""
            CREATE OR REPLACE FUNCTION client_test() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''secret''; END';
            CREATE TRIGGER python_{tag} BEFORE INSERT ON partners
            FOR EACH ROW WHEN (NEW.email = '{email}') EXECUTE FUNCTION client_test()
            """
        )
        error = refused(lambda: call(MAIN, email=email), 500, errors.InternalServerError, ".")
        assert "secret" not in error.body

    def test_the_other_base_paths(self, call, path, tag):
        for base in ["api", "v1"]:
            client = dub(WORLD["main"]["apiKey"], server_url=f"{URL}/{base}")
            call(client, email=f"base-{base}@example.com")
