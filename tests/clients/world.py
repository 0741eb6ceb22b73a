"""Makes what the client tests need with the command line, while the server runs, and prints it as JSON.

usage: world.py PEARSET SERVER_URL

For each suite (they share nothing) four workspaces:
  main     plan enterprise, access mode public, and keys that may do less
  plan     plan business: one below what the two operations need
  invite   access mode invite
  private  access mode private
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


def suite(name: str) -> dict:
    main = workspace(f"{name}-main")
    revoked = key(f"{name}-main")
    pearset("key", "revoke", revoked["keyId"])
    return {
        "main": main,
        "readOnlyKey": key(f"{name}-main", "--scopes", "partners.read,links.read")["apiKey"],
        "tokensOnlyKey": key(f"{name}-main", "--scopes", "tokens.write")["apiKey"],
        "revokedKey": revoked["apiKey"],
        "unknownKey": pearset("key", "generate").strip(),
        "plan": workspace(f"{name}-plan", plan="business"),
        "invite": workspace(f"{name}-invite", access_mode="invite"),
        "private": workspace(f"{name}-private", access_mode="private"),
    }


print(json.dumps({"url": URL, "node": suite("node"), "python": suite("python")}, indent=2))
