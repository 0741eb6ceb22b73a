"""The backend of an application whose users take part in a Pearset partner program.

POST /referrals-token   mints an embed token for the signed-in user
GET  /referrals         verifies the embed token of the request and answers its claims
"""

import json
import os
import sys
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import jwt
from dub import Dub
from dub.models.errors import DubError

PEARSET_URL = os.environ.get("PEARSET_URL", "http://127.0.0.1:8080")
PEARSET_API_KEY = os.environ.get("PEARSET_API_KEY")
PORT = int(os.environ.get("PORT", "3000"))
if not PEARSET_API_KEY:
    sys.exit("Set PEARSET_API_KEY to a key with the scope tokens.write.")

# The API key stays in the backend. Only embed tokens are handed to browsers.
PEARSET = Dub(token=PEARSET_API_KEY, server_url=PEARSET_URL)
PUBLISHED_KEYS = jwt.PyJWKClient(f"{PEARSET_URL}/.well-known/jwks.json")

# The application's own sessions. A real application reads them from its session store.
SESSIONS = {
    "session-of-jane": {"id": "user_1", "email": "jane@example.com", "name": "Jane Doe"},
    "session-of-john": {"id": "user_2", "email": "john@example.com", "name": "John Smith"},
}


def mint_token(user):
    """Mints an embed token. The first call for a user enrolls the user as a partner."""
    # The identity comes from the session, never from the request's body: whoever chooses the tenant id chooses whose
    # dashboard opens.
    partner = {"email": user["email"], "name": user["name"], "tenant_id": user["id"]}
    token = PEARSET.embed_tokens.referrals(request={"tenant_id": user["id"], "partner": partner})
    return {"publicToken": token.public_token, "expires": token.expires}


def verify_token(token):
    """Verifies signature, issuer, audience and times with the published keys. Raises if the token is not valid."""
    if jwt.get_unverified_header(token).get("typ") != "pearset-embed+jwt":
        raise jwt.InvalidTokenError("The token has another type.")
    return jwt.decode(
        token,
        PUBLISHED_KEYS.get_signing_key_from_jwt(token).key,
        algorithms=["ES256"],
        issuer=PEARSET_URL,
        audience="pearset:embed:referrals",
        leeway=5,
    )


def is_still_good(token):
    """Asks Pearset whether the token still works. Only Pearset knows of a ban or a revocation."""
    response = httpx.post(
        f"{PEARSET_URL}/tokens/embed/referrals/verify",
        headers={"authorization": f"Bearer {PEARSET_API_KEY}"},
        json={"token": token},
    )
    if response.status_code == 401:
        return False
    response.raise_for_status()
    return True


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        if self.path != "/referrals-token":
            return self.answer(404, {"error": "There is no such route."})
        user = self.signed_in_user()
        if user is None:
            return self.answer(401, {"error": "Sign in first."})
        try:
            self.answer(200, mint_token(user))
        except (DubError, httpx.HTTPError) as error:
            self.log_error("%s", error)
            # 403: the user is banned, deactivated or rejected. Everything else is no fault of the user.
            if getattr(error, "status_code", None) == 403:
                self.answer(403, {"error": "You cannot take part in the partner program."})
            else:
                self.unavailable()

    def do_GET(self):
        if self.path != "/referrals":
            return self.answer(404, {"error": "There is no such route."})
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            claims = verify_token(token)
            if not is_still_good(token):
                raise jwt.InvalidTokenError("Pearset refuses the token.")
        except (jwt.PyJWKClientConnectionError, httpx.HTTPError) as error:
            self.log_error("%s", error)
            return self.unavailable()
        except (jwt.InvalidTokenError, jwt.PyJWKClientError):
            return self.answer(401, {"error": "The embed token is not valid."})
        print("verified the claims", claims, flush=True)
        self.answer(200, claims)

    def signed_in_user(self):
        """Returns the user whose session cookie the request has."""
        cookie = SimpleCookie(self.headers.get("cookie", "")).get("session")
        return cookie and SESSIONS.get(cookie.value)

    def unavailable(self):
        self.answer(502, {"error": "The partner program is not available."})

    def answer(self, status, body):
        text = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("cache-control", "no-store")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", PORT), Handler) as server:
        print(f"The application listens at http://127.0.0.1:{server.server_port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
