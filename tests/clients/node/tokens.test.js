import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { UNKNOWN, checkEverything, claims, dub, errors, everything, main, nulls, refused, sql, world } from "./support.js";

describe("embedTokens.referrals", () => {
  test("a new partner, by e-mail alone", async () => {
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

  test("every field", async () => {
    const partner = await everything("token", world.main.groupId);
    const payload = await claims(await main.embedTokens.referrals({ partner }));
    const found = await main.partners.create({ email: partner.email, tenantId: partner.tenantId });
    assert.equal(found.id, payload.pid);
    checkEverything(found, partner);
  });

  test("every field that may be null, null", async () => {
    await claims(await main.embedTokens.referrals({ partner: nulls("token") }));
  });

  test("the same partner by e-mail, tenantId and partnerId", async () => {
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

  test("a tenantId is bound to an enrollment that has none", async () => {
    const first = await claims(await main.embedTokens.referrals({ partner: { email: "bound@example.com" } }));
    const bound = await main.embedTokens.referrals({ tenantId: "bound", partner: { email: "bound@example.com" } });
    assert.equal((await claims(bound)).sub, first.sub);
    assert.equal((await claims(await main.embedTokens.referrals({ tenantId: "bound" }))).sub, first.sub);
  });

  test("the tenantId wins over another's e-mail", async () => {
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

  test("an invited partner is approved by asking", async () => {
    const client = dub(world.invite.apiKey);
    await client.partners.create({ email: "invited@example.com", tenantId: "node-invited" });
    sql("UPDATE enrollments SET status = 'invited', invite_expires_at = now() + interval '1 day' WHERE tenant_id = 'node-invited'");
    await claims(await client.embedTokens.referrals({ tenantId: "node-invited" }));
    assert.equal((await client.partners.create({ email: "invited@example.com" })).status, "approved");
  });

  test("a key that may do nothing else", async () => {
    await claims(await dub(world.tokensOnlyKey).embedTokens.referrals({ partner: { email: "scoped@example.com" } }));
  });

  test("403: no invitation to a program for invited partners", async () => {
    await refused(
      dub(world.invite.apiKey).embedTokens.referrals({ partner: { email: "stranger@example.com" } }),
      403, errors.Forbidden, "Only invited partners can join this program.",
    );
  });

  for (const status of ["rejected", "declined", "banned", "deactivated"]) {
    test(`403: a partner who is ${status}`, async () => {
      await main.partners.create({ email: `${status}@example.com`, tenantId: `node-${status}` });
      sql(`UPDATE enrollments SET status = '${status}' WHERE tenant_id = 'node-${status}'`);
      await refused(main.embedTokens.referrals({ tenantId: `node-${status}` }), 403, errors.Forbidden, new RegExp(`\\b${status}\\b`));
    });
  }

  test("404: nobody with that id, and nobody to create", async () => {
    for (const request of [{ tenantId: "nobody" }, { partnerId: UNKNOWN.partner }, { partnerId: "not-an-id" }]) {
      await refused(main.embedTokens.referrals(request), 404, errors.NotFound, "The partner is not enrolled in this program.");
    }
  });

  test("409: an e-mail does not open an enrollment with another tenantId", async () => {
    await main.embedTokens.referrals({ partner: { email: "t5@example.com", tenantId: "t5" } });
    await refused(
      main.embedTokens.referrals({ tenantId: "t5-other", partner: { email: "t5@example.com" } }),
      409, errors.Conflict, "The partner with this email is enrolled with another tenantId.",
    );
  });

  test("410: a lapsed invitation", async () => {
    const client = dub(world.invite.apiKey);
    await client.partners.create({ email: "lapsed@example.com", tenantId: "node-lapsed" });
    sql("UPDATE enrollments SET status = 'invited', invite_expires_at = now() - interval '1 day' WHERE tenant_id = 'node-lapsed'");
    await refused(client.embedTokens.referrals({ tenantId: "node-lapsed" }), 410, errors.InviteExpired, "The partner's invitation has expired.");
  });

  test("422: none of the three identifiers", async () => {
    await refused(main.embedTokens.referrals({}), 422, errors.UnprocessableEntity, "custom: : You must provide either partnerId, tenantId, or partner.");
  });

  test("400: no body at all", async () => {
    // The client's method may be called without an argument; it then sends no body.
    await refused(main.embedTokens.referrals(), 400, errors.BadRequest, /./);
  });
});
