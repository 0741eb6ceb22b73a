import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { UNKNOWN, checkFullPartner, claims, dub, errors, expectError, fullPartner, main, partnerWithNulls, sql, world } from "./support.js";

describe("embedTokens.referrals", () => {
  test("creates a partner by e-mail address alone", async () => {
    const before = Math.floor(Date.now() / 1000);
    const token = await main.embedTokens.referrals({ partner: { email: "minimal@example.com" } });
    assert.deepEqual(Object.keys(token).sort(), ["expires", "publicToken"]);

    const payload = await claims(token);
    assert.deepEqual(Object.keys(payload).sort(), ["aud", "exp", "iat", "iss", "jti", "nbf", "pid", "prg", "sub", "ver", "wid"]);
    assert.equal(payload.wid, world.main.workspaceId);
    assert.equal(payload.prg, world.main.programId);
    assert.match(payload.pid, /^pn_[0-9a-hjkmnp-tv-z]{26}$/);
    assert.match(payload.sub, /^pge_[0-9a-hjkmnp-tv-z]{26}$/);
    assert.equal(payload.ver, 0);
    assert.ok(payload.iat >= before && payload.nbf <= payload.iat);
    assert.equal(payload.exp - payload.iat, 3600);
    assert.match(token.expires, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(Math.floor(Date.parse(token.expires) / 1000), payload.exp);
  });

  test("accepts every field", async () => {
    const partner = await fullPartner("token", world.main.groupId);
    const payload = await claims(await main.embedTokens.referrals({ partner }));
    const found = await main.partners.create({ email: partner.email, tenantId: partner.tenantId });
    assert.equal(found.id, payload.pid);
    checkFullPartner(found, partner);
  });

  test("accepts null in every nullable field", async () => {
    await claims(await main.embedTokens.referrals({ partner: partnerWithNulls("token") }));
  });

  test("finds the same partner by e-mail address, tenantId and partnerId", async () => {
    const partner = { email: "same@example.com", tenantId: "same" };
    const first = await claims(await main.embedTokens.referrals({ partner }));
    for (const request of [
      { partner },
      { partner: { email: "SAME@Example.COM" } },
      { tenantId: "same" },
      { partnerId: first.pid },
      { tenantId: "same", partner: { email: "same@example.com" } },
    ]) {
      const again = await claims(await main.embedTokens.referrals(request));
      assert.equal(again.sub, first.sub);
      assert.notEqual(again.jti, first.jti);
    }
  });

  test("binds a tenantId to an enrollment without one", async () => {
    const first = await claims(await main.embedTokens.referrals({ partner: { email: "bound@example.com" } }));
    const bound = await main.embedTokens.referrals({ tenantId: "bound", partner: { email: "bound@example.com" } });
    assert.equal((await claims(bound)).sub, first.sub);
    assert.equal((await claims(await main.embedTokens.referrals({ tenantId: "bound" }))).sub, first.sub);
  });

  test("tenantId takes precedence over another partner's e-mail address", async () => {
    const a = await claims(await main.embedTokens.referrals({ partner: { email: "t3a@example.com", tenantId: "t3a" } }));
    await main.embedTokens.referrals({ partner: { email: "t3b@example.com", tenantId: "t3b" } });
    const token = await main.embedTokens.referrals({ tenantId: "t3a", partner: { email: "t3b@example.com" } });
    assert.equal((await claims(token)).sub, a.sub);
  });

  test("a private program enrolls as pending", async () => {
    const client = dub(world.private.apiKey);
    await claims(await client.embedTokens.referrals({ partner: { email: "pending@example.com" } }));
    assert.equal((await client.partners.create({ email: "pending@example.com" })).status, "pending");
  });

  test("a token request approves an invited partner", async () => {
    const client = dub(world.invite.apiKey);
    await client.partners.create({ email: "invited@example.com", tenantId: "node-invited" });
    sql("UPDATE enrollments SET status = 'invited', invite_expires_at = now() + interval '1 day' WHERE tenant_id = 'node-invited'");
    await claims(await client.embedTokens.referrals({ tenantId: "node-invited" }));
    assert.equal((await client.partners.create({ email: "invited@example.com" })).status, "approved");
  });

  test("accepts a key with the scope tokens.write only", async () => {
    await claims(await dub(world.tokensOnlyKey).embedTokens.referrals({ partner: { email: "scoped@example.com" } }));
  });

  test("403: no invitation in a program with the access mode invite", async () => {
    await expectError(
      dub(world.invite.apiKey).embedTokens.referrals({ partner: { email: "stranger@example.com" } }),
      403, errors.Forbidden, "Only invited partners can join this program.",
    );
  });

  for (const status of ["rejected", "declined", "banned", "deactivated"]) {
    test(`403: a partner who is ${status}`, async () => {
      await main.partners.create({ email: `${status}@example.com`, tenantId: `node-${status}` });
      sql(`UPDATE enrollments SET status = '${status}' WHERE tenant_id = 'node-${status}'`);
      await expectError(main.embedTokens.referrals({ tenantId: `node-${status}` }), 403, errors.Forbidden, new RegExp(`\\b${status}\\b`));
    });
  }

  test("404: an unknown partner and no partner to create", async () => {
    for (const request of [{ tenantId: "nobody" }, { partnerId: UNKNOWN.partner }, { partnerId: "not-an-id" }]) {
      await expectError(main.embedTokens.referrals(request), 404, errors.NotFound, "The partner is not enrolled in this program.");
    }
  });

  test("409: an e-mail does not open an enrollment with another tenantId", async () => {
    await main.embedTokens.referrals({ partner: { email: "t5@example.com", tenantId: "t5" } });
    await expectError(
      main.embedTokens.referrals({ tenantId: "t5-other", partner: { email: "t5@example.com" } }),
      409, errors.Conflict, "The partner with this email is enrolled with another tenantId.",
    );
  });

  test("410: an expired invitation", async () => {
    const client = dub(world.invite.apiKey);
    await client.partners.create({ email: "expired@example.com", tenantId: "node-expired" });
    sql("UPDATE enrollments SET status = 'invited', invite_expires_at = now() - interval '1 day' WHERE tenant_id = 'node-expired'");
    await expectError(client.embedTokens.referrals({ tenantId: "node-expired" }), 410, errors.InviteExpired, "The partner's invitation has expired.");
  });

  test("422: none of the three identifiers", async () => {
    await expectError(main.embedTokens.referrals({}), 422, errors.UnprocessableEntity, "custom: : You must provide either partnerId, tenantId, or partner.");
  });

  test("400: no body", async () => {
    // The client's method accepts a call without an argument and then sends no body.
    await expectError(main.embedTokens.referrals(), 400, errors.BadRequest, /./);
  });
});
