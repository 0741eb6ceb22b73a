import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { UNKNOWN, dub, errors, expectError, id, main, withBody, world } from "./support.js";

const COLORS = ["red", "yellow", "green", "blue", "purple", "brown", "gray", "pink"];
const names = (tags) => tags.map((tag) => tag.name);

describe("tags.create", () => {
  test("accepts every field", async () => {
    for (const color of COLORS) {
      const tag = await main.tags.create({ name: `all ${color}`, color });
      assert.match(tag.id, id("tag"));
      assert.deepEqual(tag, { id: tag.id, name: `all ${color}`, color });
    }
  });

  test("creates a tag by name and chooses a color", async () => {
    const tag = await main.tags.create({ name: "plain" });
    assert.equal(tag.name, "plain");
    assert.ok(COLORS.includes(tag.color));
  });

  test("accepts the old name of the field", async () => {
    assert.equal((await main.tags.create({ tag: "old name" })).name, "old name");
  });

  test("409: a name that differs in case only", async () => {
    await main.tags.create({ name: "Taken" });
    await expectError(main.tags.create({ name: "tAKEN" }), 409, errors.Conflict, /./);
  });

  test("422: values that break a rule", async () => {
    for (const [wrong, message] of [
      [{}, /^invalid_type: name: /],
      [{ name: "" }, /^too_small: name: /],
      [{ name: "x".repeat(51) }, /^too_big: name: /],
    ]) {
      await expectError(main.tags.create(wrong), 422, errors.UnprocessableEntity, message);
    }
    // The client itself rejects the value, so the test replaces the body.
    await expectError(withBody('{"name":"odd","color":"teal"}').tags.create({ name: "odd" }), 422, errors.UnprocessableEntity, /^invalid_value: color: /);
  });

  test("another workspace may have the same name", async () => {
    await main.tags.create({ name: "both" });
    await dub(world.invite.apiKey).tags.create({ name: "both" });
  });
});

describe("tags.list", () => {
  const client = dub(world.tags.apiKey);

  test("lists tags by name, in pages, by search and by id", async () => {
    assert.deepEqual(await client.tags.list({}), []);
    const made = [];
    for (const name of ["cherry", "Apple", "banana"]) made.push(await client.tags.create({ name, color: "red" }));
    const [cherry, apple, banana] = made;

    assert.deepEqual(await client.tags.list(), [apple, banana, cherry]);
    assert.deepEqual(await client.tags.list({ sortBy: "name", sortOrder: "desc" }), [cherry, banana, apple]);
    assert.deepEqual(await client.tags.list({ sortBy: "createdAt", sortOrder: "asc" }), made);
    assert.deepEqual(await client.tags.list({ sortBy: "createdAt", sortOrder: "desc" }), [...made].reverse());

    assert.deepEqual(await client.tags.list({ page: 1, pageSize: 2 }), [apple, banana]);
    assert.deepEqual(await client.tags.list({ page: 2, pageSize: 2 }), [cherry]);
    assert.deepEqual(await client.tags.list({ page: 3, pageSize: 2 }), []);

    assert.deepEqual(names(await client.tags.list({ search: "AN" })), ["banana"]);
    assert.deepEqual(await client.tags.list({ search: "nothing" }), []);
    assert.deepEqual(await client.tags.list({ ids: cherry.id }), [cherry]);
    assert.deepEqual(await client.tags.list({ ids: [cherry.id, apple.id, UNKNOWN.tag] }), [apple, cherry]);
  });

  test("422: invalid pages", async () => {
    for (const [wrong, path] of [[{ page: 0 }, "page"], [{ pageSize: 0 }, "pageSize"], [{ pageSize: 101 }, "pageSize"]]) {
      await expectError(client.tags.list(wrong), 422, errors.UnprocessableEntity, new RegExp(`^too_(small|big): ${path}: `));
    }
  });
});

describe("tags.update", () => {
  test("updates name, color, both, nothing, and the name by its old field", async () => {
    const tag = await main.tags.create({ name: "before", color: "red" });
    for (const change of [{ name: "after" }, { color: "pink" }, { name: "both changed", color: "gray" }, {}]) {
      Object.assign(tag, change);
      assert.deepEqual(await main.tags.update(tag.id, change), tag);
    }
    assert.deepEqual(await main.tags.update(tag.id, { tag: "old field" }), { ...tag, name: "old field" });
  });

  test("404: an unknown tag, or a tag of another workspace", async () => {
    const foreign = await dub(world.invite.apiKey).tags.create({ name: "not yours to change" });
    for (const tag of [UNKNOWN.tag, "not-an-id", foreign.id]) {
      await expectError(main.tags.update(tag, { name: "x" }), 404, errors.NotFound, /./);
    }
  });

  test("409: the name of another tag", async () => {
    await main.tags.create({ name: "first" });
    const { id } = await main.tags.create({ name: "second" });
    await expectError(main.tags.update(id, { name: "FIRST" }), 409, errors.Conflict, /./);
  });

  test("422: a name that is too long", async () => {
    const { id } = await main.tags.create({ name: "short" });
    await expectError(main.tags.update(id, { name: "x".repeat(51) }), 422, errors.UnprocessableEntity, /^too_big: name: /);
  });
});

describe("tags.delete", () => {
  test("removes the tag from its links", async () => {
    const tag = await main.tags.create({ name: "short-lived" });
    const { id: partnerId } = await main.partners.create({ email: "tagged@example.com" });
    const link = await main.partners.createLink({ partnerId, linkProps: { tagIds: tag.id } });
    assert.deepEqual(link.tags, [tag]);
    assert.deepEqual(await main.tags.delete(tag.id), { id: tag.id });
    assert.deepEqual((await main.links.get({ linkId: link.id })).tags, []);
    await expectError(main.tags.delete(tag.id), 404, errors.NotFound, /./);
  });

  test("404: an unknown tag, or a tag of another workspace", async () => {
    const foreign = await dub(world.invite.apiKey).tags.create({ name: "not yours to delete" });
    for (const tag of [UNKNOWN.tag, "not-an-id", foreign.id]) {
      await expectError(main.tags.delete(tag), 404, errors.NotFound, /./);
    }
  });
});
