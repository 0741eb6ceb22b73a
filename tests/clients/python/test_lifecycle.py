"""partners.ban and partners.deactivate"""

from datetime import datetime, timedelta, timezone

import pytest
from dub.models import errors
from support import (
    MAIN, NOBODY_NAMED, NOT_ENROLLED, UNKNOWN_PARTNER, WORLD,
    dub, enrolled, is_good, listed, referrals, refused, with_body,
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
    def test_by_either_id_of_which_the_partners_goes_first(self, call, status, tag, named_by):
        partner = enrolled(f"{status}-{tag}")
        assert call(**named_by(partner)).partner_id == partner.id
        assert listed(partner.tenant_id).status == status

    def test_no_token_is_given_out_any_more_and_those_that_were_are_good_no_longer(self, call, status):
        partner = enrolled(f"{status}-tokens")
        tokens = [referrals(MAIN, tenant_id=partner.tenant_id), referrals(MAIN, partner_id=partner.id)]
        assert all(is_good(token) for token in tokens)
        call(partner_id=partner.id)
        assert not any(is_good(token) for token in tokens)
        refused(lambda: referrals(MAIN, partner_id=partner.id), 403, errors.Forbidden, rf"\b{status}\b")

    def test_400_a_second_time(self, call, status):
        partner = enrolled(f"{status}-twice")
        call(partner_id=partner.id)
        refused(lambda: call(partner_id=partner.id), 400, errors.BadRequest, rf"\b{status}\b")

    @pytest.mark.parametrize("request_", [{}, {"partner_id": None, "tenant_id": None}])
    def test_400_nobody_is_named(self, call, status, request_):
        refused(lambda: call(**request_), 400, errors.BadRequest, NOBODY_NAMED)

    def test_404_nobody_with_that_id_or_another_workspaces(self, call, status):
        foreign = enrolled(f"foreign-{status}", OTHER)
        for request in [
            {"partner_id": UNKNOWN_PARTNER},
            {"partner_id": "not-an-id"},
            {"tenant_id": "of-nobody"},
            {"partner_id": foreign.id},
            {"tenant_id": foreign.tenant_id},
        ]:
            refused(lambda: call(**request), 404, errors.NotFound, NOT_ENROLLED)


class TestBan:
    @pytest.mark.parametrize("reason", REASONS)
    def test_for_a_reason(self, reason):
        enrolled(f"banned-for-{reason}")
        ban(tenant_id=f"banned-for-{reason}", reason=reason)
        partner = listed(f"banned-for-{reason}")
        assert partner.banned_reason == reason
        assert abs(datetime.now(timezone.utc) - datetime.fromisoformat(partner.banned_at)) < timedelta(minutes=1)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b'{"tenantId":"of-nobody"}', "^invalid_type: reason: "),
            (b'{"tenantId":"of-nobody","reason":"looks"}', "^invalid_value: reason: "),
        ],
    )
    def test_422_no_reason_and_one_that_is_none(self, body, message):
        client = with_body(body)
        refused(lambda: client.partners.ban(request={"reason": "fraud"}), 422, errors.UnprocessableEntity, message)


class TestDeactivate:
    def test_400_a_partner_who_is_banned(self):
        enrolled("deactivate-banned")
        ban(tenant_id="deactivate-banned")
        refused(lambda: deactivate(tenant_id="deactivate-banned"), 400, errors.BadRequest, r"\bbanned\b")
