"""embed_tokens.referrals"""

import re
import time
from datetime import datetime

import pytest
from dub.models import errors
from support import (
    ID, MAIN, SUITE, UNKNOWN_PARTNER, WORLD,
    check_full_partner, claims, create, dub, expect_error, full_partner, invitation, partner_with_nulls, referrals,
    referrals_for, sql,
)


class TestReferrals:
    def test_creates_a_partner_by_email_address_alone(self):
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

    def test_accepts_every_field(self):
        partner = full_partner("token")
        payload = claims(referrals_for(MAIN, **partner))
        found = create(MAIN, email=partner["email"], tenant_id=partner["tenant_id"])
        assert found.id == payload["pid"]
        check_full_partner(found, partner)

    def test_accepts_null_in_every_nullable_field(self):
        claims(referrals_for(MAIN, **partner_with_nulls("token")))

    def test_finds_the_same_partner_by_email_address_tenant_id_and_partner_id(self):
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

    def test_binds_a_tenant_id_to_an_enrollment_without_one(self):
        first = claims(referrals_for(MAIN, email="bound@example.com"))
        assert claims(referrals(MAIN, tenant_id="bound", partner={"email": "bound@example.com"}))["sub"] == first["sub"]
        assert claims(referrals(MAIN, tenant_id="bound"))["sub"] == first["sub"]

    def test_tenant_id_takes_precedence_over_another_partners_email_address(self):
        a = claims(referrals_for(MAIN, email="t3a@example.com", tenant_id="t3a"))
        referrals_for(MAIN, email="t3b@example.com", tenant_id="t3b")
        assert claims(referrals(MAIN, tenant_id="t3a", partner={"email": "t3b@example.com"}))["sub"] == a["sub"]

    def test_a_private_program_enrolls_as_pending(self):
        client = dub(WORLD["private"]["apiKey"])
        claims(referrals_for(client, email="pending@example.com"))
        assert create(client, email="pending@example.com").status == "pending"

    def test_a_token_request_approves_an_invited_partner(self):
        client = dub(WORLD["invite"]["apiKey"])
        create(client, email="invited@example.com", tenant_id=f"{SUITE}-invited")
        invitation(f"{SUITE}-invited", "1 day")
        claims(referrals(client, tenant_id=f"{SUITE}-invited"))
        assert create(client, email="invited@example.com").status == "approved"

    def test_accepts_a_key_with_the_scope_tokens_write_only(self):
        claims(referrals_for(dub(WORLD["tokensOnlyKey"]), email="scoped@example.com"))

    def test_403_no_invitation_in_a_program_with_the_access_mode_invite(self):
        client = dub(WORLD["invite"]["apiKey"])
        message = r"^Only invited partners can join this program\.$"
        expect_error(lambda: referrals_for(client, email="stranger@example.com"), 403, errors.Forbidden, message)

    @pytest.mark.parametrize("status", ["rejected", "declined", "banned", "deactivated"])
    def test_403_for_each_status_without_tokens(self, status):
        tenant_id = f"{SUITE}-{status}"
        create(MAIN, email=f"{status}@example.com", tenant_id=tenant_id)
        sql(f"UPDATE enrollments SET status = '{status}' WHERE tenant_id = '{tenant_id}'")
        expect_error(lambda: referrals(MAIN, tenant_id=tenant_id), 403, errors.Forbidden, rf"\b{status}\b")

    @pytest.mark.parametrize(
        "request_", [{"tenant_id": "nobody"}, {"partner_id": UNKNOWN_PARTNER}, {"partner_id": "not-an-id"}]
    )
    def test_404_an_unknown_partner_and_no_partner_to_create(self, request_):
        message = r"^The partner is not enrolled in this program\.$"
        expect_error(lambda: referrals(MAIN, **request_), 404, errors.NotFound, message)

    def test_409_an_email_does_not_open_an_enrollment_with_another_tenant_id(self):
        referrals_for(MAIN, email="t5@example.com", tenant_id="t5")
        message = r"^The partner with this email is enrolled with another tenantId\.$"
        other = {"tenant_id": "t5-other", "partner": {"email": "t5@example.com"}}
        expect_error(lambda: referrals(MAIN, **other), 409, errors.Conflict, message)

    def test_410_an_expired_invitation(self):
        client = dub(WORLD["invite"]["apiKey"])
        create(client, email="expired@example.com", tenant_id=f"{SUITE}-expired")
        invitation(f"{SUITE}-expired", "-1 day")
        message = r"^The partner's invitation has expired\.$"
        expect_error(lambda: referrals(client, tenant_id=f"{SUITE}-expired"), 410, errors.InviteExpired, message)

    def test_422_none_of_the_three_identifiers(self):
        message = r"^custom: : You must provide either partnerId, tenantId, or partner\.$"
        expect_error(lambda: referrals(MAIN), 422, errors.UnprocessableEntity, message)

    def test_400_no_body(self):
        # The client's method accepts a call without an argument and then sends no body.
        expect_error(lambda: MAIN.embed_tokens.referrals(), 400, errors.BadRequest, ".")
