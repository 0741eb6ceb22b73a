"""Creates the workspaces of the client tests by the command line, while the server runs, and prints them as JSON.

usage: world.py PEARSET SERVER_URL

Each suite has its own workspaces:
  main     plan enterprise, access mode public, and keys with fewer rights
  plan     plan business, one plan below the requirement of most operations
  invite   access mode invite
  private  access mode private
  review   access mode private, for the tests of applications only
  list     for the list of partners only
  tags     for the list of tags only
"""

import json
import subprocess
import sys

PEARSET, URL = sys.argv[1:]


def pearset(*arguments: str) -> str:
    return subprocess.run([PEARSET, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def made(*arguments: str) -> dict:
    return json.loads(pearset(*arguments, "--json"))


def workspace(slug: str, plan: str = "enterprise", access_mode: str = "public") -> dict:
    new = made("workspace", "create", "--name", slug, "--slug", slug, "--plan", plan)
    pearset("program", "update", new["programId"], "--access-mode", access_mode)
    return new


def key(slug: str, *options: str) -> dict:
    return made("key", "create", "--workspace", slug, "--name", "client test", *options)


SCOPES = ["partners.read", "partners.write", "links.read", "links.write", "tokens.write"]


def all_but(scope: str) -> str:
    # A write scope includes reading.
    without = [scope, scope.replace(".read", ".write")]
    return ",".join(it for it in SCOPES if it not in without)


def suite(name: str) -> dict:
    main = workspace(f"{name}-main")
    revoked = key(f"{name}-main")
    pearset("key", "revoke", revoked["keyId"])
    return {
        "main": main,
        "keysWithout": {
            scope: key(f"{name}-main", "--scopes", all_but(scope))["apiKey"] for scope in SCOPES
        },
        "tokensOnlyKey": key(f"{name}-main", "--scopes", "tokens.write")["apiKey"],
        "revokedKey": revoked["apiKey"],
        "unknownKey": pearset("key", "generate").strip(),
        "plan": workspace(f"{name}-plan", plan="business"),
        "invite": workspace(f"{name}-invite", access_mode="invite"),
        "private": workspace(f"{name}-private", access_mode="private"),
        "review": workspace(f"{name}-review", access_mode="private"),
        "list": workspace(f"{name}-list"),
        "tags": workspace(f"{name}-tags"),
    }


print(json.dumps({"url": URL, "node": suite("node"), "python": suite("python"), "python-async": suite("python-async")}, indent=2))
