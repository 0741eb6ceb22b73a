"""program_applications.list, program_applications.approve and program_applications.reject"""

import json
import re

import pytest
from dub.models import errors
from support import (
    ID, NOT_ENROLLED, UNKNOWN_GROUP, UNKNOWN_PARTNER, WORLD,
    claims, dub, enrolled, expect_error, is_valid, members, new_group, partner_from_list, referrals, referrals_for,
    with_body,
)

# A token request in a private program is an application. No other test applies in this workspace.
KEY, GROUP = WORLD["review"]["apiKey"], WORLD["review"]["groupId"]
CLIENT = dub(KEY)


def applications(**request):
    return CLIENT.program_applications.list(request=request)


def apply(tag, **partner):
    token = referrals_for(CLIENT, email=f"{tag}@example.com", tenant_id=tag, **partner)
    return token, claims(token)["pid"]


def approve(**request):
    return CLIENT.program_applications.approve(request=request)


def reject(**request):
    return CLIENT.program_applications.reject(request=request)


def status_of(tenant_id):
    return partner_from_list(tenant_id, CLIENT).status


class TestList:
    def test_lists_pending_applications_filtered_sorted_and_in_pages(self):
        assert applications() == []
        other = new_group("listed", KEY)
        profile = {
            "name": "Wanda Wait",
            "country": "DE",
            "image": "https://example.com/wanda.png",
            "description": "Waits.",
            "group_id": other,
        }
        partners = [
            apply("listed-1", **profile)[1],
            apply("listed-2", country="FR")[1],
            apply("listed-3")[1],
        ]

        everyone = applications()
        assert [application.partner.id for application in everyone] == partners[::-1]
        application = everyone[2]
        assert re.fullmatch(f"pga_{ID}", application.id)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", application.created_at)
        assert application.application_form_data is None
        nothing = ["company_name", "default_payout_method", "payouts_enabled_at", "website", "youtube", "twitter"]
        expected = {
            **dict.fromkeys([*nothing, "linkedin", "instagram", "tiktok"]),
            **profile,
            "id": partners[0],
            "email": "listed-1@example.com",
            "status": "pending",
            "network_status": "draft",
        }
        assert members(application.partner, expected) == expected
        assert partner_from_list("listed-1", CLIENT).application_id == application.id

        def found(**request):
            return [application.partner.email.split("@")[0] for application in applications(**request)]

        assert found(country="DE") == ["listed-1"]
        assert found(country="US") == []
        assert found(group_id=other) == found(group_id="listed") == ["listed-1"]
        assert found(group_id=GROUP) == ["listed-3", "listed-2"]
        assert found(group_id=GROUP, country="FR") == ["listed-2"]
        assert found(sort_order="asc") == ["listed-1", "listed-2", "listed-3"]
        assert found(search="WANDA") == found(search="listed-1@example.com") == found(search=partners[0]) == ["listed-1"]
        assert found(search="nobody") == []
        assert found(page=1, page_size=2) == ["listed-3", "listed-2"]
        assert found(page=2, page_size=2) == ["listed-1"]
        assert found(page=3, page_size=2) == []

        approve(partner_id=partners[0])
        reject(partner_id=partners[1])
        assert found(status="pending") == found() == ["listed-3"]
        assert found(status="approved") == ["listed-1"]
        assert found(status="rejected") == ["listed-2"]

    def test_422_values_that_break_a_rule(self):
        for wrong, path in [
            ({"country": "XX"}, "country"),
            ({"page": 0}, "page"),
            ({"page_size": 101}, "pageSize"),
            ({"search": "x" * 256}, "search"),
        ]:
            expect_error(lambda: applications(**wrong), 422, errors.UnprocessableEntity, f"^[a-z_]+: {path}: ")


class TestApprove:
    def test_moves_the_partner_to_the_requested_group_given_as_nothing_null_id_and_slug(self):
        other = new_group("approved", KEY)
        for tag, chosen, expected in [
            ("approve", {}, GROUP),
            ("approve-null", {"group_id": None}, GROUP),
            ("approve-id", {"group_id": other}, other),
            ("approve-slug", {"group_id": "approved"}, other),
        ]:
            token, partner_id = apply(tag)
            assert approve(partner_id=partner_id, **chosen).partner_id == partner_id
            partner = partner_from_list(tag, CLIENT)
            assert (partner.status, partner.group_id) == ("approved", expected)
            assert is_valid(token, KEY)
            assert partner_id not in [application.partner.id for application in applications()]

    def test_approves_by_the_id_of_the_application(self):
        _, partner_id = apply("approve-application")
        [application] = applications(search=partner_id)
        assert approve(partner_id=partner_id, application_id=application.id).partner_id == partner_id
        assert status_of("approve-application") == "approved"

    def test_400_a_partner_who_is_not_pending(self):
        _, partner_id = apply("approve-twice")
        approve(partner_id=partner_id)
        expect_error(lambda: approve(partner_id=partner_id), 400, errors.BadRequest, r"\bapproved\b")
        CLIENT.partners.ban(request={"partner_id": partner_id, "reason": "spam"})
        expect_error(lambda: approve(partner_id=partner_id), 400, errors.BadRequest, r"\bbanned\b")

    def test_404_an_unknown_partner_a_partner_of_another_workspace_or_an_unknown_group(self):
        foreign = enrolled("approve-foreign")
        for partner_id in [UNKNOWN_PARTNER, "not-an-id", foreign.id]:
            expect_error(lambda: approve(partner_id=partner_id), 404, errors.NotFound, NOT_ENROLLED)
        _, partner_id = apply("approve-not-found")
        for group_id in [UNKNOWN_GROUP, "no-such-group", WORLD["main"]["groupId"]]:
            request = {"partner_id": partner_id, "group_id": group_id}
            expect_error(lambda: approve(**request), 404, errors.NotFound, r"^The group was not found\.$")
        # The application belongs to another partner.
        apply("approve-other")
        [other] = applications(search="approve-other@example.com")
        for application_id in ["pga_00000000000000000000000000", "not-an-id", other.id]:
            request = {"partner_id": partner_id, "application_id": application_id}
            expect_error(lambda: approve(**request), 404, errors.NotFound, ".")
        assert status_of("approve-not-found") == "pending"

    def test_422_no_partner_is_named(self):
        client = with_body(b"{}", KEY)
        call = lambda: client.program_applications.approve(request={"partner_id": "x"})
        expect_error(call, 422, errors.UnprocessableEntity, "^invalid_type: partnerId: ")


class TestReject:
    @pytest.mark.parametrize("reason", ["needsMoreDetail", "doesNotMeetRequirements", "notTheRightFit", "other"])
    @pytest.mark.parametrize("timeframe", ["instant", "standard", "never"])
    def test_accepts_every_field(self, reason, timeframe):
        tag = f"reject-{reason}-{timeframe}".lower()
        token, partner_id = apply(tag)
        fraud = {} if timeframe == "instant" else {"flag_for_fraud": True, "flag_for_fraud_reason": "A copy of a copy."}
        rejection = {"rejection_reason": reason, "rejection_note": "Not yet.\nNot ever.", "reapplication_timeframe": timeframe}
        assert reject(partner_id=partner_id, **rejection, **fraud).partner_id == partner_id
        assert status_of(tag) == "rejected"
        assert not is_valid(token, KEY)
        expect_error(lambda: referrals(CLIENT, tenant_id=tag), 403, errors.Forbidden, r"\brejected\b")

    def test_accepts_a_request_with_the_partner_only(self):
        _, partner_id = apply("reject")
        assert reject(partner_id=partner_id).partner_id == partner_id
        assert status_of("reject") == "rejected"

    def test_400_a_partner_who_is_not_pending(self):
        _, partner_id = apply("reject-twice")
        reject(partner_id=partner_id)
        expect_error(lambda: reject(partner_id=partner_id), 400, errors.BadRequest, r"\brejected\b")

    def test_404_an_unknown_partner_or_a_partner_of_another_workspace(self):
        foreign = enrolled("reject-foreign")
        for partner_id in [UNKNOWN_PARTNER, "not-an-id", foreign.id]:
            expect_error(lambda: reject(partner_id=partner_id), 404, errors.NotFound, NOT_ENROLLED)

    def test_422_values_that_break_a_rule(self):
        _, partner_id = apply("reject-rules")
        flagged = {"flag_for_fraud": True, "flag_for_fraud_reason": "x"}
        for wrong, message in [
            ({"flag_for_fraud": True}, "^invalid_type: flagForFraudReason: "),
            ({**flagged, "flag_for_fraud_reason": ""}, "^too_small: flagForFraudReason: "),
            ({**flagged, "reapplication_timeframe": "instant"}, "^custom: flagForFraud: "),
            ({"rejection_note": "x" * 5001}, "^too_big: rejectionNote: "),
        ]:
            expect_error(lambda: reject(partner_id=partner_id, **wrong), 422, errors.UnprocessableEntity, message)
        for field in ["rejectionReason", "reapplicationTimeframe"]:
            client = with_body(json.dumps({"partnerId": partner_id, field: "odd"}).encode(), KEY)
            call = lambda: client.program_applications.reject(request={"partner_id": partner_id})
            expect_error(call, 422, errors.UnprocessableEntity, f"^invalid_value: {field}: ")
        assert status_of("reject-rules") == "pending"
