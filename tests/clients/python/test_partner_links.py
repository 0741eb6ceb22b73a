"""partners.retrieve_links, partners.create_link and partners.upsert_link"""

import re

import httpx
import pytest
from dub.models import errors
from support import (
    ID, IS_ASYNC, MAIN, NOBODY_NAMED, NOT_ENROLLED, NULL_LINK_PROPS, UNKNOWN_PARTNER, UNKNOWN_TAG, WORLD,
    check_link_props, create, dub, enrolled, link_props, listed, members, new_group, refused, set_counters, together, two_tags,
    with_body,
)

OTHER = dub(WORLD["invite"]["apiKey"])

# What nobody has said anything about.
UNSAID = {
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


def check_unsaid(link, partner, is_new=True):
    assert re.fullmatch(f"link_{ID}", link.id)
    assert members(link, UNSAID) == UNSAID
    assert (link.partner_id, link.tenant_id) == (partner.id, partner.tenant_id)
    assert link.program_id == WORLD["main"]["programId"]
    assert link.workspace_id == WORLD["main"]["workspaceId"]
    assert (link.created_at == link.updated_at) is is_new
    assert link.short_link.endswith(f"/{link.key}")
    assert httpx.URL(link.short_link).host == link.domain


def brief(link):
    """A link as it stands in a list."""
    return members(link, BRIEF)


class TestRetrieve:
    def test_by_either_id_of_which_the_partners_goes_first(self):
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
        # The same links as on the partner.
        assert [brief(link) for link in listed("retrieve").links] == expected

    def test_what_the_links_have_brought(self):
        enrolled("brought")
        figures = {"clicks": 9, "leads": 7, "conversions": 5, "sales": 6, "sale_amount": 1234}
        set_counters("tenant_id = 'brought'", figures)
        [link] = links(tenant_id="brought")
        assert (link.clicks, link.leads, link.conversions, link.sales, link.sale_amount) == (9, 7, 5, 6, 1234)


class TestCreate:
    def test_the_partner_alone(self):
        partner = enrolled("create-minimal")
        link = create_link(partner_id=partner.id)
        check_unsaid(link, partner)
        # Where the partner's first link leads; the key is another.
        [first] = partner.links
        assert link.url == first.url and link.key != first.key
        assert [it.id for it in links(partner_id=partner.id)] == [first.id, link.id]

    def test_every_field(self):
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

    def test_a_prefix_stands_before_the_key(self):
        enrolled("prefix", name="Li Prefix")
        link = create_link(tenant_id="prefix", link_props={"prefix": "/p/"})
        assert re.match("p/li-prefix(-|$)", link.key)

    def test_every_field_that_may_be_null(self):
        partner = enrolled("create-null")
        request = {"partner_id": None, "tenant_id": partner.tenant_id, "url": None, "comments": None}
        check_unsaid(create_link(**request, link_props=NULL_LINK_PROPS), partner)

    def test_comments_stand_in_either_place_and_outside_of_link_props_first(self):
        enrolled("comments")
        for request, comments in [
            ({"comments": "out"}, "out"),
            ({"link_props": {"comments": "in"}}, "in"),
            ({"comments": "out", "link_props": {"comments": "in"}}, "out"),
        ]:
            assert create_link(tenant_id="comments", **request).comments == comments

    def test_one_tag_by_id_several_by_name(self):
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
            refused(lambda: create_link(tenant_id="create-taken", **wrong), 409, errors.Conflict, message)


class TestUpsert:
    def test_makes_the_link_once_and_changes_it_then(self):
        partner = enrolled("upsert")
        request = {"partner_id": partner.id, "url": "https://example.com/upsert"}
        made = upsert_link(**request)
        check_unsaid(made, partner)
        assert made.url == "https://example.com/upsert"

        # The same request again changes nothing, not even the time of the change.
        assert upsert_link(**request) == made
        assert upsert_link(tenant_id="upsert", url=request["url"]) == made

        changed = upsert_link(**request, key="upsert-key", comments="Changed")
        same = {"short_link": made.short_link, "updated_at": made.updated_at, "qr_code": made.qr_code}
        assert changed.model_copy(update=same) == made.model_copy(update={"key": "upsert-key", "comments": "Changed"})
        # What is not said stays as it is.
        assert upsert_link(**request) == changed
        assert len(links(tenant_id="upsert")) == 2

    def test_every_field_on_a_new_link_and_on_one_that_is_there(self):
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

    def test_every_field_that_may_be_null_nothing_is_left(self):
        partner = enrolled("full-upsert-null")
        url = "https://example.com/upsert-null"
        props = {**link_props("upsert-null", two_tags("upsert null")), "proxy": False, "do_index": False}
        made = upsert_link(partner_id=partner.id, url=url, link_props={**props, "tag_ids": [], "tag_names": []})
        assert made.external_id == "link-upsert-null"
        request = {"partner_id": None, "tenant_id": partner.tenant_id, "url": url, "comments": None}
        emptied = upsert_link(**request, link_props=NULL_LINK_PROPS)
        assert emptied.id == made.id
        check_unsaid(emptied, partner, is_new=False)

    @pytest.mark.skipif(not IS_ASYNC, reason="only what is awaited can be asked for at the same time")
    def test_32_at_once_make_one_link(self):
        enrolled("upsert-race")
        request = {"tenant_id": "upsert-race", "url": "https://example.com/race"}
        answers = together([lambda client: client.partners.upsert_link_async(request=request)] * 32)
        assert len({link.id for link in answers}) == 1
        assert len(links(tenant_id="upsert-race")) == 2

    def test_another_partner_with_the_same_address_has_another_link(self):
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
                refused(lambda: upsert_link(**second, **wrong), 409, errors.Conflict, message)
            # And the same for a link that is there.
            upsert_link(**second)

    def test_422_no_address(self):
        client = with_body(b'{"tenantId":"of-nobody"}')
        refused(lambda: upsert_some_link(client), 422, errors.UnprocessableEntity, "^invalid_type: url: ")


@pytest.mark.parametrize("call", [links, create_link, upsert_some_link])
class TestWhose:
    @pytest.mark.parametrize("request_", [{}, {"partner_id": None, "tenant_id": None}])
    def test_400_nobody_is_named(self, call, request_):
        refused(lambda: call(**request_), 400, errors.BadRequest, NOBODY_NAMED)

    def test_404_nobody_with_that_id_or_another_workspaces(self, call):
        foreign = enrolled("foreign-links", OTHER)
        for request in [
            {"partner_id": UNKNOWN_PARTNER},
            {"partner_id": "not-an-id"},
            {"tenant_id": "of-nobody"},
            {"partner_id": foreign.id},
            {"tenant_id": foreign.tenant_id},
        ]:
            refused(lambda: call(**request), 404, errors.NotFound, NOT_ENROLLED)


@pytest.mark.parametrize("call", [create_link, upsert_some_link])
class TestMakers:
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
            refused(lambda: call(tenant_id="link-rules", **wrong), 422, errors.UnprocessableEntity, message)
        assert len(links(tenant_id="link-rules")) == 1

    def test_a_group_decides_how_many_links_there_may_be_and_where_they_may_lead(self, call):
        slug = f"strict-{call.__name__.replace('_', '-')}"
        group = new_group(slug, maxPartnerLinks=2, allowedHosts=["example.com"])
        partner = create(MAIN, email=f"{slug}@example.com", group_id=group)
        elsewhere = {"partner_id": partner.id, "url": "https://example.org/"}
        refused(lambda: call(**elsewhere), 422, errors.UnprocessableEntity, "^invalid_value: url: ")
        for number in range(2 - len(partner.links)):
            call(partner_id=partner.id, url=f"https://example.com/{number}")
        one_more = {"partner_id": partner.id, "url": "https://example.com/one-too-many"}
        refused(lambda: call(**one_more), 409, errors.Conflict, r"\b2\b")
