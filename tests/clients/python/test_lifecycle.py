"""partners.ban and partners.deactivate"""

from datetime import datetime, timedelta, timezone

import pytest
from dub.models import errors
from support import (
    MAIN, NO_PARTNER_NAMED, NOT_ENROLLED, UNKNOWN_PARTNER, WORLD,
    dub, enrolled, expect_error, is_valid, partner_from_list, referrals, with_body,
)

OTHER = dub(WORLD["invite"]["apiKey"])
REASONS = ["tos_violation", "inappropriate_content", "fake_traffic", "fraud", "spam", "brand_abuse"]


def ban(**request):
    return MAIN.partners.ban(request={"reason": "fraud", **request})


def deactivate(**request):
    return MAIN.partners.deactivate(request=request)


@pytest.mark.parametrize(
    ("call", "status"), [(ban, "banned"), (deactivate, "deactivated")], ids=["partners.ban", "partners.deactivate"]
)
class TestBoth:
    @pytest.mark.parametrize(
        ("tag", "named_by"),
        [
            ("partner", lambda partner: {"partner_id": partner.id}),
            ("tenant", lambda partner: {"tenant_id": partner.tenant_id}),
            ("null-partner", lambda partner: {"partner_id": None, "tenant_id": partner.tenant_id}),
            ("null-tenant", lambda partner: {"partner_id": partner.id, "tenant_id": None}),
            ("both", lambda partner: {"partner_id": partner.id, "tenant_id": "of-nobody"}),
        ],
    )
    def test_accepts_either_id_and_prefers_partner_id(self, call, status, tag, named_by):
        partner = enrolled(f"{status}-{tag}")
        assert call(**named_by(partner)).partner_id == partner.id
        assert partner_from_list(partner.tenant_id).status == status

    def test_revokes_all_tokens_and_refuses_new_ones(self, call, status):
        partner = enrolled(f"{status}-tokens")
        tokens = [referrals(MAIN, tenant_id=partner.tenant_id), referrals(MAIN, partner_id=partner.id)]
        assert all(is_valid(token) for token in tokens)
        call(partner_id=partner.id)
        assert not any(is_valid(token) for token in tokens)
        expect_error(lambda: referrals(MAIN, partner_id=partner.id), 403, errors.Forbidden, rf"\b{status}\b")

    def test_400_the_second_time(self, call, status):
        partner = enrolled(f"{status}-twice")
        call(partner_id=partner.id)
        expect_error(lambda: call(partner_id=partner.id), 400, errors.BadRequest, rf"\b{status}\b")

    @pytest.mark.parametrize("request_", [{}, {"partner_id": None, "tenant_id": None}])
    def test_400_no_partner_is_named(self, call, status, request_):
        expect_error(lambda: call(**request_), 400, errors.BadRequest, NO_PARTNER_NAMED)

    def test_404_an_unknown_partner_or_a_partner_of_another_workspace(self, call, status):
        foreign = enrolled(f"foreign-{status}", OTHER)
        for request in [
            {"partner_id": UNKNOWN_PARTNER},
            {"partner_id": "not-an-id"},
            {"tenant_id": "of-nobody"},
            {"partner_id": foreign.id},
            {"tenant_id": foreign.tenant_id},
        ]:
            expect_error(lambda: call(**request), 404, errors.NotFound, NOT_ENROLLED)


class TestBan:
    @pytest.mark.parametrize("reason", REASONS)
    def test_stores_the_reason(self, reason):
        enrolled(f"banned-for-{reason}")
        ban(tenant_id=f"banned-for-{reason}", reason=reason)
        partner = partner_from_list(f"banned-for-{reason}")
        assert partner.banned_reason == reason
        assert abs(datetime.now(timezone.utc) - datetime.fromisoformat(partner.banned_at)) < timedelta(minutes=1)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b'{"tenantId":"of-nobody"}', "^invalid_type: reason: "),
            (b'{"tenantId":"of-nobody","reason":"looks"}', "^invalid_value: reason: "),
        ],
    )
    def test_422_a_missing_or_unknown_reason(self, body, message):
        client = with_body(body)
        expect_error(lambda: client.partners.ban(request={"reason": "fraud"}), 422, errors.UnprocessableEntity, message)


class TestDeactivate:
    def test_400_a_banned_partner(self):
        enrolled("deactivate-banned")
        ban(tenant_id="deactivate-banned")
        expect_error(lambda: deactivate(tenant_id="deactivate-banned"), 400, errors.BadRequest, r"\bbanned\b")
