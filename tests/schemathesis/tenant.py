"""A workspace on the running server, as its owner sees it."""

import json
import urllib.request

# A part of every text of the workspace `theirs`, and of no request of the workspace `ours`.
SECRET = "quagga-secret"

# The lists that show the state of a workspace with its own API key.
LISTS = ["/partners", "/partners/count", "/groups", "/tags", "/audit-logs", "/partner_referral_links:domains?limit=250"]
STATUSES = ["pending", "approved", "rejected"]


class Tenant:
    def __init__(self, url: str, key: str, workspace: str, program: str) -> None:
        self.url, self.key, self.workspace, self.program = url, key, workspace, program
        # The ids and other names of objects, by kind of object.
        self.named: dict[str, list[str]] = {}

    def add(self, kind: str, *values: str) -> None:
        self.named.setdefault(kind, []).extend(values)

    def ids(self) -> list[str]:
        """Returns the ids, which are unique across workspaces."""
        kinds = ("partner", "group", "tag", "link", "application", "program", "domain")
        return [value for kind in kinds for value in self.named[kind] if "_" in value and not value.startswith("ext_")]

    def ask(self, method: str, path: str, body: object = None) -> object:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def get(self, path: str) -> object:
        return self.ask("GET", path)

    def post(self, path: str, body: object) -> dict:
        return self.ask("POST", path, body)

    def state(self) -> dict:
        """Returns the state of the workspace, which requests of another workspace must not change."""
        state = {path: self.get(path) for path in LISTS}
        for status in STATUSES:
            path = f"/partners/applications?status={status}"
            state[path] = self.get(path)
        for partner in state["/partners"]:
            path = f"/partners/links?partnerId={partner['id']}"
            state[path] = self.get(path)
        return state
