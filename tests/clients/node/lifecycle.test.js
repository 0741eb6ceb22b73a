import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { UNKNOWN, dub, errors, expectError, isValid, main, withBody, world } from "./support.js";

const REASONS = ["tos_violation", "inappropriate_content", "fake_traffic", "fraud", "spam", "brand_abuse"];

const partnerFromList = async (tenantId) => (await main.partners.list({ tenantId }))[0];

// Both operations end a partnership and have the same form of request.
const operations = {
  ban: { status: "banned", call: (client, request) => client.partners.ban({ reason: "fraud", ...request }) },
  deactivate: { status: "deactivated", call: (client, request) => client.partners.deactivate(request) },
};

for (const [name, { call, status }] of Object.entries(operations)) {
  const enrolled = (tag) => main.partners.create({ email: `${name}-${tag}@example.com`, tenantId: `${name}-${tag}` });

  describe(`partners.${name}`, () => {
    test("accepts either id and prefers partnerId", async () => {
      for (const [tag, request] of [
        ["partner", (partner) => ({ partnerId: partner.id })],
        ["tenant", (partner) => ({ tenantId: partner.tenantId })],
        ["null-partner", (partner) => ({ partnerId: null, tenantId: partner.tenantId })],
        ["null-tenant", (partner) => ({ partnerId: partner.id, tenantId: null })],
        ["both", (partner) => ({ partnerId: partner.id, tenantId: "of-nobody" })],
      ]) {
        const partner = await enrolled(tag);
        assert.deepEqual(await call(main, request(partner)), { partnerId: partner.id });
        assert.equal((await partnerFromList(partner.tenantId)).status, status);
      }
    });

    test("revokes all tokens and refuses new ones", async () => {
      const { id: partnerId, tenantId } = await enrolled("tokens");
      const tokens = [await main.embedTokens.referrals({ tenantId }), await main.embedTokens.referrals({ partnerId })];
      for (const token of tokens) assert.ok(await isValid(token));
      await call(main, { partnerId });
      for (const token of tokens) assert.ok(!(await isValid(token)));
      await expectError(main.embedTokens.referrals({ tenantId }), 403, errors.Forbidden, new RegExp(`\\b${status}\\b`));
    });

    test("400: the second time", async () => {
      const { id: partnerId } = await enrolled("twice");
      await call(main, { partnerId });
      await expectError(call(main, { partnerId }), 400, errors.BadRequest, new RegExp(`\\b${status}\\b`));
    });

    test("400: no partner is named", async () => {
      for (const request of [{}, { partnerId: null, tenantId: null }]) {
        await expectError(call(main, request), 400, errors.BadRequest, "You must provide either partnerId or tenantId.");
      }
    });

    test("404: an unknown partner, or a partner of another workspace", async () => {
      const foreign = await dub(world.invite.apiKey).partners.create({ email: `${name}@example.com`, tenantId: `foreign-${name}` });
      for (const request of [
        { partnerId: UNKNOWN.partner },
        { partnerId: "not-an-id" },
        { tenantId: "of-nobody" },
        { partnerId: foreign.id },
        { tenantId: foreign.tenantId },
      ]) {
        await expectError(call(main, request), 404, errors.NotFound, "The partner is not enrolled in this program.");
      }
    });
  });
}

describe("partners.ban", () => {
  for (const reason of REASONS) {
    test(`for ${reason}`, async () => {
      const tenantId = `banned-for-${reason}`;
      await main.partners.create({ email: `${tenantId}@example.com`, tenantId });
      await main.partners.ban({ tenantId, reason });
      const partner = await partnerFromList(tenantId);
      assert.equal(partner.bannedReason, reason);
      assert.ok(Math.abs(Date.now() - Date.parse(partner.bannedAt)) < 60_000);
    });
  }

  test("422: a missing or unknown reason", async () => {
    // The client itself rejects these values, so the test replaces the body.
    for (const [body, message] of [
      ['{"tenantId":"of-nobody"}', /^invalid_type: reason: /],
      ['{"tenantId":"of-nobody","reason":"looks"}', /^invalid_value: reason: /],
    ]) {
      await expectError(withBody(body).partners.ban({ reason: "fraud" }), 422, errors.UnprocessableEntity, message);
    }
  });
});

describe("partners.deactivate", () => {
  test("400: a banned partner", async () => {
    const tenantId = "deactivate-banned";
    await main.partners.create({ email: `${tenantId}@example.com`, tenantId });
    await main.partners.ban({ tenantId, reason: "spam" });
    await expectError(main.partners.deactivate({ tenantId }), 400, errors.BadRequest, /\bbanned\b/);
  });
});
