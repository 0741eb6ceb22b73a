import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { UNKNOWN, checkLinkProps, dub, errors, expectError, linkProps, main, nullLinkProps, twoTags, world } from "./support.js";

const made = async (tag, request = {}, client = main) => {
  // The partner's default link takes its key from the e-mail address, which must not be the key of the new link.
  const { id: partnerId } = await client.partners.create({ email: `of-${tag}@example.com`, tenantId: tag });
  return client.partners.createLink({ partnerId, key: tag, url: `https://example.com/${tag}`, ...request });
};

describe("links.get", () => {
  test("finds a link by id, by externalId, by domain and key", async () => {
    const link = await made("get-link", { linkProps: { externalId: "get-link-id" } });
    for (const request of [
      { linkId: link.id },
      { linkId: "ext_get-link-id" },
      { externalId: "ext_get-link-id" },
      { externalId: "get-link-id" },
      { domain: link.domain, key: "get-link" },
      { domain: link.domain.toUpperCase(), key: "GET-link" },
    ]) {
      assert.deepEqual(await main.links.get(request), link);
    }
  });

  test("404: an unknown link, or a link of another workspace", async () => {
    const foreign = await made("get-foreign", { linkProps: { externalId: "get-foreign" } }, dub(world.invite.apiKey));
    for (const request of [
      { linkId: UNKNOWN.link },
      { linkId: "not-an-id" },
      { externalId: "ext_nothing" },
      { domain: "example.com", key: "get-link" },
      { linkId: foreign.id },
      { externalId: "ext_get-foreign" },
      { domain: foreign.domain, key: foreign.key },
    ]) {
      await expectError(main.links.get(request), 404, errors.NotFound, "The link does not exist.");
    }
  });

  test("400: no link is named", async () => {
    for (const request of [{}, { domain: "example.com" }, { key: "get-link" }]) {
      await expectError(main.links.get(request), 400, errors.BadRequest, /\blinkId\b/);
    }
  });
});

describe("links.update", () => {
  test("accepts every field", async () => {
    const link = await made("full-update");
    const tags = await twoTags("update link");
    const { prefix, tenantId, ...props } = linkProps("update", tags);
    const changes = {
      url: "https://example.com/elsewhere",
      domain: link.domain,
      key: "full-update-new",
      ...props,
      archived: true,
      rewrite: true,
      trackConversion: false,
      publicStats: true,
      geo: { DE: "https://example.com/de", FR: "https://example.com/fr" },
      utmSource: "source",
      utmMedium: "medium",
      utmCampaign: "campaign",
      utmTerm: "term",
      utmContent: "content",
    };
    const changed = await main.links.update(link.id, changes);
    assert.equal(changed.id, link.id);
    assert.equal(changed.key, "full-update-new");
    assert.ok(changed.updatedAt >= link.updatedAt);
    assert.equal(changed.createdAt, link.createdAt);
    checkLinkProps(changed, { ...changes, tenantId: "full-update" }, tags);
    for (const field of ["url", "domain", "trackConversion", "publicStats", "geo", "utmSource", "utmMedium", "utmCampaign", "utmTerm", "utmContent"]) {
      assert.deepEqual(changed[field], changes[field], field);
    }
    assert.deepEqual(await main.links.get({ linkId: link.id }), changed);

    // Null clears a nullable field, and a missing field stays unchanged.
    const { tenantId: _, ...nulls } = nullLinkProps;
    const utm = { utmSource: null, utmMedium: null, utmCampaign: null, utmTerm: null, utmContent: null };
    const emptied = await main.links.update(link.id, { ...nulls, ...utm, geo: null, tagIds: [] });
    for (const field of Object.keys({ ...nulls, ...utm, geo: null })) assert.equal(emptied[field], null, field);
    assert.deepEqual(emptied.tags, []);
    assert.equal(emptied.archived, true);
    assert.equal(emptied.url, changed.url);
  });

  test("an empty update changes nothing", async () => {
    const link = await made("update-nothing");
    assert.deepEqual(await main.links.update(link.id, {}), link);
    const { url, key, archived, comments } = link;
    assert.deepEqual(await main.links.update(link.id, { url, key, archived, comments }), link);
  });

  test("updates a link by externalId", async () => {
    const { id } = await made("update-external", { linkProps: { externalId: "update-external" } });
    const changed = await main.links.update("ext_update-external", { externalId: "ext_update-external-2" });
    assert.equal(changed.id, id);
    assert.equal(changed.externalId, "update-external-2");
  });

  test("404: an unknown link, a link of another workspace, or an unknown domain", async () => {
    const foreign = await made("update-foreign", {}, dub(world.invite.apiKey));
    for (const link of [UNKNOWN.link, "not-an-id", "ext_nothing", foreign.id]) {
      await expectError(main.links.update(link, { comments: "x" }), 404, errors.NotFound, "The link does not exist.");
    }
    const link = await made("update-domain");
    await expectError(main.links.update(link.id, { domain: "nobodys.example" }), 404, errors.NotFound, "The domain does not exist.");
  });

  test("409: a key or an externalId that is taken", async () => {
    await made("update-taken", { linkProps: { externalId: "update-taken" } });
    const { id } = await made("update-taken-2");
    await expectError(main.links.update(id, { key: "UPDATE-taken" }), 409, errors.Conflict, /\bkey\b/);
    await expectError(main.links.update(id, { externalId: "update-taken" }), 409, errors.Conflict, /externalId/);
  });

  test("422: values that break a rule", async () => {
    const { id } = await made("update-rules");
    for (const [wrong, message] of [
      [{ url: "javascript:alert(1)" }, /^invalid_[a-z]+: url: /],
      [{ key: "not a key" }, /^invalid_format: key: /],
      [{ tagIds: UNKNOWN.tag }, /^invalid_value: tagIds: /],
      [{ tagNames: ["no such tag"] }, /^invalid_value: tagNames\[0\]: /],
      [{ geo: { XX: "https://example.com" } }, /^invalid_[a-z]+: geo/],
      [{ geo: { DE: "javascript:alert(1)" } }, /^invalid_[a-z]+: geo\.DE: /],
      [{ expiresAt: "tomorrow" }, /^invalid_format: expiresAt: /],
    ]) {
      await expectError(main.links.update(id, wrong), 422, errors.UnprocessableEntity, message);
    }
  });
});

describe("links.delete", () => {
  test("deletes a link by id and by externalId", async () => {
    const byId = await made("delete-id");
    const byExternalId = await made("delete-external", { linkProps: { externalId: "delete-external" } });
    assert.deepEqual(await main.links.delete(byId.id), { id: byId.id });
    assert.deepEqual(await main.links.delete("ext_delete-external"), { id: byExternalId.id });
    for (const { id, partnerId } of [byId, byExternalId]) {
      await expectError(main.links.get({ linkId: id }), 404, errors.NotFound, "The link does not exist.");
      assert.ok(!(await main.partners.retrieveLinks({ partnerId })).some((link) => link.id === id));
      await expectError(main.links.delete(id), 404, errors.NotFound, "The link does not exist.");
    }
  });

  test("404: an unknown link, or a link of another workspace", async () => {
    const foreign = await made("delete-foreign", {}, dub(world.invite.apiKey));
    for (const link of [UNKNOWN.link, "not-an-id", "ext_nothing", foreign.id]) {
      await expectError(main.links.delete(link), 404, errors.NotFound, "The link does not exist.");
    }
  });

  test("409: a default link", async () => {
    const { links } = await main.partners.create({ email: "delete-default@example.com" });
    await expectError(main.links.delete(links[0].id), 409, errors.Conflict, /\bdefault link\b/);
  });
});
