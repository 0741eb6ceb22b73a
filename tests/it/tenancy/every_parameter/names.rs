//! The meaning of the texts in a request.

use serde_json::{Value, json};

use super::values::Kind;
use crate::support::openapi::Operation;

/// Returns the value of a member whose parts must fit together, or whose processing is slow.
pub(super) fn fixed(path: &str) -> Option<Value> {
    const URL: &str = "https://example.com/";
    Some(match path.rsplit('.').next()? {
        "testVariants" => json!([{"url": URL, "percentage": 50}, {"url": URL, "percentage": 50}]),
        "metadata" => json!({"plan": "pro"}),
        "geo" => json!({"FR": URL}),
        "allowedHosts" => json!([]),
        "password" => Value::Null,
        _ => return None,
    })
}

pub(super) enum Text {
    Names(Vec<Kind>),
    Plain(&'static str),
}

/// Returns the meaning of a text in a request. All texts of openapi.yaml are listed.
pub(super) fn text(operation: &Operation, path: &str) -> Text {
    use Kind::{
        Application, DefaultLink, Domain, Email, ExternalId, ExternalLink, GroupId, Host, LinkId, Name, PartnerId,
        Program, TagId, TagName, Token,
    };
    use Text::{Names, Plain};
    let (resource, id) = (operation.path.split('/').nth(1).unwrap(), operation.operation_id.as_str());
    match path.rsplit('.').next().unwrap() {
        "id" if path == "partner.id" || id == "listPartnerReferralLinks" => Names(vec![PartnerId, Name]),
        "id" if path == "defaultLinks.id" => Names(vec![DefaultLink]),
        "id" => match resource {
            "groups" => Names(vec![GroupId, Name]),
            "links" => Names(vec![LinkId, ExternalLink]),
            "partners" => Names(vec![PartnerId]),
            "tags" => Names(vec![TagId]),
            _ => Names(vec![LinkId, Name]),
        },
        "partnerId" => Names(vec![PartnerId]),
        "applicationId" => Names(vec![Application]),
        "groupId" | "moveTo" => Names(vec![GroupId, Name]),
        "programId" | "program_id" => Names(vec![Program]),
        "linkId" => Names(vec![LinkId, ExternalLink]),
        "externalId" => Names(vec![ExternalId]),
        "domain_id" => Names(vec![Domain]),
        "domain" => Names(vec![Host]),
        "tagIds" | "ids" => Names(vec![TagId]),
        "tagNames" | "tag" => Names(vec![TagName]),
        "name" if resource == "tags" => Names(vec![TagName]),
        "tenantId" | "externalUserId" | "key" | "username" | "slug" | "Idempotency-Key" => Names(vec![Name]),
        "email" | "paypalEmail" => Names(vec![Email]),
        "search" | "target" => Names(vec![PartnerId, GroupId, LinkId, Name, Email]),
        "token" => Names(vec![Token]),
        "name" | "description" | "comments" | "title" | "companyName" | "rejectionNote" | "flagForFraudReason"
        | "utm_source" | "utm_medium" | "utm_campaign" | "utm_term" | "utm_content" => Plain("Some words"),
        "url" | "image" | "video" | "website" | "expiredUrl" | "ios" | "android" | "direct_tracking_redirect_url" => {
            Plain("https://example.com/")
        }
        "expiresAt" | "testStartedAt" | "testCompletedAt" => Plain("2030-01-01T00:00:00.000Z"),
        "youtube" | "twitter" | "linkedin" | "instagram" | "tiktok" => Plain("handle"),
        "prefix" => Plain("/c/"),
        // These members are created as a whole: see `fixed`.
        "allowedHosts" | "password" => Plain(""),
        _ => panic!("{path} of {id} is new in openapi.yaml: add the kind of object that the text names"),
    }
}
