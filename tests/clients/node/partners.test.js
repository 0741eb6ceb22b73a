import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import {
  checkFullPartner, dub, errors, expectError, fullPartner, main, partnerWithNulls, post, setCommissions, setCounters, withBody,
  world,
} from "./support.js";

describe("partners.create", () => {
  test("creates a partner by e-mail address alone", async () => {
    const partner = await main.partners.create({ email: "Created@Example.com" });
    assert.match(partner.id, /^pn_[0-9a-hjkmnp-tv-z]{26}$/);
    assert.equal(partner.partnerId, partner.id);
    assert.equal(partner.name, "Created@Example.com");
    assert.equal(partner.email, "Created@Example.com");
    assert.equal(partner.programId, world.main.programId);
    assert.equal(partner.groupId, world.main.groupId);
    assert.equal(partner.tenantId, null);
    assert.equal(partner.status, "approved");
    assert.equal(partner.networkStatus, "draft");
    assert.equal(partner.links.length, 1);
    const [link] = partner.links;
    assert.match(link.id, /^link_[0-9a-hjkmnp-tv-z]{26}$/);
    assert.equal(link.key, "created");
    assert.ok(link.shortLink.endsWith(link.key));
    for (const figure of ["clicks", "leads", "conversions", "sales", "saleAmount"]) assert.equal(link[figure], 0);
    for (const figure of ["totalClicks", "totalLeads", "totalConversions", "totalSales", "totalSaleAmount", "totalCommissions", "netRevenue"]) {
      assert.equal(partner[figure], 0);
    }
    assert.deepEqual(await main.partners.create({ email: "created@example.com" }), partner);
  });

  test("accepts every field", async () => {
    const request = await fullPartner("partner", world.main.groupId);
    const partner = await main.partners.create(request);
    checkFullPartner(partner, request);
    assert.deepEqual(await main.partners.create(request), partner);
  });

  test("accepts null in every nullable field", async () => {
    const partner = await main.partners.create(partnerWithNulls("partner"));
    assert.equal(partner.name, "null-partner@example.com");
    assert.equal(partner.country, null);
  });

  test("a new tenantId replaces the old one", async () => {
    const first = await main.partners.create({ email: "p5@example.com", tenantId: "p5" });
    const second = await main.partners.create({ email: "p5@example.com", tenantId: "p5-new" });
    assert.deepEqual(second, { ...first, tenantId: "p5-new" });
  });

  test("409: a tenantId of one partner with the e-mail of another", async () => {
    await main.partners.create({ email: "p3a@example.com", tenantId: "p3a" });
    await main.partners.create({ email: "p3b@example.com", tenantId: "p3b" });
    await expectError(main.partners.create({ email: "p3b@example.com", tenantId: "p3a" }), 409, errors.Conflict, /./);
  });

  test("422: no e-mail address", async () => {
    // The client itself rejects the value, so the test replaces the body.
    await expectError(withBody('{"name":"Nobody"}').partners.create({ email: "x@example.com" }), 422, errors.UnprocessableEntity, /^invalid_type: email: /);
  });
});

describe("partners.list", () => {
  const client = dub(world.list.apiKey);
  const { groupId } = world.list;
  const list = async (request) => (await client.partners.list(request)).map((partner) => partner.tenantId);
  // In the order of creation. Each figure gives another order.
  const people = {
    ann: { name: "Ann Able", country: "DE", figures: { clicks: 40, leads: 10, conversions: 1, sales: 4, sale_amount: 300 }, commissions: 250 },
    bob: { name: "Bob Brück", country: "FR", figures: { clicks: 10, leads: 40, conversions: 4, sales: 1, sale_amount: 200 }, commissions: 20 },
    cid: { name: "Cid Crane", country: "DE", figures: { clicks: 20, leads: 20, conversions: 3, sales: 3, sale_amount: 400 }, commissions: 10 },
    dot: { name: "Dot Drake", country: null, figures: { clicks: 30, leads: 30, conversions: 2, sales: 2, sale_amount: 100 }, commissions: 30 },
  };
  let other;

  before(async () => {
    other = (await post("/groups", { name: "Other", slug: "other" }, world.list.apiKey)).body.id;
    for (const [tenantId, { name, country, figures, commissions }] of Object.entries(people)) {
      const group = tenantId === "dot" ? { groupId: other } : {};
      await client.partners.create({ email: `${tenantId}@list.example.com`, tenantId, name, country, ...group });
      const where = `tenant_id = '${tenantId}' AND workspace_id = (SELECT id FROM workspaces WHERE slug = 'node-list')`;
      setCounters(where, figures);
      setCommissions(where, commissions);
    }
    await client.partners.ban({ tenantId: "bob", reason: "brand_abuse" });
  });

  test("lists every field of a partner", async () => {
    const partner = await client.partners.create({ email: "ann@list.example.com" });
    const [found] = await client.partners.list({ tenantId: "ann" });
    assert.deepEqual(found, partner);
    assert.deepEqual(
      [found.totalClicks, found.totalLeads, found.totalConversions, found.totalSales, found.totalSaleAmount, found.totalCommissions, found.netRevenue],
      [40, 10, 1, 4, 300, 250, 50],
    );
    assert.deepEqual(
      [found.earningsPerClick, found.averageLifetimeValue, found.clickToLeadRate, found.clickToConversionRate, found.leadToConversionRate],
      [300 / 40, 300 / 1, 10 / 40, 1 / 40, 1 / 10],
    );
    assert.equal(found.returnOnAdSpend, 300 / 250);
    const [{ clicks, leads, conversions, sales, saleAmount }] = found.links;
    assert.deepEqual([clicks, leads, conversions, sales, saleAmount], [40, 10, 1, 4, 300]);
  });

  for (const [sortBy, order] of Object.entries({
    createdAt: ["ann", "bob", "cid", "dot"],
    totalClicks: ["bob", "cid", "dot", "ann"],
    totalLeads: ["ann", "cid", "dot", "bob"],
    totalConversions: ["ann", "dot", "cid", "bob"],
    totalSaleAmount: ["dot", "bob", "ann", "cid"],
    totalCommissions: ["cid", "bob", "dot", "ann"],
    netRevenue: ["ann", "dot", "bob", "cid"],
  })) {
    test(`sorts by ${sortBy}`, async () => {
      assert.deepEqual(await list({ sortBy, sortOrder: "asc" }), order);
      assert.deepEqual(await list({ sortBy, sortOrder: "desc" }), [...order].reverse());
      assert.deepEqual(await list({ sortBy }), [...order].reverse());
    });
  }

  test("sorts by the default order", async () => {
    const order = ["cid", "ann", "bob", "dot"];
    assert.deepEqual(await list({}), order);
    assert.deepEqual(await list(), order);
  });

  test("lists partners in pages", async () => {
    const sortBy = "createdAt";
    assert.deepEqual(await list({ sortBy, sortOrder: "asc", page: 1, pageSize: 3 }), ["ann", "bob", "cid"]);
    assert.deepEqual(await list({ sortBy, sortOrder: "asc", page: 2, pageSize: 3 }), ["dot"]);
    assert.deepEqual(await list({ sortBy, sortOrder: "asc", page: 3, pageSize: 3 }), []);
  });

  test("filters partners", async () => {
    const filtered = (request) => list({ sortBy: "createdAt", sortOrder: "asc", ...request });
    assert.deepEqual(await filtered({ status: "approved" }), ["ann", "cid", "dot"]);
    assert.deepEqual(await filtered({ status: "banned" }), ["bob"]);
    for (const status of ["pending", "rejected", "invited", "declined", "deactivated", "archived"]) assert.deepEqual(await filtered({ status }), []);
    assert.deepEqual(await filtered({ country: "DE" }), ["ann", "cid"]);
    assert.deepEqual(await filtered({ groupId }), ["ann", "bob", "cid"]);
    assert.deepEqual(await filtered({ groupId: other }), ["dot"]);
    assert.deepEqual(await filtered({ groupId: "other" }), ["dot"]);
    assert.deepEqual(await filtered({ email: "CID@list.example.com" }), ["cid"]);
    assert.deepEqual(await filtered({ tenantId: "dot" }), ["dot"]);
    assert.deepEqual(await filtered({ tenantId: "DOT" }), []);
    assert.deepEqual(await filtered({ search: "ann@list.example.com" }), ["ann"]);
    assert.deepEqual(await filtered({ search: "crane CID" }), ["cid"]);
    assert.deepEqual(await filtered({ search: "BRÜCK" }), ["bob"]);
    assert.deepEqual(await filtered({ search: (await client.partners.list({ tenantId: "dot" }))[0].id }), ["dot"]);
    assert.deepEqual(await filtered({ search: "%" }), []);
    assert.deepEqual(await filtered({ country: "DE", groupId, status: "approved", search: "able" }), ["ann"]);
  });

  test("tenantId takes precedence over email, and email over search", async () => {
    assert.deepEqual(await list({ tenantId: "ann", email: "bob@list.example.com", search: "cid" }), ["ann"]);
    assert.deepEqual(await list({ email: "bob@list.example.com", search: "cid" }), ["bob"]);
  });

  test("lists no partners of another workspace", async () => {
    assert.deepEqual(await main.partners.list({ email: "ann@list.example.com" }), []);
  });

  test("422: values that break a rule", async () => {
    for (const [wrong, path] of [
      [{ page: 0 }, "page"],
      [{ pageSize: 0 }, "pageSize"],
      [{ pageSize: 101 }, "pageSize"],
      [{ country: "XX" }, "country"],
      [{ email: "not-an-address" }, "email"],
      // The client knows these orders, but Pearset has no index for rates.
      [{ sortBy: "clickToLeadRate" }, "sortBy"],
    ]) {
      await expectError(client.partners.list(wrong), 422, errors.UnprocessableEntity, new RegExp(`^[a-z_]+: ${path}: `));
    }
  });
});
