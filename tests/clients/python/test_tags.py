"""tags.create, tags.list, tags.update and tags.delete"""

import re

import pytest
from dub.models import errors
from support import ID, MAIN, UNKNOWN_TAG, WORLD, dub, enrolled, expect_error, with_body

COLORS = ["red", "yellow", "green", "blue", "purple", "brown", "gray", "pink"]
OTHER = dub(WORLD["invite"]["apiKey"])


def create(client=MAIN, **tag):
    return client.tags.create(request=tag)


def update(id, **changes):
    return MAIN.tags.update(id=id, request_body=changes)


def not_found(call, name):
    foreign = create(OTHER, name=name)
    for tag_id in [UNKNOWN_TAG, "not-an-id", foreign.id]:
        expect_error(lambda: call(tag_id), 404, errors.NotFound, ".")


class TestCreate:
    @pytest.mark.parametrize("color", COLORS)
    def test_accepts_every_field(self, color):
        tag = create(name=f"all {color}", color=color)
        assert re.fullmatch(f"tag_{ID}", tag.id)
        assert (tag.name, tag.color) == (f"all {color}", color)

    def test_creates_a_tag_by_name_and_chooses_a_color(self):
        tag = create(name="plain")
        assert tag.name == "plain" and tag.color in COLORS

    def test_accepts_the_old_name_of_the_field(self):
        assert create(tag="old name").name == "old name"

    def test_409_a_name_that_differs_in_case_only(self):
        create(name="Taken")
        expect_error(lambda: create(name="tAKEN"), 409, errors.Conflict, ".")

    def test_422_values_that_break_a_rule(self):
        for wrong, message in [
            ({}, "^invalid_type: name: "),
            ({"name": ""}, "^too_small: name: "),
            ({"name": "x" * 51}, "^too_big: name: "),
        ]:
            expect_error(lambda: create(**wrong), 422, errors.UnprocessableEntity, message)
        # The client itself rejects the value, so the test replaces the body.
        odd = with_body(b'{"name":"odd","color":"teal"}')
        expect_error(lambda: create(odd, name="odd"), 422, errors.UnprocessableEntity, "^invalid_value: color: ")

    def test_another_workspace_may_have_the_same_name(self):
        create(name="both")
        create(OTHER, name="both")


class TestList:
    def test_lists_tags_by_name_in_pages_by_search_and_by_id(self):
        client = dub(WORLD["tags"]["apiKey"])

        def tags(**request):
            return client.tags.list(request=request)

        assert tags() == []
        made = [create(client, name=name, color="red") for name in ["cherry", "Apple", "banana"]]
        cherry, apple, banana = made

        assert tags() == [apple, banana, cherry]
        assert tags(sort_by="name", sort_order="desc") == [cherry, banana, apple]
        assert tags(sort_by="createdAt", sort_order="asc") == made
        assert tags(sort_by="createdAt", sort_order="desc") == made[::-1]

        assert tags(page=1, page_size=2) == [apple, banana]
        assert tags(page=2, page_size=2) == [cherry]
        assert tags(page=3, page_size=2) == []

        assert tags(search="AN") == [banana]
        assert tags(search="nothing") == []
        assert tags(ids=cherry.id) == [cherry]
        assert tags(ids=[cherry.id, apple.id, UNKNOWN_TAG]) == [apple, cherry]

    @pytest.mark.parametrize(
        ("wrong", "path"), [({"page": 0}, "page"), ({"page_size": 0}, "pageSize"), ({"page_size": 101}, "pageSize")]
    )
    def test_422_invalid_pages(self, wrong, path):
        expect_error(lambda: MAIN.tags.list(request=wrong), 422, errors.UnprocessableEntity, f"^too_(small|big): {path}: ")


class TestUpdate:
    def test_updates_name_color_both_nothing_and_the_name_by_its_old_field(self):
        tag = create(name="before", color="red")
        for change in [{"name": "after"}, {"color": "pink"}, {"name": "both changed", "color": "gray"}, {}]:
            tag = tag.model_copy(update=change)
            assert update(tag.id, **change) == tag
        assert update(tag.id, tag="old field") == tag.model_copy(update={"name": "old field"})

    def test_404_an_unknown_tag_or_a_tag_of_another_workspace(self):
        not_found(lambda tag_id: update(tag_id, name="x"), "not yours to change")

    def test_409_the_name_of_another_tag(self):
        create(name="first")
        second = create(name="second")
        expect_error(lambda: update(second.id, name="FIRST"), 409, errors.Conflict, ".")

    def test_422_a_name_that_is_too_long(self):
        tag = create(name="short")
        expect_error(lambda: update(tag.id, name="x" * 51), 422, errors.UnprocessableEntity, "^too_big: name: ")


class TestDelete:
    def test_removes_the_tag_from_its_links(self):
        tag = create(name="short-lived")
        enrolled("tagged")
        link = MAIN.partners.create_link(request={"tenant_id": "tagged", "link_props": {"tag_ids": tag.id}})
        assert link.tags == [tag]
        assert MAIN.tags.delete(id=tag.id).id == tag.id
        assert MAIN.links.get(request={"link_id": link.id}).tags == []
        expect_error(lambda: MAIN.tags.delete(id=tag.id), 404, errors.NotFound, ".")

    def test_404_an_unknown_tag_or_a_tag_of_another_workspace(self):
        not_found(lambda tag_id: MAIN.tags.delete(id=tag_id), "not yours to delete")
