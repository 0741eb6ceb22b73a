"""links.get, links.update and links.delete"""

import pytest
from dub.models import errors
from support import (
    MAIN, NULL_LINK_PROPS, UNKNOWN_LINK, UNKNOWN_TAG, WORLD,
    check_link_props, create, dub, enrolled, expect_error, link_props, members, two_tags,
)

OTHER = dub(WORLD["invite"]["apiKey"])
NO_LINK = r"^The link does not exist\.$"


def made(tag, client=MAIN, **request):
    # The partner's default link takes its key from the e-mail address, which must not be the key of the new link.
    create(client, email=f"of-{tag}@example.com", tenant_id=tag)
    request = {"tenant_id": tag, "key": tag, "url": f"https://example.com/{tag}", **request}
    return client.partners.create_link(request=request)


def get(**request):
    return MAIN.links.get(request=request)


def update(link_id, **changes):
    return MAIN.links.update(link_id=link_id, request_body=changes)


def delete(link_id):
    return MAIN.links.delete(link_id=link_id)


class TestGet:
    def test_finds_a_link_by_id_by_external_id_by_domain_and_key(self):
        link = made("get-link", link_props={"external_id": "get-link-id"})
        for request in [
            {"link_id": link.id},
            {"link_id": "ext_get-link-id"},
            {"external_id": "ext_get-link-id"},
            {"external_id": "get-link-id"},
            {"domain": link.domain, "key": "get-link"},
            {"domain": link.domain.upper(), "key": "GET-link"},
        ]:
            assert get(**request) == link

    def test_400_no_link_is_named(self):
        for request in [{}, {"domain": "example.com"}, {"key": "get-link"}]:
            expect_error(lambda: get(**request), 400, errors.BadRequest, r"\blinkId\b")

    def test_404_an_unknown_link_or_a_link_of_another_workspace(self):
        foreign = made("get-foreign", OTHER, link_props={"external_id": "get-foreign"})
        for request in [
            {"link_id": UNKNOWN_LINK},
            {"link_id": "not-an-id"},
            {"external_id": "ext_nothing"},
            {"domain": "example.com", "key": "get-link"},
            {"link_id": foreign.id},
            {"external_id": "ext_get-foreign"},
            {"domain": foreign.domain, "key": foreign.key},
        ]:
            expect_error(lambda: get(**request), 404, errors.NotFound, NO_LINK)


class TestUpdate:
    def test_accepts_every_field(self):
        link = made("full-update")
        tags = two_tags("update link")
        props = link_props("update", tags)
        changes = {
            "url": "https://example.com/elsewhere",
            "domain": link.domain,
            "key": "full-update-new",
            **props,
            "archived": True,
            "rewrite": True,
            "track_conversion": False,
            "public_stats": True,
            "geo": {"DE": "https://example.com/de", "FR": "https://example.com/fr"},
            "utm_source": "source",
            "utm_medium": "medium",
            "utm_campaign": "campaign",
            "utm_term": "term",
            "utm_content": "content",
        }
        changed = update(link.id, **changes)
        assert changed.id == link.id and changed.created_at == link.created_at
        assert changed.updated_at >= link.updated_at
        check_link_props(changed, changes, tags)
        assert get(link_id=link.id) == changed

        # Null clears a nullable field, and a missing field stays unchanged.
        nulls = dict.fromkeys([*NULL_LINK_PROPS, "geo", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"])
        del nulls["tenant_id"]
        emptied = update(link.id, **nulls, tag_ids=[])
        assert members(emptied, nulls) == nulls
        assert emptied.tags == []
        assert emptied.archived and emptied.url == changed.url

    def test_an_empty_update_changes_nothing(self):
        link = made("update-nothing")
        assert update(link.id) == link
        assert update(link.id, url=link.url, key=link.key, archived=link.archived, comments=link.comments) == link

    def test_updates_a_link_by_external_id(self):
        link = made("update-external", link_props={"external_id": "update-external"})
        changed = update("ext_update-external", external_id="ext_update-external-2")
        assert (changed.id, changed.external_id) == (link.id, "update-external-2")

    def test_404_an_unknown_link_a_link_of_another_workspace_or_an_unknown_domain(self):
        foreign = made("update-foreign", OTHER)
        for link_id in [UNKNOWN_LINK, "not-an-id", "ext_nothing", foreign.id]:
            expect_error(lambda: update(link_id, comments="x"), 404, errors.NotFound, NO_LINK)
        link = made("update-domain")
        message = r"^The domain does not exist\.$"
        expect_error(lambda: update(link.id, domain="nobodys.example"), 404, errors.NotFound, message)

    def test_409_a_key_or_an_external_id_that_is_taken(self):
        made("update-taken", link_props={"external_id": "update-taken"})
        link = made("update-taken-2")
        expect_error(lambda: update(link.id, key="UPDATE-taken"), 409, errors.Conflict, r"\bkey\b")
        expect_error(lambda: update(link.id, external_id="update-taken"), 409, errors.Conflict, "externalId")

    def test_422_values_that_break_a_rule(self):
        link = made("update-rules")
        for wrong, message in [
            ({"url": "javascript:alert(1)"}, "^invalid_[a-z]+: url: "),
            ({"key": "not a key"}, "^invalid_format: key: "),
            ({"tag_ids": UNKNOWN_TAG}, "^invalid_value: tagIds: "),
            ({"tag_names": ["no such tag"]}, r"^invalid_value: tagNames\[0\]: "),
            ({"geo": {"XX": "https://example.com"}}, "^invalid_[a-z]+: geo"),
            ({"geo": {"DE": "javascript:alert(1)"}}, r"^invalid_[a-z]+: geo\.DE: "),
            ({"expires_at": "tomorrow"}, "^invalid_format: expiresAt: "),
        ]:
            expect_error(lambda: update(link.id, **wrong), 422, errors.UnprocessableEntity, message)


class TestDelete:
    @pytest.mark.parametrize("by", ["id", "external-id"])
    def test_deletes_a_link_by_id_and_by_external_id(self, by):
        link = made(f"delete-{by}", link_props={"external_id": f"delete-{by}"})
        assert delete(link.id if by == "id" else f"ext_delete-{by}").id == link.id
        expect_error(lambda: get(link_id=link.id), 404, errors.NotFound, NO_LINK)
        expect_error(lambda: delete(link.id), 404, errors.NotFound, NO_LINK)
        left = MAIN.partners.retrieve_links(request={"partner_id": link.partner_id})
        assert link.id not in [it.id for it in left]

    def test_404_an_unknown_link_or_a_link_of_another_workspace(self):
        foreign = made("delete-foreign", OTHER)
        for link_id in [UNKNOWN_LINK, "not-an-id", "ext_nothing", foreign.id]:
            expect_error(lambda: delete(link_id), 404, errors.NotFound, NO_LINK)

    def test_409_a_default_link(self):
        partner = enrolled("delete-default")
        expect_error(lambda: delete(partner.links[0].id), 409, errors.Conflict, r"\bdefault link\b")
