import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  UNKNOWN, checkLinkProps, dub, errors, expectError, id, linkProps, main, nullLinkProps, post, setCounters, twoTags, withBody, world,
} from "./support.js";

const enrolled = (tag, client = main) => client.partners.create({ email: `${tag}@example.com`, tenantId: tag, name: `Li ${tag}` });
const links = (tenantId) => main.partners.retrieveLinks({ tenantId });

/** The fields of a link without settings. */
const DEFAULTS = {
  trackConversion: true, externalId: null, archived: false, expiresAt: null, expiredUrl: null, disabledAt: null,
  password: null, proxy: false, title: null, description: null, image: null, video: null, rewrite: false, doIndex: false,
  ios: null, android: null, geo: null, publicStats: false, tags: [], folderId: null, comments: null, utmSource: null,
  utmMedium: null, utmCampaign: null, utmTerm: null, utmContent: null, testVariants: null, testStartedAt: null,
  testCompletedAt: null, userId: null, clicks: 0, leads: 0, conversions: 0, sales: 0, saleAmount: 0, lastClicked: null,
  tagId: null, webhookIds: [],
};

function checkDefaults(link, partner) {
  assert.match(link.id, id("link"));
  for (const [member, value] of Object.entries(DEFAULTS)) assert.deepEqual(link[member], value, member);
  assert.equal(link.partnerId, partner.id);
  assert.equal(link.tenantId, partner.tenantId);
  assert.equal(link.programId, world.main.programId);
  assert.equal(link.workspaceId, world.main.workspaceId);
  assert.equal(link.projectId, world.main.workspaceId);
  assert.equal(link.createdAt, link.updatedAt);
  assert.ok(link.shortLink.startsWith("http") && link.shortLink.endsWith(`/${link.key}`), link.shortLink);
  assert.equal(new URL(link.shortLink).hostname, link.domain);
}

/** The fields of a full link that a list shows. */
const brief = ({ id, domain, key, shortLink, url, clicks, leads, conversions, sales, saleAmount }) =>
  ({ id, domain, key, shortLink, url, clicks, leads, conversions, sales, saleAmount });

describe("partners.retrieveLinks", () => {
  test("accepts either id and prefers partnerId", async () => {
    const partner = await enrolled("retrieve");
    const made = await main.partners.createLink({ partnerId: partner.id, key: "retrieve-second", url: "https://example.com/2" });
    const expected = [...partner.links, brief(made)];
    for (const request of [
      { partnerId: partner.id },
      { tenantId: "retrieve" },
      { partnerId: partner.id, tenantId: "of-nobody" },
      { partnerId: null, tenantId: "retrieve" },
      { partnerId: partner.id, tenantId: null },
    ]) {
      assert.deepEqual(await main.partners.retrieveLinks(request), expected);
    }
    // The partner itself has the same links.
    assert.deepEqual((await main.partners.list({ tenantId: "retrieve" }))[0].links, expected);
  });

  test("returns the figures of the links", async () => {
    await enrolled("brought");
    setCounters("tenant_id = 'brought'", { clicks: 9, leads: 7, conversions: 5, sales: 6, sale_amount: 1234 });
    const [{ clicks, leads, conversions, sales, saleAmount }] = await links("brought");
    assert.deepEqual([clicks, leads, conversions, sales, saleAmount], [9, 7, 5, 6, 1234]);
  });

  test("400: no partner is named", async () => {
    for (const request of [{}, { partnerId: null, tenantId: null }]) {
      await expectError(main.partners.retrieveLinks(request), 400, errors.BadRequest, "You must provide either partnerId or tenantId.");
    }
  });
});

describe("partners.createLink", () => {
  test("accepts a request with the partner only", async () => {
    const partner = await enrolled("create-minimal");
    const link = await main.partners.createLink({ partnerId: partner.id });
    checkDefaults(link, partner);
    // The default target is the target of the partner's first link.
    assert.equal(link.url, partner.links[0].url);
    assert.notEqual(link.key, partner.links[0].key);
    assert.deepEqual((await links("create-minimal")).map((it) => it.id), [partner.links[0].id, link.id]);
  });

  test("accepts every field", async () => {
    const partner = await enrolled("full-create-link");
    const tags = await twoTags("create link");
    const { prefix, ...props } = linkProps("create-link", tags);
    const link = await main.partners.createLink({
      partnerId: partner.id,
      tenantId: partner.tenantId,
      url: "https://example.com/landing?a=1#top",
      key: "Create-Link_1.x/Y",
      comments: props.comments,
      linkProps: props,
    });
    assert.equal(link.url, "https://example.com/landing?a=1#top");
    assert.equal(link.key, "Create-Link_1.x/Y");
    assert.equal(link.partnerId, partner.id);
    checkLinkProps(link, props, tags);
    assert.deepEqual(await main.links.get({ linkId: link.id }), link);
  });

  test("puts the prefix before the key", async () => {
    const { id: partnerId } = await enrolled("prefix");
    const link = await main.partners.createLink({ partnerId, linkProps: { prefix: "/p/" } });
    assert.match(link.key, /^p\/li-prefix(-|$)/);
  });

  test("accepts null in every nullable field", async () => {
    const partner = await enrolled("create-null");
    const request = { partnerId: null, tenantId: partner.tenantId, url: null, comments: null, linkProps: nullLinkProps };
    checkDefaults(await main.partners.createLink(request), partner);
  });

  test("accepts comments in either place and prefers those outside of linkProps", async () => {
    const { id: partnerId } = await enrolled("comments");
    for (const [request, comments] of [
      [{ comments: "out" }, "out"],
      [{ linkProps: { comments: "in" } }, "in"],
      [{ comments: "out", linkProps: { comments: "in" } }, "out"],
    ]) {
      assert.equal((await main.partners.createLink({ partnerId, ...request })).comments, comments);
    }
  });

  test("sets one tag by id, several by name", async () => {
    const { id: partnerId } = await enrolled("create-tags");
    const tags = await twoTags("create tags");
    const byId = await main.partners.createLink({ partnerId, linkProps: { tagIds: tags[0].id } });
    assert.deepEqual(byId.tags, [tags[0]]);
    assert.equal(byId.tagId, tags[0].id);
    const byName = await main.partners.createLink({ partnerId, linkProps: { tagNames: tags.map((tag) => tag.name) } });
    assert.deepEqual(byName.tags, tags);
  });

  test("409: a key or an externalId that is taken", async () => {
    const { id: partnerId } = await enrolled("create-taken");
    await main.partners.createLink({ partnerId, key: "create-taken-key", linkProps: { externalId: "create-taken-id" } });
    await expectError(main.partners.createLink({ partnerId, key: "CREATE-taken-KEY" }), 409, errors.Conflict, /\bkey\b/);
    await expectError(
      main.partners.createLink({ partnerId, linkProps: { externalId: "ext_create-taken-id" } }),
      409, errors.Conflict, /externalId/,
    );
  });
});

describe("partners.upsertLink", () => {
  test("creates the link once and updates it afterwards", async () => {
    const partner = await enrolled("upsert");
    const request = { partnerId: partner.id, url: "https://example.com/upsert" };
    const made = await main.partners.upsertLink(request);
    checkDefaults(made, partner);
    assert.equal(made.url, "https://example.com/upsert");

    // A repeated request changes nothing, not even the time of the last change.
    assert.deepEqual(await main.partners.upsertLink(request), made);
    assert.deepEqual(await main.partners.upsertLink({ tenantId: "upsert", url: request.url }), made);

    const changed = await main.partners.upsertLink({ ...request, key: "upsert-key", comments: "Changed" });
    assert.deepEqual(
      { ...changed, updatedAt: made.updatedAt, qrCode: made.qrCode },
      { ...made, key: "upsert-key", shortLink: changed.shortLink, comments: "Changed" },
    );
    // Fields that are left out stay unchanged.
    assert.deepEqual(await main.partners.upsertLink(request), changed);
    assert.equal((await links("upsert")).length, 2);
  });

  test("sets every field of a new and of an existing link", async () => {
    const partner = await enrolled("full-upsert");
    const tags = await twoTags("upsert");
    const { prefix, ...props } = linkProps("upsert", tags);
    const request = {
      partnerId: partner.id,
      tenantId: partner.tenantId,
      url: "https://example.com/full",
      key: "full-upsert-link",
      comments: props.comments,
      linkProps: props,
    };
    const made = await main.partners.upsertLink(request);
    checkLinkProps(made, props, tags);
    const { password: _, ...rest } = props;
    assert.deepEqual(await main.partners.upsertLink({ ...request, linkProps: rest }), made);

    const plain = await main.partners.upsertLink({ partnerId: partner.id, url: "https://example.com/plain" });
    const filled = await main.partners.upsertLink({
      ...request,
      url: "https://example.com/plain",
      key: "full-upsert-plain",
      linkProps: { ...props, externalId: "upsert-plain" },
    });
    assert.equal(filled.id, plain.id);
    checkLinkProps(filled, { ...props, externalId: "upsert-plain" }, tags);
  });

  test("null clears every nullable field", async () => {
    const partner = await enrolled("full-upsert-null");
    const url = "https://example.com/upsert-null";
    const { prefix, ...props } = linkProps("upsert-null", await twoTags("upsert null"));
    const made = await main.partners.upsertLink({ partnerId: partner.id, url, linkProps: { ...props, proxy: false, doIndex: false, tagIds: [], tagNames: [] } });
    assert.equal(made.externalId, "link-upsert-null");
    const emptied = await main.partners.upsertLink({ partnerId: null, tenantId: partner.tenantId, url, comments: null, linkProps: nullLinkProps });
    assert.equal(emptied.id, made.id);
    checkDefaults({ ...emptied, createdAt: emptied.updatedAt }, partner);
  });

  test("32 concurrent requests create one link", async () => {
    const { id: partnerId } = await enrolled("upsert-race");
    const request = { partnerId, url: "https://example.com/race" };
    const answers = await Promise.all(Array.from({ length: 32 }, () => main.partners.upsertLink(request)));
    assert.equal(new Set(answers.map((link) => link.id)).size, 1);
    assert.equal((await links("upsert-race")).length, 2);
  });

  test("two partners with the same target have two links", async () => {
    const [a, b] = [await enrolled("upsert-a"), await enrolled("upsert-b")];
    const url = "https://example.com/shared";
    const [first, second] = [await main.partners.upsertLink({ partnerId: a.id, url }), await main.partners.upsertLink({ partnerId: b.id, url })];
    assert.notEqual(first.id, second.id);
    assert.deepEqual([first.partnerId, second.partnerId], [a.id, b.id]);
  });

  test("409: a key or an externalId that is taken", async () => {
    const { id: partnerId } = await enrolled("upsert-taken");
    await main.partners.upsertLink({ partnerId, url: "https://example.com/1", key: "upsert-taken-key", linkProps: { externalId: "upsert-taken-id" } });
    const url = "https://example.com/2";
    for (const stage of ["new", "there"]) {
      await expectError(main.partners.upsertLink({ partnerId, url, key: "UPSERT-taken-KEY" }), 409, errors.Conflict, /\bkey\b/);
      await expectError(
        main.partners.upsertLink({ partnerId, url, linkProps: { externalId: "ext_upsert-taken-id" } }),
        409, errors.Conflict, /externalId/,
      );
      if (stage === "new") await main.partners.upsertLink({ partnerId, url });
    }
  });

  test("422: no url", async () => {
    // The client itself rejects the value, so the test replaces the body.
    const client = withBody(JSON.stringify({ tenantId: "of-nobody" }));
    await expectError(client.partners.upsertLink({ url: "https://example.com" }), 422, errors.UnprocessableEntity, /^invalid_type: url: /);
  });
});

// Tests of the common behaviour of the two methods that create links.
const makers = {
  createLink: (client, request) => client.partners.createLink(request),
  upsertLink: (client, request) => client.partners.upsertLink({ url: "https://example.com/rules", ...request }),
};

for (const [name, call] of Object.entries(makers)) {
  describe(`partners.${name}`, () => {
    test("400: no partner is named", async () => {
      for (const request of [{}, { partnerId: null, tenantId: null }]) {
        await expectError(call(main, request), 400, errors.BadRequest, "You must provide either partnerId or tenantId.");
      }
    });

    test("404: an unknown partner, or a partner of another workspace", async () => {
      const foreign = await enrolled(`foreign-${name.toLowerCase()}`, dub(world.invite.apiKey));
      for (const request of [
        { partnerId: UNKNOWN.partner },
        { partnerId: "not-an-id" },
        { tenantId: "of-nobody" },
        { partnerId: foreign.id },
        { tenantId: foreign.tenantId },
      ]) {
        await expectError(call(main, request), 404, errors.NotFound, "The partner is not enrolled in this program.");
        await expectError(main.partners.retrieveLinks(request), 404, errors.NotFound, "The partner is not enrolled in this program.");
      }
    });

    test("422: values that break a rule", async () => {
      const { id: partnerId } = await enrolled(`rules-${name.toLowerCase()}`);
      const variants = (...percentages) => ({ testVariants: percentages.map((percentage) => ({ url: "https://example.com", percentage })) });
      for (const [wrong, message] of [
        [{ url: "javascript:alert(1)" }, /^invalid_[a-z]+: url: /],
        [{ key: "" }, /^too_small: key: /],
        [{ key: "not a key" }, /^invalid_format: key: /],
        [{ key: "robots.txt" }, /^invalid_value: key: /],
        [{ linkProps: { tagIds: UNKNOWN.tag } }, /^invalid_value: linkProps\.tagIds: /],
        [{ linkProps: { tagIds: ["clux0rgak00011"] } }, /^invalid_value: linkProps\.tagIds\[0\]: /],
        [{ linkProps: { tagNames: ["no such tag"] } }, /^invalid_value: linkProps\.tagNames\[0\]: /],
        [{ linkProps: { expiresAt: "tomorrow" } }, /^invalid_format: linkProps\.expiresAt: /],
        [{ linkProps: variants(50) }, /^too_small: linkProps\.testVariants: /],
        [{ linkProps: variants(50, 40) }, /^custom: linkProps\.testVariants: /],
      ]) {
        await expectError(call(main, { partnerId, ...wrong }), 422, errors.UnprocessableEntity, message);
      }
      assert.equal((await main.partners.retrieveLinks({ partnerId })).length, 1);
    });

    test("the group limits the number and the hosts of links", async () => {
      const slug = `strict-${name.toLowerCase()}`;
      const { status, body: group } = await post("/groups", { name: slug, slug, maxPartnerLinks: 2, allowedHosts: ["example.com"] });
      assert.equal(status, 201);
      const { id: partnerId } = await main.partners.create({ email: `${slug}@example.com`, groupId: group.id });
      await expectError(call(main, { partnerId, url: "https://example.org/" }), 422, errors.UnprocessableEntity, /^invalid_value: url: /);
      const left = 2 - (await main.partners.retrieveLinks({ partnerId })).length;
      for (let made = 0; made < left; made += 1) await call(main, { partnerId, url: `https://example.com/${made}` });
      await expectError(call(main, { partnerId, url: "https://example.com/one-too-many" }), 409, errors.Conflict, /\b2\b/);
    });
  });
}
