"""Creates two workspaces with partners, groups, links and tags for the cases, while the server runs.

usage: world.py PEARSET SERVER_URL FOLDER

Writes into FOLDER:
  auth.json   the API keys of both workspaces, which Schemathesis uses as peers
  *.dict      ids and other names of objects of both workspaces, which schemathesis.toml binds to parameters
  world.json  the data for hooks.py
"""

import json
import pathlib
import subprocess
import sys

from tenant import SECRET, Tenant

PEARSET, URL, FOLDER = sys.argv[1:]

# The statuses of the partners. Statuses that a transition ends have more partners.
STATUSES = ["approved"] * 3 + ["banned"] * 2 + ["deactivated"] * 2 + ["invited"] * 2 + ["pending"] * 4

# The kinds of the objects that the examples of openapi.yaml name.
EXAMPLES = {
    "prog_01kc7daecneg7awdxhrsrcvb3g": "program",
    "prog_01kc7daecne8pte1t5e8rhb1zj": "program",
    "grp_01kc7daecne8pte1t5e8rhb1zj": "group",
    "pn_01kkntq2cnf1prr1w49pfyaa1w": "approved",
    "link_01kkntq2cpfta8yamrpzxvg4jy": "link",
    "tag_01kc7daecne8ptf0a7m2w9d4xq": "tag",
    "pga_01kkntq2cnf1prr1w49q6y4w8c": "application",
    "user_84213": "user",
    "maya.okafor@brightloom.example": "email",
    "ref_456": "key",
}
# The places at which the examples must name a partner of another status.
TRANSITIONS = {
    "ApprovePartnerApplicationRequest": "pending",
    "RejectPartnerApplicationRequest": "pending",
    "/partners/applications/approve": "pending",
    "/partners/applications/reject": "pending",
    "/program-applications/approve": "pending",
    "/program-applications/reject": "pending",
    "/partners/reactivate": "deactivated",
    "/partners/unban": "banned",
    "/partners/invites/{id}": "invited",
}


def pearset(*arguments: str) -> dict:
    command = [PEARSET, *arguments, "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def workspace(name: str, text: str) -> Tenant:
    """Creates a workspace with partners of every status. `text` is a part of every text by which nothing is found."""
    made = pearset("workspace", "create", "--name", text, "--slug", text, "--plan", "enterprise")
    tenant = Tenant(URL, made["apiKey"], made["workspaceId"], made["programId"])
    pearset("program", "update", tenant.program, "--access-mode", "private")
    tenant.add("program", tenant.program)
    tenant.add("domain", pearset("domain", "list", "--workspace", text)[0]["id"])
    links = [{"url": f"https://{text}.example.com"}]
    for number in range(4):
        tenant.add("tag", tenant.post("/tags", {"name": f"{text} {number}"})["id"])
        group = {"name": f"{text} {number}", "slug": f"{name}-{number}", "defaultLinks": links}
        tenant.add("group", tenant.post("/groups", group)["id"], group["slug"])
    for number, status in enumerate(STATUSES):
        add_partner(tenant, name, text, number, status)
    return tenant


def add_partner(tenant: Tenant, name: str, text: str, number: int, status: str) -> None:
    who = {"email": f"{name}-{number}@example.com", "name": text, "tenantId": f"{name}-user-{number}"}
    if status == "invited":
        partner = tenant.post("/partners/invites", who)
    elif status == "pending":
        tenant.add("token", tenant.post("/tokens/embed/referrals", {"partner": who})["publicToken"])
        partner = tenant.get(f"/partners?tenantId={who['tenantId']}")[0]
        tenant.add("application", partner["applicationId"])
    else:
        external = f"{name}-ext-{number}"
        props = {"externalId": external, "comments": text, "title": text, "tagNames": f"{text} 1"}
        profile = {"username": f"{name}-key-{number}", "description": text, "metadata": {"note": text}}
        # The last group stays empty, so that it can be deleted.
        group = {"groupId": f"{name}-{number % 3}"}
        partner = tenant.post("/partners", {**who, **profile, **group, "linkProps": props})
        tenant.add("link", f"ext_{external}")
    if status == "banned":
        tenant.post("/partners/ban", {"partnerId": partner["id"], "reason": "fraud"})
    elif status == "deactivated":
        tenant.post("/partners/deactivate", {"partnerId": partner["id"]})
    tenant.add("partner", partner["id"])
    tenant.add(status, partner["id"])
    tenant.add("user", who["tenantId"])
    tenant.add("email", who["email"])
    for link in partner["links"]:
        tenant.add("link", link["id"])
        tenant.add("referral_link", link["id"], link["key"])
        tenant.add("key", link["key"])


folder = pathlib.Path(FOLDER)
ours, theirs = workspace("ours", "ours"), workspace("theirs", SECRET)
header = [{"name": "Authorization", "value": f"Bearer {key}"} for key in (ours.key, theirs.key)]
users = [{"name": "ours", "fixedHeaders": header[:1]}, {"name": "theirs", "fixedHeaders": header[1:]}]
(folder / "auth.json").write_text(json.dumps({"auth": users}))
for kind in ours.named:
    # Three values of ours for each value of theirs, so that most requests find something.
    values = ours.named[kind] * 3 + theirs.named[kind]
    (folder / f"{kind}.dict").write_text("".join(f'"{value}"\n' for value in values))

examples = {example: ours.named[kind][0] for example, kind in EXAMPLES.items()}
verify = ours.get("/openapi.json")["components"]["schemas"]["VerifyReferralsEmbedTokenRequest"]
examples[verify["properties"]["token"]["example"]] = ours.named["token"][0]
partner = next(example for example, kind in EXAMPLES.items() if kind == "approved")
world = {
    "url": URL,
    "key": theirs.key,
    "workspace": theirs.workspace,
    "program": theirs.program,
    "ids": theirs.ids(),
    "state": theirs.state(),
    "examples": examples,
    "steps": {
        place: {partner: ours.named[status][index % 4 if status == "pending" else 0]}
        for index, (place, status) in enumerate(TRANSITIONS.items())
    },
}
(folder / "world.json").write_text(json.dumps(world))
