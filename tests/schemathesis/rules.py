"""Rules that the descriptions in openapi.yaml tell and its schemas cannot: a request that fits the schema is refused
by them. Any other refusal of such a request is a failure.

What a schema of OpenAPI 3.0 can say belongs into openapi.yaml, not here.
"""

import re

# 422, and 400 of /embed/token: where (the path in the request, list indexes left out) and what.
PROBLEMS = [
    # Which hosts and URLs are real is for a parser to say.
    (r".*(^|\.)(url|image|video|website|expiredUrl|ios|android|direct_tracking_redirect_url)|geo\.[A-Z]{2}", "Invalid URL: must be"),
    (r"allowedHosts", "Must be a host such as"),
    (r"youtube|twitter|linkedin|instagram|tiktok", "Must be a handle"),
    # Letters and digits of any script; the pattern in the schema can only refuse ASCII.
    (r".*(^|\.)(key|username|prefix)", "Must have only letters, digits"),
    (r".*(^|\.)(key|username|prefix)", "Must not have empty, '.' or '..' path segments"),
    (r".*(^|\.)(key|username|prefix)", "This key is reserved"),
    # The names of members have no schema in OpenAPI 3.0.
    (r"(.*\.)?metadata", "The names must have 1 to 40 plain characters"),
    (r"(.*\.)?metadata\..*", "Must not contain control characters"),
    (r"geo(\..*)?", "Must be an ISO 3166-1 alpha-2 country code"),
    # More than one field, or what is stored.
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

# 400: the status of the partner, or nobody is named.
MESSAGES = [
    r"A partner with the status \w+ cannot be \w+\.",
    r"You must provide either partnerId or tenantId\.",
    r"You must provide a linkId, an externalId, or a domain and a key\.",
]


def told_in_words(status: int, body: dict) -> bool:
    """Whether the contract tells in words why this request is refused."""
    error = body.get("error", {})
    problems = error.get("errors") or error.get("details") or []
    if not problems:
        return status == 400 and any(re.fullmatch(message, error.get("message", "")) for message in MESSAGES)
    return all(any(fits(problem, *rule) for rule in PROBLEMS) for problem in problems)


def fits(problem: dict, path: str, text: str) -> bool:
    place = re.sub(r"\[\d+\]", "", problem["path"]).lstrip(".")
    return re.fullmatch(path, place, re.DOTALL) is not None and re.match(text, problem["message"]) is not None
