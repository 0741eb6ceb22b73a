// Tests of the common behaviour of partners.create and embedTokens.referrals.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { UNKNOWN, dub, errors, expectError, main, sql, url, world } from "./support.js";

// Both operations accept the same partner, at different places of the request.
const operations = {
  "partners.create": {
    call: (client, partner) => client.partners.create(partner),
    path: "",
  },
  "embedTokens.referrals": {
    call: (client, partner) => client.embedTokens.referrals({ partner }),
    path: "partner.",
  },
};

for (const [name, { call, path }] of Object.entries(operations)) {
  describe(name, () => {
    test("404: an unknown group", async () => {
      for (const groupId of [UNKNOWN.group, "no-such-group", world.invite.groupId]) {
        await expectError(call(main, { email: "no-group@example.com", groupId }), 404, errors.NotFound, "The group was not found.");
      }
    });

    test("409: the externalId of another link", async () => {
      const tag = name.split(".")[0];
      await call(main, { email: `ext1-${tag}@example.com`, linkProps: { externalId: `taken-${tag}` } });
      await expectError(call(main, { email: `ext2-${tag}@example.com`, linkProps: { externalId: `ext_taken-${tag}` } }), 409, errors.Conflict, /externalId/);
    });

    test("422: values that break a rule", async () => {
      const variants = (...percentages) => ({
        testVariants: percentages.map((percentage) => ({ url: "https://example.com", percentage })),
      });
      for (const [wrong, message] of [
        [{ email: "not-an-address" }, `invalid_format: ${path}email: Invalid email address`],
        [{ name: "x".repeat(101) }, new RegExp(`^too_big: ${path}name: `)],
        [{ country: "XX" }, new RegExp(`^invalid_value: ${path}country: `)],
        [{ tenantId: "" }, new RegExp(`^too_small: ${path}tenantId: `)],
        [{ image: "javascript:alert(1)" }, new RegExp(`^invalid_[a-z]+: ${path}image: `)],
        [{ linkProps: { expiresAt: "tomorrow" } }, new RegExp(`^invalid_format: ${path}linkProps\\.expiresAt: `)],
        [{ linkProps: variants(50) }, new RegExp(`^too_small: ${path}linkProps\\.testVariants: `)],
        [{ linkProps: variants(5, 95) }, new RegExp(`^too_small: ${path}linkProps\\.testVariants\\[0\\]\\.percentage: `)],
        [{ linkProps: variants(50, 40) }, new RegExp(`^custom: ${path}linkProps\\.testVariants: `)],
      ]) {
        await expectError(call(main, { email: "rules@example.com", ...wrong }), 422, errors.UnprocessableEntity, message);
      }
    });

    test("500: a failing database", async () => {
      const email = `broken-${name.toLowerCase()}@example.com`;
      sql(`
        CREATE OR REPLACE FUNCTION client_test() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''secret''; END';
        CREATE TRIGGER "node ${name}" BEFORE INSERT ON partners
        FOR EACH ROW WHEN (NEW.email = '${email}') EXECUTE FUNCTION client_test()
      `);
      const error = await expectError(call(main, { email }), 500, errors.InternalServerError, /./);
      assert.doesNotMatch(error.body, /secret/);
    });

    for (const base of ["/api", "/v1"]) {
      test(`answers under the base path ${base}`, async () => {
        await call(dub(world.main.apiKey, { serverURL: url + base }), { email: `base${base.replace("/", "-")}@example.com` });
      });
    }
  });
}
