//! Partners who wait for a review, and the decisions of reviewers.

use std::time::Duration;

use serde_json::{Value, json};

use super::{JANE, jane_with_status, set_status};
use crate::enrollments::fixtures::{NOT_ENROLLED, NOTHING, World};

const APPLICATIONS: &str = "/partners/applications";
const APPROVE: &str = "/partners/applications/approve";
const REJECT: &str = "/partners/applications/reject";

/// Lets partners apply to a private program with token requests, one second apart.
async fn applicants(world: &mut World, partners: &[Value]) {
    world.arrange("UPDATE programs SET access_mode = 'private'").await;
    for partner in partners {
        world.token(json!({ "partner": partner })).await.expect(201);
        world.app.clock.advance(Duration::from_secs(1));
    }
    world.written().await;
}

/// Returns the e-mail addresses in a list of applications.
async fn listed(world: &World, query: &str) -> Vec<String> {
    let list = world.workspace.actor.get(&format!("{APPLICATIONS}{query}")).await.expect(200);
    let emails = list.as_array().unwrap().iter().map(|item| item["partner"]["email"].as_str().unwrap().to_owned());
    emails.collect()
}

#[tokio::test]
async fn application_has_the_form_of_the_client_libraries() {
    let mut world = World::start().await;
    let jane = json!({ "email": JANE, "name": "Jane", "country": "GB", "description": "Writes." });
    applicants(&mut world, &[jane]).await;
    let partner = world.partner(json!({ "email": JANE })).await.expect(201);
    let list = world.workspace.actor.get(APPLICATIONS).await.expect(200);
    let expected = json!([{
        "id": partner["applicationId"],
        "createdAt": "2026-03-01T12:00:00.250Z",
        "partner": {
            "id": partner["id"], "name": "Jane", "companyName": null, "email": JANE, "image": null,
            "description": "Writes.", "country": "GB", "groupId": partner["groupId"], "status": "pending",
            "networkStatus": "draft", "defaultPayoutMethod": null, "payoutsEnabledAt": null,
            "website": null, "youtube": null, "twitter": null, "linkedin": null, "instagram": null, "tiktok": null,
        },
        "applicationFormData": null,
        "rejectionReason": null, "rejectionNote": null, "reapplicationTimeframe": null,
        "flagForFraud": false, "flagForFraudReason": null,
    }]);
    assert_eq!(list, expected);
    assert!(partner["applicationId"].as_str().unwrap().starts_with("pga_"), "{partner}");
}

#[tokio::test]
async fn pending_applications_are_listed_newest_first_in_pages() {
    let mut world = World::start().await;
    let emails = ["a@x.com", "b@x.com", "c@x.com", "d@x.com"];
    applicants(&mut world, &emails.map(|email| json!({ "email": email }))).await;
    world.partner(json!({ "email": "approved@x.com" })).await.expect(201);
    assert_eq!(listed(&world, "").await, ["d@x.com", "c@x.com", "b@x.com", "a@x.com"]);
    assert_eq!(listed(&world, "?pageSize=3").await, ["d@x.com", "c@x.com", "b@x.com"]);
    assert_eq!(listed(&world, "?pageSize=3&page=2").await, ["a@x.com"]);
    assert_eq!(listed(&world, "?pageSize=3&page=3").await, [""; 0]);
    world.arrange("UPDATE enrollments SET status = 'rejected' WHERE status = 'pending'").await;
    assert_eq!(listed(&world, "").await, [""; 0]);
}

#[tokio::test]
async fn applications_are_filtered_by_status_and_search_and_sorted_by_age() {
    let mut world = World::start().await;
    let names = [("a@x.com", "Ann Able"), ("b@x.com", "Bob Brück"), ("c@x.com", "Cid Able")];
    applicants(&mut world, &names.map(|(email, name)| json!({ "email": email, "name": name }))).await;
    // This partner never applied.
    world.partner(json!({ "email": "approved@x.com", "name": "Able" })).await.expect(201);
    let list = world.workspace.actor.get(APPLICATIONS).await.expect(200);
    for (path, application) in [(APPROVE, &list[2]), (REJECT, &list[1])] {
        world.workspace.actor.post(path, json!({ "partnerId": application["partner"]["id"] })).await.expect(200);
    }
    let bob = list[1]["partner"]["id"].as_str().unwrap();
    for (query, expected) in [
        ("", vec!["c@x.com"]),
        ("?status=pending", vec!["c@x.com"]),
        ("?status=approved", vec!["a@x.com"]),
        ("?status=rejected", vec!["b@x.com"]),
        ("?search=able", vec!["c@x.com"]),
        ("?search=able&status=approved", vec!["a@x.com"]),
        ("?search=B%40x.com&status=rejected", vec!["b@x.com"]),
        ("?search=BR%C3%9CCK&status=rejected", vec!["b@x.com"]),
        (&format!("?search={bob}&status=rejected"), vec!["b@x.com"]),
        ("?search=bob", vec![]),
    ] {
        assert_eq!(listed(&world, query).await, expected, "{query}");
    }
    world.arrange("UPDATE enrollments SET status = 'pending' WHERE application_id IS NOT NULL").await;
    assert_eq!(listed(&world, "?sortOrder=asc").await, ["a@x.com", "b@x.com", "c@x.com"]);
    assert_eq!(listed(&world, "?sortOrder=asc&pageSize=2&page=2").await, ["c@x.com"]);
    assert_eq!(listed(&world, "?sortOrder=desc").await, ["c@x.com", "b@x.com", "a@x.com"]);
    for query in ["?status=banned", "?sortOrder=up", &format!("?search={}", "x".repeat(256))] {
        world.workspace.actor.get(&format!("{APPLICATIONS}{query}")).await.expect_error(422);
    }
}

#[tokio::test]
async fn named_application_must_belong_to_the_partner() {
    let mut world = World::start().await;
    applicants(&mut world, &[json!({ "email": "a@x.com" }), json!({ "email": "b@x.com" })]).await;
    let list = world.workspace.actor.get(APPLICATIONS).await.expect(200);
    let partner = &list[0]["partner"]["id"];
    for application in [&list[1]["id"], &json!("pga_01h455vb4pex5vsknk084sn02q"), &json!("no id"), &json!("")] {
        let body = json!({ "partnerId": partner, "applicationId": application });
        let message = world.workspace.actor.post(APPROVE, body).await.expect_error(404);
        assert_eq!(message, "The application does not exist.");
    }
    assert_eq!(world.written().await, NOTHING);
    let body = json!({ "partnerId": partner, "applicationId": list[0]["id"] });
    world.workspace.actor.post(APPROVE, body).await.expect(200);
}

/// The client library for Python uses this path.
#[tokio::test]
async fn program_applications_is_another_path_of_the_same_applications() {
    let mut world = World::start().await;
    applicants(&mut world, &[json!({ "email": "a@x.com" }), json!({ "email": "b@x.com" })]).await;
    let actor = &world.workspace.actor;
    let list = actor.get(APPLICATIONS).await.expect(200);
    assert_eq!(actor.get("/program-applications").await.expect(200), list);
    for (decision, application) in [("approve", &list[0]), ("reject", &list[1])] {
        let body = json!({ "partnerId": application["partner"]["id"] });
        actor.post(&format!("/program-applications/{decision}"), body).await.expect(200);
        let query = if decision == "approve" { "?status=approved" } else { "?status=rejected" };
        assert_eq!(listed(&world, query).await.len(), 1, "{decision}");
    }
}

#[tokio::test]
async fn applications_are_filtered_by_country_and_group() {
    let mut world = World::start().await;
    let vip = world.group("vip", &["https://example.com/vip"]).await;
    let partners = [
        json!({ "email": "a@x.com", "country": "GB" }),
        json!({ "email": "b@x.com", "country": "DE", "groupId": "vip" }),
        json!({ "email": "c@x.com", "groupId": "vip" }),
    ];
    applicants(&mut world, &partners).await;
    for (query, expected) in [
        ("?country=GB".to_owned(), vec!["a@x.com"]),
        ("?country=FR".to_owned(), vec![]),
        ("?groupId=vip".to_owned(), vec!["c@x.com", "b@x.com"]),
        (format!("?groupId={vip}"), vec!["c@x.com", "b@x.com"]),
        (format!("?groupId={}", world.workspace.group_id), vec!["a@x.com"]),
        (format!("?groupId={vip}&country=DE"), vec!["b@x.com"]),
        ("?groupId=nothing".to_owned(), vec![]),
        ("?groupId=".to_owned(), vec![]),
    ] {
        assert_eq!(listed(&world, &query).await, expected, "{query}");
    }
    for query in ["?country=gb", "?country=XX", "?page=0", "?pageSize=101", "?pageSize=x"] {
        world.workspace.actor.get(&format!("{APPLICATIONS}{query}")).await.expect_error(422);
    }
}

#[tokio::test]
async fn approved_partner_keeps_the_group_unless_the_request_names_another() {
    let mut world = World::start().await;
    let vip = world.group("vip", &["https://example.com/a", "https://example.com/b"]).await.to_string();
    let default = world.workspace.group_id.to_string();
    let jane = jane_with_status(&mut world, "pending").await;
    for (named, group, writes, links) in [
        (json!({}), &default, "enrollments ~1, outbox +1", 1),
        (json!({ "groupId": null }), &default, "enrollments ~1, outbox +1", 1),
        (json!({ "groupId": "default" }), &default, "enrollments ~1, outbox +1", 1),
        (json!({ "groupId": "vip" }), &vip, "enrollments ~1, links +2, outbox +1", 3),
        (json!({ "groupId": vip }), &vip, "enrollments ~1, outbox +1", 3),
        // The partner has the default links of this group already.
        (json!({ "groupId": default }), &default, "enrollments ~1, outbox +1", 3),
    ] {
        world.app.clock.advance(Duration::from_millis(1));
        set_status(&mut world, "pending").await;
        let mut body = named.clone();
        body["partnerId"] = jane["id"].clone();
        world.workspace.actor.post(APPROVE, body).await.expect(200);
        assert_eq!(world.written().await, writes, "{named}");
        let partner = world.partner(json!({ "email": JANE })).await.expect(201);
        assert_eq!((&partner["status"], &partner["groupId"]), (&json!("approved"), &json!(group)), "{named}");
        assert_eq!(partner["links"].as_array().unwrap().len(), links, "{named}");
        assert_eq!(world.rows("outbox").await.last().unwrap()["payload"]["groupId"], **group, "{named}");
    }
    let links = world.rows("links").await;
    assert!(links.iter().all(|link| link["tenant_id"] == "jane"), "{links:?}");
}

#[tokio::test]
async fn unknown_group_or_partner_gets_a_404_and_nothing_is_written() {
    let mut world = World::start().await;
    let second = world.program("second.example.com").await;
    let jane = jane_with_status(&mut world, "pending").await;
    for group in [json!("gold"), json!("grp_01h455vb4pex5vsknk084sn02q"), json!(""), json!(second.group_id)] {
        let body = json!({ "partnerId": jane["id"], "groupId": group });
        assert_eq!(world.workspace.actor.post(APPROVE, body).await.expect_error(404), "The group was not found.");
    }
    for path in [APPROVE, REJECT] {
        for partner in ["pn_01h455vb4pex5vsknk084sn02q", "jane", ""] {
            let body = json!({ "partnerId": partner });
            assert_eq!(world.workspace.actor.post(path, body).await.expect_error(404), NOT_ENROLLED);
        }
        let message = world.workspace.actor.post(path, json!({ "tenantId": "jane" })).await.expect_error(422);
        assert_eq!(message, "invalid_type: partnerId: Required");
    }
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn words_of_a_rejection_are_stored_with_the_enrollment_but_not_logged() {
    let mut world = World::start().await;
    let jane = jane_with_status(&mut world, "pending").await;
    let body = json!({
        "partnerId": jane["id"], "rejectionReason": "other", "rejectionNote": "canary one",
        "reapplicationTimeframe": "never", "flagForFraud": true, "flagForFraudReason": "canary two",
    });
    world.workspace.actor.post(REJECT, body.clone()).await.expect(200);
    let row = world.rows("enrollments").await.remove(0);
    assert_eq!(row["status"], "rejected");
    assert_eq!((&row["rejection_reason"], &row["rejection_note"]), (&json!("other"), &json!("canary one")));
    assert_eq!(row["reapplication_timeframe"], "never");
    assert_eq!(row["fraud_suspicion"], "canary two");
    let list = world.workspace.actor.get("/partners/applications?status=rejected").await.expect(200);
    for member in ["rejectionReason", "rejectionNote", "reapplicationTimeframe", "flagForFraud", "flagForFraudReason"] {
        assert_eq!(list[0][member], body[member], "{member}");
    }
    let logs = world.workspace.actor.get("/audit-logs").await.expect(200);
    let details = json!({
        "from": "pending", "to": "rejected", "reason": "other", "reapplicationTimeframe": "never",
        "flaggedForFraud": true,
    });
    assert_eq!(logs[0]["details"], details);
    let reported = format!("{logs} {:?}", world.rows("outbox").await);
    assert!(!reported.contains("canary"), "{reported}");
}

#[tokio::test]
async fn rejection_without_members_allows_a_new_application_after_30_days() {
    let mut world = World::start().await;
    let jane = jane_with_status(&mut world, "pending").await;
    // A reason without the flag is ignored.
    let body = json!({ "partnerId": jane["id"], "flagForFraud": false, "flagForFraudReason": "x" });
    world.workspace.actor.post(REJECT, body).await.expect(200);
    let row = world.rows("enrollments").await.remove(0);
    assert_eq!(row["reapplication_timeframe"], "standard");
    for column in ["rejection_reason", "rejection_note", "fraud_suspicion"] {
        assert_eq!(row[column], Value::Null, "{column}");
    }
    let list = world.workspace.actor.get("/partners/applications?status=rejected").await.expect(200);
    assert_eq!((&list[0]["flagForFraud"], &list[0]["flagForFraudReason"]), (&json!(false), &Value::Null));
    world.token(json!({ "tenantId": "jane" })).await.expect_error(403);
}

#[tokio::test]
async fn invalid_rejection_is_refused_with_its_path() {
    let mut world = World::start().await;
    let jane = jane_with_status(&mut world, "pending").await;
    for (fields, problem) in [
        (json!({ "rejectionReason": "because" }), "invalid_value: rejectionReason: "),
        (json!({ "rejectionReason": null }), "invalid_type: rejectionReason: "),
        (json!({ "rejectionNote": 1 }), "invalid_type: rejectionNote: "),
        (json!({ "rejectionNote": "x".repeat(5001) }), "too_big: rejectionNote: "),
        (json!({ "reapplicationTimeframe": "later" }), "invalid_value: reapplicationTimeframe: "),
        (json!({ "flagForFraud": "yes" }), "invalid_type: flagForFraud: "),
        (json!({ "flagForFraud": true }), "invalid_type: flagForFraudReason: Required"),
        (json!({ "flagForFraud": true, "flagForFraudReason": "" }), "too_small: flagForFraudReason: "),
        (
            json!({ "flagForFraud": true, "flagForFraudReason": "x", "reapplicationTimeframe": "instant" }),
            "custom: flagForFraud: ",
        ),
    ] {
        let mut body = fields.clone();
        body["partnerId"] = jane["id"].clone();
        let message = world.workspace.actor.post(REJECT, body).await.expect_error(422);
        assert!(message.starts_with(problem), "{fields}: {message}");
        assert_eq!(world.written().await, NOTHING, "{fields}");
    }
}
