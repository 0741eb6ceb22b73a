// What holds for every method that the client has and Pearset has a route for.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { UNKNOWN, altered, dub, errors, main, refused, withBody, world } from "./support.js";

const partner = { partnerId: UNKNOWN.partner };

// Each is called as nobody could be served: with an id that does not exist, or without anything to create. `sends`: it
// has a body; `plan`: not every plan has it.
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

// A partner's links are made for the partner; there are no others, and nothing is made or changed in bulk.
const withoutRoute = {
  partners: ["analytics"],
  partnerApplications: [],
  embedTokens: [],
  links: ["list", "create", "count", "createMany", "deleteMany", "updateMany", "upsert"],
  tags: [],
};

test("every method of the client is known here", () => {
  for (const [group, methods] of Object.entries(operations)) {
    const all = Object.getOwnPropertyNames(Object.getPrototypeOf(main[group])).filter((name) => name !== "constructor");
    assert.deepEqual(all.sort(), [...Object.keys(methods), ...withoutRoute[group]].sort());
  }
});

for (const [group, methods] of Object.entries(operations)) {
  for (const [method, { call, plan, scope, sends }] of Object.entries(methods)) {
    describe(`${group}.${method}`, () => {
      if (sends) {
        test("400: JSON that ends too early", async () => {
          await refused(call(withBody('{"partner":')), 400, errors.BadRequest, /./);
        });
      }

      test("401: keys that do not work", async () => {
        const mistyped = world.main.apiKey.slice(0, -1) + (world.main.apiKey.endsWith("0") ? "1" : "0");
        const messages = [];
        for (const key of [world.unknownKey, world.revokedKey, mistyped, "dub_xxxxxx"]) {
          const error = await refused(call(dub(key)), 401, errors.Unauthorized, /./);
          assert.match(error.headers.get("www-authenticate"), /^Bearer/);
          messages.push(error.message);
        }
        // Whether a key was ever given out is nobody's business.
        assert.equal(messages[0], messages[1]);
      });

      test("401: no key", async () => {
        // The client itself refuses to go without one.
        const client = altered((request) => request.headers.delete("authorization"));
        const error = await refused(call(client), 401, errors.Unauthorized, /./);
        assert.match(error.headers.get("www-authenticate"), /^Bearer/);
      });

      test("403: the key lacks the scope", async () => {
        // A key that may do everything else.
        await refused(call(dub(world.keysWithout[scope])), 403, errors.Forbidden, `The API key lacks the scope ${scope}.`);
      });

      if (plan) {
        test("403: the plan is too low", async () => {
          await refused(call(dub(world.plan.apiKey)), 403, errors.Forbidden, /\badvanced\b/);
        });
      }
    });
  }
}
