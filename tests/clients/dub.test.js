// The npm client `dub` against a running server; tests/clients/run starts it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { Dub } from "dub";
import { HTTPClient } from "dub/lib/http.js";
import * as errors from "dub/models/errors";
import { createRemoteJWKSet, jwtVerify } from "jose";

const { url, node: world } = JSON.parse(readFileSync(process.env.PEARSET_CLIENT_TEST_WORLD, "utf8"));
const dub = (token, options = {}) => new Dub({ token, serverURL: url, ...options });
const main = dub(world.main.apiKey);
const jwks = createRemoteJWKSet(new URL("/.well-known/jwks.json", url));
const UNKNOWN = { group: "grp_00000000000000000000000000", partner: "pn_00000000000000000000000000" };

// Both operations take the same partner; only the place in the request differs.
const operations = {
  "partners.create": {
    call: (client, partner) => client.partners.create(partner),
    path: "",
  },
  "embedTokens.referrals": {
    call: (client, partner) => client.embedTokens.referrals({ partner }),
    path: "partner.",
  },
};

/** Every field of the request models. `tag` makes what must be unique. */
const everything = async (tag, groupId) => ({
  name: "Jane Doe",
  email: `Full.${tag}@Example.com`,
  username: `jane-${tag}`,
  image: "https://example.com/jane.png",
  tenantId: `full-${tag}`,
  groupId,
  country: "US",
  description: "Writes about things.\nAnd more.",
  linkProps: {
    externalId: `ext_link-${tag}`,
    tenantId: `full-${tag}`,
    prefix: "/c/",
    archived: false,
    tagIds: [(await main.tags.create({ name: `autumn-${tag}` })).id],
    tagNames: (await main.tags.create({ name: `summer-${tag}`, color: "yellow" })).name.toUpperCase(),
    comments: "The best",
    expiresAt: "2099-01-01T00:00:00.000Z",
    expiredUrl: "https://example.com/expired",
    password: "correct horse",
    proxy: true,
    title: "Title",
    description: "Description",
    image: "https://example.com/preview.png",
    video: "https://example.com/preview.mp4",
    rewrite: false,
    ios: "https://apps.example.com/ios",
    android: "https://apps.example.com/android",
    doIndex: true,
    testVariants: [
      { url: "https://example.com/variant-1", percentage: 40 },
      { url: "https://example.com/variant-2", percentage: 60 },
    ],
    testStartedAt: "2030-01-01T00:00:00.000Z",
    testCompletedAt: "2031-01-01T00:00:00.000Z",
  },
});

/** Every field that may be null, null. */
const nulls = (tag) => ({
  name: null,
  email: `null-${tag}@example.com`,
  username: null,
  image: null,
  country: null,
  description: null,
  linkProps: {
    externalId: null,
    tenantId: null,
    comments: null,
    expiresAt: null,
    expiredUrl: null,
    password: null,
    title: null,
    description: null,
    image: null,
    video: null,
    ios: null,
    android: null,
    testVariants: null,
    testStartedAt: null,
    testCompletedAt: null,
  },
});

async function claims({ publicToken }) {
  const { payload, protectedHeader } = await jwtVerify(publicToken, jwks, {
    algorithms: ["ES256"],
    typ: "pearset-embed+jwt",
    audience: "pearset:embed:referrals",
    issuer: url,
    requiredClaims: ["sub", "wid", "prg", "pid", "iat", "nbf", "exp", "jti", "ver"],
  });
  assert.deepEqual(Object.keys(protectedHeader).sort(), ["alg", "kid", "typ"]);
  return payload;
}

/** The call is refused with the client's own error class, whose members are as the client models them. */
async function refused(promise, status, ErrorClass, message) {
  const error = await promise.then(
    (value) => assert.fail(`answered ${JSON.stringify(value)}`),
    (reason) => reason,
  );
  assert.ok(error instanceof ErrorClass, `${error.name}: ${error.message}`);
  assert.equal(error.statusCode, status);
  assert.equal(error.contentType, "application/json");
  if (message instanceof RegExp) assert.match(error.message, message);
  else assert.equal(error.message, message);
  assert.equal(error.error.message, error.message);
  // Of the code, the first underscore becomes a hyphen.
  const page = `/api-reference/errors#${error.error.code.replace("_", "-")}`;
  assert.ok(new URL(error.error.docUrl).href.endsWith(page), error.error.docUrl);
  return error;
}

/** A client whose requests are changed after it made them. */
function altered(change) {
  const httpClient = new HTTPClient();
  httpClient.addHook("beforeRequest", change);
  return dub(world.main.apiKey, { httpClient });
}

const withBody = (body) =>
  altered((request) => new Request(request.url, { method: request.method, headers: request.headers, body }));

const sql = (statement) =>
  execFileSync(process.env.PEARSET_CLIENT_TEST_PSQL, ["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement, process.env.DATABASE_URL]);

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

describe("partners.create", () => {
  test("a new partner, by e-mail alone", async () => {
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

  test("every field", async () => {
    const request = await everything("partner", world.main.groupId);
    const partner = await main.partners.create(request);
    checkEverything(partner, request);
    assert.deepEqual(await main.partners.create(request), partner);
  });

  test("every field that may be null, null", async () => {
    const partner = await main.partners.create(nulls("partner"));
    assert.equal(partner.name, "null-partner@example.com");
    assert.equal(partner.country, null);
  });

  test("a new tenantId replaces the old one", async () => {
    const first = await main.partners.create({ email: "p5@example.com", tenantId: "p5" });
    const second = await main.partners.create({ email: "p5@example.com", tenantId: "p5-new" });
    assert.deepEqual(second, { ...first, tenantId: "p5-new" });
  });

  test("403: a key that may only create tokens", async () => {
    await refused(
      dub(world.tokensOnlyKey).partners.create({ email: "scoped@example.com" }),
      403, errors.Forbidden, "The API key lacks the scope partners.write.",
    );
  });

  test("409: a tenantId of one partner with the e-mail of another", async () => {
    await main.partners.create({ email: "p3a@example.com", tenantId: "p3a" });
    await main.partners.create({ email: "p3b@example.com", tenantId: "p3b" });
    await refused(main.partners.create({ email: "p3b@example.com", tenantId: "p3a" }), 409, errors.Conflict, /./);
  });

  test("422: no e-mail", async () => {
    // The client itself refuses to send it.
    await refused(withBody('{"name":"Nobody"}').partners.create({ email: "x@example.com" }), 422, errors.UnprocessableEntity, /^invalid_type: email: /);
  });
});

for (const [name, { call, path }] of Object.entries(operations)) {
  describe(name, () => {
    test("400: JSON that ends too early", async () => {
      await refused(call(withBody('{"partner":'), { email: "x@example.com" }), 400, errors.BadRequest, /./);
    });

    test("401: keys that do not work", async () => {
      const mistyped = world.main.apiKey.slice(0, -1) + (world.main.apiKey.endsWith("0") ? "1" : "0");
      const messages = [];
      for (const key of [world.unknownKey, world.revokedKey, mistyped, "dub_xxxxxx"]) {
        const error = await refused(call(dub(key), { email: "x@example.com" }), 401, errors.Unauthorized, /./);
        assert.match(error.headers.get("www-authenticate"), /^Bearer/);
        messages.push(error.message);
      }
      // Whether a key was ever given out is nobody's business.
      assert.equal(messages[0], messages[1]);
    });

    test("401: no key", async () => {
      // The client itself refuses to go without one.
      const client = altered((request) => request.headers.delete("authorization"));
      const error = await refused(call(client, { email: "x@example.com" }), 401, errors.Unauthorized, /./);
      assert.match(error.headers.get("www-authenticate"), /^Bearer/);
    });

    test("403: the key lacks the scope", async () => {
      await refused(call(dub(world.readOnlyKey), { email: "x@example.com" }), 403, errors.Forbidden, /^The API key lacks the scope (partners|tokens)\.write\.$/);
    });

    test("403: the plan is too low", async () => {
      await refused(call(dub(world.plan.apiKey), { email: "x@example.com" }), 403, errors.Forbidden, /\badvanced\b/);
    });

    test("404: no such group", async () => {
      for (const groupId of [UNKNOWN.group, "no-such-group", world.invite.groupId]) {
        await refused(call(main, { email: "no-group@example.com", groupId }), 404, errors.NotFound, "The group was not found.");
      }
    });

    test("409: the externalId of another link", async () => {
      const tag = name.split(".")[0];
      await call(main, { email: `ext1-${tag}@example.com`, linkProps: { externalId: `taken-${tag}` } });
      await refused(call(main, { email: `ext2-${tag}@example.com`, linkProps: { externalId: `ext_taken-${tag}` } }), 409, errors.Conflict, /externalId/);
    });

    test("422: values that break a rule", async () => {
      const variants = (...percentages) => ({
        testVariants: percentages.map((percentage) => ({ url: "https://example.com", percentage })),
      });
      for (const [wrong, message] of [
        [{ email: "not-an-address" }, `invalid_format: ${path}email: Invalid email address`],
        [{ name: "x".repeat(101) }, new RegExp(`^too_big: ${path}name: `)],
        [{ country: "XX" }, new RegExp(`^invalid_value: ${path}country: `)],
        [{ tenantId: "" }, new RegExp(`^too_small: ${path}tenantId: `)],
        [{ image: "javascript:alert(1)" }, new RegExp(`^invalid_[a-z]+: ${path}image: `)],
        [{ linkProps: { expiresAt: "tomorrow" } }, new RegExp(`^invalid_format: ${path}linkProps\\.expiresAt: `)],
        [{ linkProps: variants(50) }, new RegExp(`^too_small: ${path}linkProps\\.testVariants: `)],
        [{ linkProps: variants(5, 95) }, new RegExp(`^too_small: ${path}linkProps\\.testVariants\\[0\\]\\.percentage: `)],
        [{ linkProps: variants(50, 40) }, new RegExp(`^custom: ${path}linkProps\\.testVariants: `)],
      ]) {
        await refused(call(main, { email: "rules@example.com", ...wrong }), 422, errors.UnprocessableEntity, message);
      }
    });

    test("500: a database that fails", async () => {
      const email = `broken-${name.toLowerCase()}@example.com`;
      sql(`
        CREATE OR REPLACE FUNCTION client_test() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''secret''; END';
        CREATE TRIGGER "node ${name}" BEFORE INSERT ON partners
        FOR EACH ROW WHEN (NEW.email = '${email}') EXECUTE FUNCTION client_test()
      `);
      const error = await refused(call(main, { email }), 500, errors.InternalServerError, /./);
      assert.doesNotMatch(error.body, /secret/);
    });

    for (const base of ["/api", "/v1"]) {
      test(`the base path ${base}`, async () => {
        await call(dub(world.main.apiKey, { serverURL: url + base }), { email: `base${base.replace("/", "-")}@example.com` });
      });
    }
  });
}

function checkEverything(partner, request) {
  assert.equal(partner.email, request.email);
  assert.equal(partner.name, request.name);
  assert.equal(partner.username, request.username);
  assert.equal(partner.image, request.image);
  assert.equal(partner.tenantId, request.tenantId);
  assert.equal(partner.groupId, request.groupId);
  assert.equal(partner.country, request.country);
  assert.equal(partner.description, request.description);
  assert.equal(partner.links.length, 1);
  assert.equal(partner.links[0].key, `c/${request.username}`);
}
