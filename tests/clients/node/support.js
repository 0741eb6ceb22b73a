// The common parts of the npm client's suites: the client, the workspaces of world.py, and the checks.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

import { Dub } from "dub";
import { HTTPClient } from "dub/lib/http.js";
import * as errors from "dub/models/errors";
import { createRemoteJWKSet, jwtVerify } from "jose";

const { url: serverURL, node } = JSON.parse(readFileSync(process.env.PEARSET_CLIENT_TEST_WORLD, "utf8"));
export const url = serverURL;
export const world = node;
export const dub = (token, options = {}) => new Dub({ token, serverURL: url, ...options });
export const main = dub(world.main.apiKey);
export { errors };
const jwks = createRemoteJWKSet(new URL("/.well-known/jwks.json", url));
export const UNKNOWN = {
  group: "grp_00000000000000000000000000",
  link: "link_00000000000000000000000000",
  partner: "pn_00000000000000000000000000",
  tag: "tag_00000000000000000000000000",
};

/** Sends a POST for which the client has no method. */
export async function post(path, body, token = world.main.apiKey) {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

/** Returns whether a token is still valid. */
export async function isValid({ publicToken }, token = world.main.apiKey) {
  const { status } = await post("/tokens/embed/referrals/verify", { token: publicToken }, token);
  assert.ok([200, 401].includes(status), `${status}`);
  return status === 200;
}

/** Creates two tags, one to be referenced by id and one by name. */
export async function twoTags(name, client = main) {
  return [await client.tags.create({ name: `${name} by id` }), await client.tags.create({ name: `${name} by name` })];
}

/** Every field of `linkProps`. `tag` makes the unique values unique; the two tags must exist. */
export const linkProps = (tag, [byId, byName]) => ({
  externalId: `ext_link-${tag}`,
  tenantId: `full-${tag}`,
  prefix: "/c/",
  archived: false,
  tagIds: [byId.id],
  tagNames: byName.name.toUpperCase(),
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
});

/** A request for a partner with every field. `tag` makes the unique values unique. */
export const fullPartner = async (tag, groupId) => ({
  name: "Jane Doe",
  email: `Full.${tag}@Example.com`,
  username: `jane-${tag}`,
  image: "https://example.com/jane.png",
  tenantId: `full-${tag}`,
  groupId,
  country: "US",
  description: "Writes about things.\nAnd more.",
  linkProps: linkProps(tag, await twoTags(tag)),
});

/** Null in every nullable field of `linkProps`. */
export const nullLinkProps = {
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
};

/** A request for a partner with null in every nullable field. */
export const partnerWithNulls = (tag) => ({
  name: null,
  email: `null-${tag}@example.com`,
  username: null,
  image: null,
  country: null,
  description: null,
  linkProps: nullLinkProps,
});

export async function claims({ publicToken }) {
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

/** Asserts that the call fails with the client's own error class, whose members match the client's model. */
export async function expectError(promise, status, ErrorClass, message) {
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
  // The address has the code with a hyphen in place of the first underscore.
  const page = `/api-reference/errors#${error.error.code.replace("_", "-")}`;
  assert.ok(new URL(error.error.docUrl).href.endsWith(page), error.error.docUrl);
  return error;
}

/** Returns a client whose requests are changed before they are sent. */
export function altered(change) {
  const httpClient = new HTTPClient();
  httpClient.addHook("beforeRequest", change);
  return dub(world.main.apiKey, { httpClient });
}

export const withBody = (body) =>
  altered((request) => new Request(request.url, { method: request.method, headers: request.headers, body }));

export const sql = (statement) =>
  execFileSync(process.env.PEARSET_CLIENT_TEST_PSQL, ["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement, process.env.DATABASE_URL]);

const counters = readFileSync(new URL("../../shared/counters.sql", import.meta.url), "utf8");

/** Sets counters of the links that fit a condition. */
export const setCounters = (links, figures) =>
  sql(`${counters} SELECT pg_temp.set_counters($$${links}$$, '${JSON.stringify(figures)}')`);

/** Sets the commissions of the enrollments that fit a condition. */
export const setCommissions = (enrollments, amount) =>
  sql(`${counters} SELECT pg_temp.set_commissions($$${enrollments}$$, ${amount})`);

export function checkFullPartner(partner, request) {
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

/** Returns a pattern for ids with this prefix. */
export const id = (prefix) => new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`);

/** Asserts that the link has the requested `linkProps`. */
export function checkLinkProps(link, props, tags) {
  const { externalId, tagIds: _, tagNames: __, password, ...rest } = props;
  assert.equal(link.externalId, externalId.replace(/^ext_/, ""));
  assert.deepEqual(link.tags, tags);
  assert.equal(link.tagId, tags[0].id);
  // The stored hash of the password is never shown.
  assert.equal(link.password, null);
  for (const [field, value] of Object.entries(rest)) assert.deepEqual(link[field], value, field);
}
