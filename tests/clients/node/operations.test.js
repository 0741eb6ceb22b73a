// Tests of every method of the client for which Pearset has a route.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { UNKNOWN, altered, dub, errors, expectError, main, withBody, world } from "./support.js";

const partner = { partnerId: UNKNOWN.partner };

// The server rejects these calls before they take effect, so that unknown ids are sufficient. `sends`: the request has a
// body; `plan`: not every plan includes the operation.
const operations = {
  partners: {
    list: { scope: "partners.read", plan: true, call: (client) => client.partners.list({}) },
    create: { scope: "partners.write", plan: true, sends: true, call: (client) => client.partners.create({ email: "x@example.com" }) },
    retrieveLinks: { scope: "links.read", plan: true, call: (client) => client.partners.retrieveLinks(partner) },
    createLink: { scope: "links.write", plan: true, sends: true, call: (client) => client.partners.createLink(partner) },
    upsertLink: {
      scope: "links.write", plan: true, sends: true,
      call: (client) => client.partners.upsertLink({ ...partner, url: "https://example.com" }),
    },
    ban: { scope: "partners.write", plan: true, sends: true, call: (client) => client.partners.ban({ ...partner, reason: "spam" }) },
    deactivate: { scope: "partners.write", plan: true, sends: true, call: (client) => client.partners.deactivate(partner) },
  },
  partnerApplications: {
    list: { scope: "partners.read", plan: true, call: (client) => client.partnerApplications.list({}) },
    approve: { scope: "partners.write", plan: true, sends: true, call: (client) => client.partnerApplications.approve(partner) },
    reject: { scope: "partners.write", plan: true, sends: true, call: (client) => client.partnerApplications.reject(partner) },
  },
  embedTokens: {
    referrals: { scope: "tokens.write", plan: true, sends: true, call: (client) => client.embedTokens.referrals({ partner: { email: "x@example.com" } }) },
  },
  links: {
    get: { scope: "links.read", call: (client) => client.links.get({ linkId: UNKNOWN.link }) },
    update: { scope: "links.write", sends: true, call: (client) => client.links.update(UNKNOWN.link, {}) },
    delete: { scope: "links.write", call: (client) => client.links.delete(UNKNOWN.link) },
  },
  tags: {
    list: { scope: "links.read", call: (client) => client.tags.list({}) },
    create: { scope: "links.write", sends: true, call: (client) => client.tags.create({ name: "x" }) },
    update: { scope: "links.write", sends: true, call: (client) => client.tags.update(UNKNOWN.tag, {}) },
    delete: { scope: "links.write", call: (client) => client.tags.delete(UNKNOWN.tag) },
  },
};

// Methods without a route: links are created for partners only, and links have no bulk operations.
const withoutRoute = {
  partners: ["analytics"],
  partnerApplications: [],
  embedTokens: [],
  links: ["list", "create", "count", "createMany", "deleteMany", "updateMany", "upsert"],
  tags: [],
};

test("every method of the client is tested or has no route", () => {
  for (const [group, methods] of Object.entries(operations)) {
    const all = Object.getOwnPropertyNames(Object.getPrototypeOf(main[group])).filter((name) => name !== "constructor");
    assert.deepEqual(all.sort(), [...Object.keys(methods), ...withoutRoute[group]].sort());
  }
});

for (const [group, methods] of Object.entries(operations)) {
  for (const [method, { call, plan, scope, sends }] of Object.entries(methods)) {
    describe(`${group}.${method}`, () => {
      if (sends) {
        test("400: truncated JSON", async () => {
          await expectError(call(withBody('{"partner":')), 400, errors.BadRequest, /./);
        });
      }

      test("401: invalid keys", async () => {
        const mistyped = world.main.apiKey.slice(0, -1) + (world.main.apiKey.endsWith("0") ? "1" : "0");
        const messages = [];
        for (const key of [world.unknownKey, world.revokedKey, mistyped, "dub_xxxxxx"]) {
          const error = await expectError(call(dub(key)), 401, errors.Unauthorized, /./);
          assert.match(error.headers.get("www-authenticate"), /^Bearer/);
          messages.push(error.message);
        }
        // The message must not reveal whether a key ever existed.
        assert.equal(messages[0], messages[1]);
      });

      test("401: no key", async () => {
        // The client itself requires a key, so the test removes the header.
        const client = altered((request) => request.headers.delete("authorization"));
        const error = await expectError(call(client), 401, errors.Unauthorized, /./);
        assert.match(error.headers.get("www-authenticate"), /^Bearer/);
      });

      test("403: the key lacks the scope", async () => {
        // The key has every other scope.
        await expectError(call(dub(world.keysWithout[scope])), 403, errors.Forbidden, `The API key lacks the scope ${scope}.`);
      });

      if (plan) {
        test("403: the plan is too low", async () => {
          await expectError(call(dub(world.plan.apiKey)), 403, errors.Forbidden, /\badvanced\b/);
        });
      }
    });
  }
}
