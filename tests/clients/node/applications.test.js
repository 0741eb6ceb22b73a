import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { UNKNOWN, claims, dub, errors, expectError, id, isValid, main, post, withBody, world } from "./support.js";

// A token request in a private program is an application. No other test applies in this workspace.
const { apiKey, groupId } = world.review;
const client = dub(apiKey);
const applications = (request = {}) => client.partnerApplications.list(request);
const apply = async (tag, partner = {}) => {
  const token = await client.embedTokens.referrals({ partner: { email: `${tag}@example.com`, tenantId: tag, ...partner } });
  return { token, partnerId: (await claims(token)).pid };
};
const statusOf = async (tenantId) => (await client.partners.list({ tenantId }))[0].status;
const newGroup = async (slug) => {
  const { status, body } = await post("/groups", { name: slug, slug }, apiKey);
  assert.equal(status, 201);
  return body.id;
};

describe("partnerApplications.list", () => {
  test("lists pending applications, newest first, filtered by country and group, in pages", async () => {
    assert.deepEqual(await applications(), []);
    const other = await newGroup("listed");
    const profile = {
      name: "Wanda Wait",
      country: "DE",
      image: "https://example.com/wanda.png",
      description: "Waits.",
      groupId: other,
    };
    const first = await apply("listed-1", profile);
    const second = await apply("listed-2", { country: "FR" });
    const third = await apply("listed-3");

    const all = await applications();
    assert.deepEqual(all.map((it) => it.partner.id), [third, second, first].map((it) => it.partnerId));
    const application = all[2];
    assert.match(application.id, id("pga"));
    assert.match(application.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const nothing = { companyName: null, website: null, youtube: null, twitter: null, linkedin: null, instagram: null, tiktok: null };
    assert.deepEqual(application, {
      id: application.id,
      createdAt: application.createdAt,
      partner: { id: first.partnerId, email: "listed-1@example.com", ...profile, ...nothing, status: "pending" },
      applicationFormData: null,
    });
    const [partner] = await client.partners.list({ tenantId: "listed-1" });
    assert.equal(partner.applicationId, application.id);

    const found = async (request) => (await applications(request)).map((it) => it.partner.email.split("@")[0]);
    assert.deepEqual(await found({ country: "DE" }), ["listed-1"]);
    assert.deepEqual(await found({ country: "US" }), []);
    assert.deepEqual(await found({ groupId: other }), ["listed-1"]);
    assert.deepEqual(await found({ groupId: "listed" }), ["listed-1"]);
    assert.deepEqual(await found({ groupId }), ["listed-3", "listed-2"]);
    assert.deepEqual(await found({ groupId, country: "FR" }), ["listed-2"]);
    assert.deepEqual(await found({ page: 1, pageSize: 2 }), ["listed-3", "listed-2"]);
    assert.deepEqual(await found({ page: 2, pageSize: 2 }), ["listed-1"]);
    assert.deepEqual(await found({ page: 3, pageSize: 2 }), []);
  });

  test("422: an unknown country, invalid pages", async () => {
    for (const [wrong, path] of [[{ country: "XX" }, "country"], [{ page: 0 }, "page"], [{ pageSize: 101 }, "pageSize"]]) {
      await expectError(applications(wrong), 422, errors.UnprocessableEntity, new RegExp(`^[a-z_]+: ${path}: `));
    }
  });
});

describe("partnerApplications.approve", () => {
  test("moves the partner to the requested group, given as nothing, null, id and slug", async () => {
    const other = await newGroup("approved");
    for (const [tag, chosen, expected] of [
      ["approve", {}, groupId],
      ["approve-null", { groupId: null }, groupId],
      ["approve-id", { groupId: other }, other],
      ["approve-slug", { groupId: "approved" }, other],
    ]) {
      const { token, partnerId } = await apply(tag);
      assert.deepEqual(await client.partnerApplications.approve({ partnerId, ...chosen }), { partnerId });
      const [partner] = await client.partners.list({ tenantId: tag });
      assert.equal(partner.status, "approved");
      assert.equal(partner.groupId, expected);
      assert.ok(await isValid(token, apiKey));
      assert.ok(!(await applications()).some((it) => it.partner.id === partnerId));
    }
  });

  test("400: a partner who is not pending", async () => {
    const { partnerId } = await apply("approve-twice");
    await client.partnerApplications.approve({ partnerId });
    await expectError(client.partnerApplications.approve({ partnerId }), 400, errors.BadRequest, /\bapproved\b/);
    await client.partners.ban({ partnerId, reason: "spam" });
    await expectError(client.partnerApplications.approve({ partnerId }), 400, errors.BadRequest, /\bbanned\b/);
  });

  test("404: an unknown partner, a partner of another workspace, or an unknown group", async () => {
    const foreign = await main.partners.create({ email: "approve@example.com" });
    for (const partnerId of [UNKNOWN.partner, "not-an-id", foreign.id]) {
      await expectError(client.partnerApplications.approve({ partnerId }), 404, errors.NotFound, "The partner is not enrolled in this program.");
    }
    const { partnerId } = await apply("approve-no-group");
    for (const groupId of [UNKNOWN.group, "no-such-group", world.main.groupId]) {
      await expectError(client.partnerApplications.approve({ partnerId, groupId }), 404, errors.NotFound, "The group was not found.");
    }
    assert.equal(await statusOf("approve-no-group"), "pending");
  });

  test("422: no partner is named", async () => {
    // The client itself rejects the value, so the test replaces the body.
    await expectError(withBody("{}").partnerApplications.approve({ partnerId: "x" }), 422, errors.UnprocessableEntity, /^invalid_type: partnerId: /);
  });
});

describe("partnerApplications.reject", () => {
  for (const rejectionReason of ["needsMoreDetail", "doesNotMeetRequirements", "notTheRightFit", "other"]) {
    for (const reapplicationTimeframe of ["instant", "standard", "never"]) {
      test(`accepts every field: ${rejectionReason}, ${reapplicationTimeframe}`, async () => {
        const tag = `reject-${rejectionReason}-${reapplicationTimeframe}`.toLowerCase();
        const { partnerId, token } = await apply(tag);
        const fraud = reapplicationTimeframe === "instant" ? {} : { flagForFraud: true, flagForFraudReason: "A copy of a copy." };
        const request = { partnerId, rejectionReason, rejectionNote: "Not yet.\nNot ever.", reapplicationTimeframe, ...fraud };
        assert.deepEqual(await client.partnerApplications.reject(request), { partnerId });
        assert.equal(await statusOf(tag), "rejected");
        assert.ok(!(await isValid(token, apiKey)));
        await expectError(client.embedTokens.referrals({ tenantId: tag }), 403, errors.Forbidden, /\brejected\b/);
      });
    }
  }

  test("accepts a request with the partner only", async () => {
    const { partnerId } = await apply("reject");
    assert.deepEqual(await client.partnerApplications.reject({ partnerId }), { partnerId });
    assert.equal(await statusOf("reject"), "rejected");
  });

  test("400: a partner who is not pending", async () => {
    const { partnerId } = await apply("reject-twice");
    await client.partnerApplications.reject({ partnerId });
    await expectError(client.partnerApplications.reject({ partnerId }), 400, errors.BadRequest, /\brejected\b/);
  });

  test("404: an unknown partner, or a partner of another workspace", async () => {
    const foreign = await main.partners.create({ email: "reject@example.com" });
    for (const partnerId of [UNKNOWN.partner, "not-an-id", foreign.id]) {
      await expectError(client.partnerApplications.reject({ partnerId }), 404, errors.NotFound, "The partner is not enrolled in this program.");
    }
  });

  test("422: values that break a rule", async () => {
    const { partnerId } = await apply("reject-rules");
    for (const [wrong, message] of [
      [{ flagForFraud: true }, /^invalid_type: flagForFraudReason: /],
      [{ flagForFraud: true, flagForFraudReason: "" }, /^too_small: flagForFraudReason: /],
      [{ flagForFraud: true, flagForFraudReason: "x", reapplicationTimeframe: "instant" }, /^custom: flagForFraud: /],
      [{ rejectionNote: "x".repeat(5001) }, /^too_big: rejectionNote: /],
    ]) {
      await expectError(client.partnerApplications.reject({ partnerId, ...wrong }), 422, errors.UnprocessableEntity, message);
    }
    for (const field of ["rejectionReason", "reapplicationTimeframe"]) {
      // The client itself rejects the value, so the test replaces the body.
      const odd = withBody(JSON.stringify({ partnerId, [field]: "odd" }));
      await expectError(odd.partnerApplications.reject({ partnerId }), 422, errors.UnprocessableEntity, new RegExp(`^invalid_value: ${field}: `));
    }
    assert.equal(await statusOf("reject-rules"), "pending");
  });
});
