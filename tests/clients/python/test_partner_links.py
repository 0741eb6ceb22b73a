"""partners.retrieve_links, partners.create_link and partners.upsert_link"""

import re

import httpx
import pytest
from dub.models import errors
from support import (
    ID, IS_ASYNC, MAIN, NO_PARTNER_NAMED, NOT_ENROLLED, NULL_LINK_PROPS, UNKNOWN_PARTNER, UNKNOWN_TAG, WORLD,
    check_link_props, concurrently, create, dub, enrolled, expect_error, link_props, members, new_group,
    partner_from_list, set_counters, two_tags, with_body,
)

OTHER = dub(WORLD["invite"]["apiKey"])

# The fields of a link without settings.
DEFAULTS = {
    **dict.fromkeys(["track_conversion"], True),
    **dict.fromkeys(["archived", "proxy", "rewrite", "do_index", "public_stats"], False),
    **dict.fromkeys(["clicks", "leads", "conversions", "sales", "sale_amount"], 0),
    **dict.fromkeys(["external_id", "expires_at", "expired_url", "disabled_at", "password", "title", "description"]),
    **dict.fromkeys(["image", "video", "ios", "android", "geo", "folder_id", "comments", "utm_source", "utm_medium"]),
    **dict.fromkeys(["utm_campaign", "utm_term", "utm_content", "test_variants", "test_started_at"]),
    **dict.fromkeys(["test_completed_at", "user_id", "last_clicked", "tag_id"]),
    "tags": [],
    "webhook_ids": [],
}
BRIEF = ["id", "domain", "key", "short_link", "url", "clicks", "leads", "conversions", "sales", "sale_amount"]


def links(client=MAIN, **request):
    return client.partners.retrieve_links(request=request)


def create_link(client=MAIN, **request):
    return client.partners.create_link(request=request)


def upsert_link(client=MAIN, **request):
    return client.partners.upsert_link(request=request)


def upsert_some_link(client=MAIN, **request):
    return upsert_link(client, **{"url": "https://example.com/rules", **request})


def check_defaults(link, partner, is_new=True):
    assert re.fullmatch(f"link_{ID}", link.id)
    assert members(link, DEFAULTS) == DEFAULTS
    assert (link.partner_id, link.tenant_id) == (partner.id, partner.tenant_id)
    assert link.program_id == WORLD["main"]["programId"]
    assert link.workspace_id == WORLD["main"]["workspaceId"]
    assert (link.created_at == link.updated_at) is is_new
    assert link.short_link.endswith(f"/{link.key}")
    assert httpx.URL(link.short_link).host == link.domain


def brief(link):
    """Returns the fields of a link that a list shows."""
    return members(link, BRIEF)


class TestRetrieve:
    def test_accepts_either_id_and_prefers_partner_id(self):
        partner = enrolled("retrieve")
        made = create_link(partner_id=partner.id, key="retrieve-second", url="https://example.com/2")
        expected = [*map(brief, partner.links), brief(made)]
        for request in [
            {"partner_id": partner.id},
            {"tenant_id": "retrieve"},
            {"partner_id": partner.id, "tenant_id": "of-nobody"},
            {"partner_id": None, "tenant_id": "retrieve"},
            {"partner_id": partner.id, "tenant_id": None},
        ]:
            assert [brief(link) for link in links(**request)] == expected
        # The partner itself has the same links.
        assert [brief(link) for link in partner_from_list("retrieve").links] == expected

    def test_returns_the_figures_of_the_links(self):
        enrolled("brought")
        figures = {"clicks": 9, "leads": 7, "conversions": 5, "sales": 6, "sale_amount": 1234}
        set_counters("tenant_id = 'brought'", figures)
        [link] = links(tenant_id="brought")
        assert (link.clicks, link.leads, link.conversions, link.sales, link.sale_amount) == (9, 7, 5, 6, 1234)


class TestCreate:
    def test_accepts_a_request_with_the_partner_only(self):
        partner = enrolled("create-minimal")
        link = create_link(partner_id=partner.id)
        check_defaults(link, partner)
        # The default target is the target of the partner's first link.
        [first] = partner.links
        assert link.url == first.url and link.key != first.key
        assert [it.id for it in links(partner_id=partner.id)] == [first.id, link.id]

    def test_accepts_every_field(self):
        partner = enrolled("full-create-link")
        tags = two_tags("create link")
        props = link_props("create-link", tags)
        link = create_link(
            partner_id=partner.id,
            tenant_id=partner.tenant_id,
            url="https://example.com/landing?a=1#top",
            key="Create-Link_1.x/Y",
            comments=props["comments"],
            link_props=props,
        )
        assert (link.url, link.key) == ("https://example.com/landing?a=1#top", "Create-Link_1.x/Y")
        assert link.partner_id == partner.id
        check_link_props(link, props, tags)
        assert MAIN.links.get(request={"link_id": link.id}) == link

    def test_puts_the_prefix_before_the_key(self):
        enrolled("prefix", name="Li Prefix")
        link = create_link(tenant_id="prefix", link_props={"prefix": "/p/"})
        assert re.match("p/li-prefix(-|$)", link.key)

    def test_accepts_null_in_every_nullable_field(self):
        partner = enrolled("create-null")
        request = {"partner_id": None, "tenant_id": partner.tenant_id, "url": None, "comments": None}
        check_defaults(create_link(**request, link_props=NULL_LINK_PROPS), partner)

    def test_accepts_comments_in_either_place_and_prefers_those_outside_of_link_props(self):
        enrolled("comments")
        for request, comments in [
            ({"comments": "out"}, "out"),
            ({"link_props": {"comments": "in"}}, "in"),
            ({"comments": "out", "link_props": {"comments": "in"}}, "out"),
        ]:
            assert create_link(tenant_id="comments", **request).comments == comments

    def test_sets_one_tag_by_id_several_by_name(self):
        enrolled("create-tags")
        tags = two_tags("create tags")
        by_id = create_link(tenant_id="create-tags", link_props={"tag_ids": tags[0].id})
        assert by_id.tags == tags[:1]
        by_name = create_link(tenant_id="create-tags", link_props={"tag_names": [tag.name for tag in tags]})
        assert by_name.tags == tags

    def test_409_a_key_or_an_external_id_that_is_taken(self):
        enrolled("create-taken")
        create_link(tenant_id="create-taken", key="create-taken-key", link_props={"external_id": "create-taken-id"})
        for wrong, message in [
            ({"key": "CREATE-taken-KEY"}, r"\bkey\b"),
            ({"link_props": {"external_id": "ext_create-taken-id"}}, "externalId"),
        ]:
            expect_error(lambda: create_link(tenant_id="create-taken", **wrong), 409, errors.Conflict, message)


class TestUpsert:
    def test_creates_the_link_once_and_updates_it_afterwards(self):
        partner = enrolled("upsert")
        request = {"partner_id": partner.id, "url": "https://example.com/upsert"}
        made = upsert_link(**request)
        check_defaults(made, partner)
        assert made.url == "https://example.com/upsert"

        # A repeated request changes nothing, not even the time of the last change.
        assert upsert_link(**request) == made
        assert upsert_link(tenant_id="upsert", url=request["url"]) == made

        changed = upsert_link(**request, key="upsert-key", comments="Changed")
        same = {"short_link": made.short_link, "updated_at": made.updated_at, "qr_code": made.qr_code}
        assert changed.model_copy(update=same) == made.model_copy(update={"key": "upsert-key", "comments": "Changed"})
        # Fields that are left out stay unchanged.
        assert upsert_link(**request) == changed
        assert len(links(tenant_id="upsert")) == 2

    def test_sets_every_field_of_a_new_and_of_an_existing_link(self):
        partner = enrolled("full-upsert")
        tags = two_tags("upsert")
        props = link_props("upsert", tags)
        request = {
            "partner_id": partner.id,
            "tenant_id": partner.tenant_id,
            "url": "https://example.com/full",
            "key": "full-upsert-link",
            "comments": props["comments"],
        }
        made = upsert_link(**request, link_props=props)
        check_link_props(made, props, tags)
        without_password = {field: value for field, value in props.items() if field != "password"}
        assert upsert_link(**request, link_props=without_password) == made

        plain = upsert_link(partner_id=partner.id, url="https://example.com/plain")
        other = {**props, "external_id": "upsert-plain"}
        request |= {"url": "https://example.com/plain", "key": "full-upsert-plain"}
        filled = upsert_link(**request, link_props=other)
        assert filled.id == plain.id
        check_link_props(filled, other, tags)

    def test_null_clears_every_nullable_field(self):
        partner = enrolled("full-upsert-null")
        url = "https://example.com/upsert-null"
        props = {**link_props("upsert-null", two_tags("upsert null")), "proxy": False, "do_index": False}
        made = upsert_link(partner_id=partner.id, url=url, link_props={**props, "tag_ids": [], "tag_names": []})
        assert made.external_id == "link-upsert-null"
        request = {"partner_id": None, "tenant_id": partner.tenant_id, "url": url, "comments": None}
        emptied = upsert_link(**request, link_props=NULL_LINK_PROPS)
        assert emptied.id == made.id
        check_defaults(emptied, partner, is_new=False)

    @pytest.mark.skipif(not IS_ASYNC, reason="only async calls can run concurrently")
    def test_32_concurrent_requests_create_one_link(self):
        enrolled("upsert-race")
        request = {"tenant_id": "upsert-race", "url": "https://example.com/race"}
        answers = concurrently([lambda client: client.partners.upsert_link_async(request=request)] * 32)
        assert len({link.id for link in answers}) == 1
        assert len(links(tenant_id="upsert-race")) == 2

    def test_two_partners_with_the_same_target_have_two_links(self):
        partners = [enrolled("upsert-a"), enrolled("upsert-b")]
        made = [upsert_link(partner_id=partner.id, url="https://example.com/shared") for partner in partners]
        assert made[0].id != made[1].id
        assert [link.partner_id for link in made] == [partner.id for partner in partners]

    def test_409_a_key_or_an_external_id_that_is_taken(self):
        enrolled("upsert-taken")
        first = {"key": "upsert-taken-key", "link_props": {"external_id": "upsert-taken-id"}}
        upsert_link(tenant_id="upsert-taken", url="https://example.com/1", **first)
        second = {"tenant_id": "upsert-taken", "url": "https://example.com/2"}
        for _ in range(2):
            for wrong, message in [
                ({"key": "UPSERT-taken-KEY"}, r"\bkey\b"),
                ({"link_props": {"external_id": "ext_upsert-taken-id"}}, "externalId"),
            ]:
                expect_error(lambda: upsert_link(**second, **wrong), 409, errors.Conflict, message)
            # The second round makes the same requests for an existing link.
            upsert_link(**second)

    def test_422_no_url(self):
        client = with_body(b'{"tenantId":"of-nobody"}')
        expect_error(lambda: upsert_some_link(client), 422, errors.UnprocessableEntity, "^invalid_type: url: ")


@pytest.mark.parametrize("call", [links, create_link, upsert_some_link])
class TestPartnerSelection:
    @pytest.mark.parametrize("request_", [{}, {"partner_id": None, "tenant_id": None}])
    def test_400_no_partner_is_named(self, call, request_):
        expect_error(lambda: call(**request_), 400, errors.BadRequest, NO_PARTNER_NAMED)

    def test_404_an_unknown_partner_or_a_partner_of_another_workspace(self, call):
        foreign = enrolled("foreign-links", OTHER)
        for request in [
            {"partner_id": UNKNOWN_PARTNER},
            {"partner_id": "not-an-id"},
            {"tenant_id": "of-nobody"},
            {"partner_id": foreign.id},
            {"tenant_id": foreign.tenant_id},
        ]:
            expect_error(lambda: call(**request), 404, errors.NotFound, NOT_ENROLLED)


@pytest.mark.parametrize("call", [create_link, upsert_some_link])
class TestLinkCreation:
    def test_422_values_that_break_a_rule(self, call):
        def variants(*percentages):
            return {"test_variants": [{"url": "https://example.com", "percentage": part} for part in percentages]}

        enrolled("link-rules")
        for wrong, message in [
            ({"url": "javascript:alert(1)"}, "^invalid_[a-z]+: url: "),
            ({"key": ""}, "^too_small: key: "),
            ({"key": "not a key"}, "^invalid_format: key: "),
            ({"key": "robots.txt"}, "^invalid_value: key: "),
            ({"link_props": {"tag_ids": UNKNOWN_TAG}}, r"^invalid_value: linkProps\.tagIds: "),
            ({"link_props": {"tag_ids": ["clux0rgak00011"]}}, r"^invalid_value: linkProps\.tagIds\[0\]: "),
            ({"link_props": {"tag_names": ["no such tag"]}}, r"^invalid_value: linkProps\.tagNames\[0\]: "),
            ({"link_props": {"expires_at": "tomorrow"}}, r"^invalid_format: linkProps\.expiresAt: "),
            ({"link_props": variants(50)}, r"^too_small: linkProps\.testVariants: "),
            ({"link_props": variants(50, 40)}, r"^custom: linkProps\.testVariants: "),
        ]:
            expect_error(lambda: call(tenant_id="link-rules", **wrong), 422, errors.UnprocessableEntity, message)
        assert len(links(tenant_id="link-rules")) == 1

    def test_the_group_limits_the_number_and_the_hosts_of_links(self, call):
        slug = f"strict-{call.__name__.replace('_', '-')}"
        group = new_group(slug, maxPartnerLinks=2, allowedHosts=["example.com"])
        partner = create(MAIN, email=f"{slug}@example.com", group_id=group)
        elsewhere = {"partner_id": partner.id, "url": "https://example.org/"}
        expect_error(lambda: call(**elsewhere), 422, errors.UnprocessableEntity, "^invalid_value: url: ")
        for number in range(2 - len(partner.links)):
            call(partner_id=partner.id, url=f"https://example.com/{number}")
        one_more = {"partner_id": partner.id, "url": "https://example.com/one-too-many"}
        expect_error(lambda: call(**one_more), 409, errors.Conflict, r"\b2\b")
