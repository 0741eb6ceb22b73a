// The backend of an application whose users take part in a Pearset partner program.
//
//   POST /referrals-token   mints an embed token for the signed-in user
//   GET  /referrals         verifies the embed token of the request and answers its claims
import { createServer } from "node:http";

import { Dub } from "dub";
import { DubError } from "dub/models/errors";
import { createRemoteJWKSet, jwtVerify } from "jose";

const { PEARSET_URL = "http://127.0.0.1:8080", PEARSET_API_KEY, PORT = "3000" } = process.env;
if (!PEARSET_API_KEY) {
  console.error("Set PEARSET_API_KEY to a key with the scope tokens.write.");
  process.exit(1);
}

// The API key stays in the backend. Only embed tokens are handed to browsers.
const pearset = new Dub({ token: PEARSET_API_KEY, serverURL: PEARSET_URL });
const publishedKeys = createRemoteJWKSet(new URL("/.well-known/jwks.json", PEARSET_URL));

// The application's own sessions. A real application reads them from its session store.
const sessions = new Map([
  ["session-of-jane", { id: "user_1", email: "jane@example.com", name: "Jane Doe" }],
  ["session-of-john", { id: "user_2", email: "john@example.com", name: "John Smith" }],
]);

/** Returns the user whose session cookie the request has. */
function signedInUser(request) {
  const cookies = (request.headers.cookie ?? "").split("; ").map((cookie) => cookie.split("="));
  return sessions.get(Object.fromEntries(cookies).session);
}

/** Mints an embed token. The first call for a user enrolls the user as a partner. */
async function mintToken(user) {
  // The identity comes from the session, never from the request's body: whoever chooses the tenantId chooses whose
  // dashboard opens.
  return await pearset.embedTokens.referrals({
    tenantId: user.id,
    partner: { email: user.email, name: user.name, tenantId: user.id },
  });
}

/** Verifies signature, issuer, audience and times with the published keys. Returns the claims of a valid token. */
async function verifyToken(token) {
  try {
    const { payload } = await jwtVerify(token, publishedKeys, {
      algorithms: ["ES256"],
      typ: "pearset-embed+jwt",
      issuer: PEARSET_URL,
      audience: "pearset:embed:referrals",
      clockTolerance: 5,
    });
    return payload;
  } catch (error) {
    // Other errors concern the download of the published keys, not the token.
    if (/^ERR_(JWT_|JWS_|JOSE_ALG_|JWKS_NO_MATCHING_KEY)/.test(error.code)) return undefined;
    throw error;
  }
}

/** Asks Pearset whether the token still works. Only Pearset knows of a ban or a revocation. */
async function isStillGood(token) {
  const response = await fetch(`${PEARSET_URL}/tokens/embed/referrals/verify`, {
    method: "POST",
    headers: { authorization: `Bearer ${PEARSET_API_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (response.status === 401) return false;
  if (!response.ok) throw new Error(`Pearset answered ${response.status}`);
  return true;
}

async function answer(request) {
  switch (`${request.method} ${request.url}`) {
    case "POST /referrals-token": {
      const user = signedInUser(request);
      if (!user) return [401, { error: "Sign in first." }];
      return [200, await mintToken(user)];
    }
    case "GET /referrals": {
      const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
      const claims = await verifyToken(token);
      if (!claims || !(await isStillGood(token))) return [401, { error: "The embed token is not valid." }];
      console.log("verified the claims", claims);
      return [200, claims];
    }
    default:
      return [404, { error: "There is no such route." }];
  }
}

const server = createServer(async (request, response) => {
  let status, body;
  try {
    [status, body] = await answer(request);
  } catch (error) {
    console.error(error.message);
    // 403: the user is banned, deactivated or rejected. Everything else is no fault of the user.
    [status, body] =
      error instanceof DubError && error.statusCode === 403
        ? [403, { error: "You cannot take part in the partner program." }]
        : [502, { error: "The partner program is not available." }];
  }
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(`${JSON.stringify(body)}\n`);
});

server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`The application listens at http://127.0.0.1:${server.address().port}`);
});
