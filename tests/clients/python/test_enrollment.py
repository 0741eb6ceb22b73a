"""Tests of the common behaviour of partners.create and embed_tokens.referrals."""

import pytest
from dub.models import errors
from support import MAIN, SUITE, UNKNOWN_GROUP, URL, WORLD, create, dub, expect_error, referrals_for, sql

# Both operations accept the same partner, at different places of the request.
both = pytest.mark.parametrize(
    ("call", "path", "tag"),
    [(create, "", "partners"), (referrals_for, r"partner\.", "tokens")],
    ids=["partners.create", "embed_tokens.referrals"],
)


@both
class TestBoth:
    def test_404_an_unknown_group(self, call, path, tag):
        for group_id in [UNKNOWN_GROUP, "no-such-group", WORLD["invite"]["groupId"]]:
            partner = {"email": "no-group@example.com", "group_id": group_id}
            expect_error(lambda: call(MAIN, **partner), 404, errors.NotFound, r"^The group was not found\.$")

    def test_409_the_external_id_of_another_link(self, call, path, tag):
        call(MAIN, email=f"ext1-{tag}@example.com", link_props={"external_id": f"taken-{tag}"})
        second = {"email": f"ext2-{tag}@example.com", "link_props": {"external_id": f"ext_taken-{tag}"}}
        expect_error(lambda: call(MAIN, **second), 409, errors.Conflict, "externalId")

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
            expect_error(lambda: call(MAIN, **partner), 422, errors.UnprocessableEntity, message)

    def test_500_a_failing_database(self, call, path, tag):
        email = f"broken-{tag}@example.com"
        sql(
            f"""
            CREATE OR REPLACE FUNCTION client_test() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''secret''; END';
            CREATE TRIGGER "{SUITE} {tag}" BEFORE INSERT ON partners
            FOR EACH ROW WHEN (NEW.email = '{email}') EXECUTE FUNCTION client_test()
            """
        )
        error = expect_error(lambda: call(MAIN, email=email), 500, errors.InternalServerError, ".")
        assert "secret" not in error.body

    def test_answers_under_the_other_base_paths(self, call, path, tag):
        for base in ["api", "v1"]:
            client = dub(WORLD["main"]["apiKey"], server_url=f"{URL}/{base}")
            call(client, email=f"base-{base}@example.com")
