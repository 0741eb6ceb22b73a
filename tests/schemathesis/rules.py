"""The rules that openapi.yaml has in its descriptions, because a schema cannot express them. A request that matches the
schema may be rejected by these rules only; every other rejection is a failure.

Rules that a schema of OpenAPI 3.0 can express belong into openapi.yaml, not here.
"""

import re

# 422, and 400 of /embed/token: patterns of the path in the request (without list indexes) and of the message.
PROBLEMS = [
    # Only a parser can decide whether a host or URL is valid.
    (r".*(^|\.)(url|image|video|website|expiredUrl|ios|android|direct_tracking_redirect_url)|geo\.[A-Z]{2}", "Invalid URL: must be"),
    (r"allowedHosts", "Must be a host such as"),
    (r"youtube|twitter|linkedin|instagram|tiktok", "Must be a handle"),
    # The rule allows letters and digits of any script, but the pattern in the schema can only reject ASCII characters.
    (r".*(^|\.)(key|username|prefix)", "Must have only letters, digits"),
    (r".*(^|\.)(key|username|prefix)", "Must not have empty, '.' or '..' path segments"),
    (r".*(^|\.)(key|username|prefix)", "This key is reserved"),
    # The names of members have no schema in OpenAPI 3.0.
    (r"(.*\.)?metadata", "The names must have 1 to 40 plain characters"),
    (r"(.*\.)?metadata\..*", "Must not contain control characters"),
    (r"geo(\..*)?", "Must be an ISO 3166-1 alpha-2 country code"),
    # Rules about several fields, or about stored data.
    (r"Idempotency-Key", "Was used for another request"),
    (r"(.*\.)?testVariants", "The percentages must add up to 100"),
    (r"|partner", "You must provide either"),
    (r"name", "Required"),
    (r"slug", "Required, as the name has no letter or digit"),
    (r"is_additional", "Required"),
    (r"is_additional", "Must say what the domain says"),
    (r"direct_tracking_redirect_url", "Required with direct_tracking_redirect"),
    (r"flagForFraudReason", "Required"),
    (r"flagForFraud", "Cannot go with the reapplicationTimeframe instant"),
    (r"maxPartnerLinks", "Must leave room for the default links"),
    (r"defaultLinks(\.url)?|allowedHosts", "The default links must lead to hosts that are allowed"),
    (r"url", "The partner's group does not allow links to this host"),
    (r"defaultLinks(\.id)?", "Must not stand there twice"),
    (r"moveTo", "Must be another group"),
    (r"(.*\.)?tag(Ids|Names)", "Invalid tag(Ids|Names) detected: no such tag"),
    # RFC 3339 has years that PostgreSQL and the clients do not.
    (r".*(At|instant)", "Invalid date: the year is out of range"),
]

# 400: the status of the partner, or no partner or link is named.
MESSAGES = [
    r"A partner with the status \w+ cannot be \w+\.",
    r"You must provide either partnerId or tenantId\.",
    r"You must provide a linkId, an externalId, or a domain and a key\.",
]


def breaks_a_described_rule(status: int, body: dict) -> bool:
    """Returns whether the descriptions of the contract have the rule for which this request was rejected."""
    error = body.get("error", {})
    problems = error.get("errors") or error.get("details") or []
    if not problems:
        return status == 400 and any(re.fullmatch(message, error.get("message", "")) for message in MESSAGES)
    return all(any(fits(problem, *rule) for rule in PROBLEMS) for problem in problems)


def fits(problem: dict, path: str, text: str) -> bool:
    place = re.sub(r"\[\d+\]", "", problem["path"]).lstrip(".")
    return re.fullmatch(path, place, re.DOTALL) is not None and re.match(text, problem["message"]) is not None
