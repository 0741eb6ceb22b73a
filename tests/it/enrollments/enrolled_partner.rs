//! The answer that shows an enrollment: every member, from data.

use serde_json::{Value, json};

use super::fixtures::World;

const JANE: &str = "jane@example.com";

/// The members that are 0 for a new partner.
const ZERO: [&str; 12] = [
    "totalCommissions",
    "clicks",
    "leads",
    "conversions",
    "sales",
    "saleAmount",
    "netRevenue",
    "totalClicks",
    "totalLeads",
    "totalConversions",
    "totalSales",
    "totalSaleAmount",
];

/// The members that are null for a new partner.
const NULL: [&str; 37] = [
    "companyName",
    "defaultPayoutMethod",
    "paypalEmail",
    "stripeConnectId",
    "payoutsEnabledAt",
    "identityVerifiedAt",
    "trustedAt",
    "clickRewardId",
    "leadRewardId",
    "saleRewardId",
    "referralRewardId",
    "discountId",
    "applicationId",
    "bannedAt",
    "bannedReason",
    "inviteExpiresAt",
    "earningsPerClick",
    "averageLifetimeValue",
    "clickToLeadRate",
    "clickToConversionRate",
    "leadToConversionRate",
    "returnOnAdSpend",
    "website",
    "websiteTxtRecord",
    "websiteVerifiedAt",
    "youtube",
    "youtubeVerifiedAt",
    "youtubeSubscriberCount",
    "youtubeViewCount",
    "twitter",
    "twitterVerifiedAt",
    "linkedin",
    "linkedinVerifiedAt",
    "instagram",
    "instagramVerifiedAt",
    "tiktok",
    "tiktokVerifiedAt",
];

#[tokio::test]
async fn a_new_partner_has_every_member() {
    let world = World::start().await;
    let partner = world
        .partner(json!({
            "email": JANE, "name": "Jane Doe", "username": "JaneD", "tenantId": "user_1", "country": "DE",
            "image": "example.com/jane.png", "description": "Two lines\nand a\ttab",
        }))
        .await
        .expect(201);
    let (id, link_id) = (partner["id"].as_str().unwrap(), partner["links"][0]["id"].as_str().unwrap());
    assert!(id.starts_with("pn_") && id.len() == 29 && link_id.starts_with("link_"), "{partner}");
    let mut expected = json!({
        "id": id, "partnerId": id, "name": "Jane Doe", "username": "JaneD", "email": JANE,
        "image": "https://example.com/jane.png", "description": "Two lines\nand a\ttab", "country": "DE",
        "metadata": {}, "networkStatus": "draft", "programId": world.workspace.program_id, "groupId": world.workspace.group_id,
        "tenantId": "user_1", "createdAt": "2026-03-01T12:00:00.250Z", "status": "approved",
        "links": [{
            "id": link_id, "domain": "acme.localhost", "key": "JaneD",
            "shortLink": "http://acme.localhost:8080/JaneD", "url": "https://example.com/",
            "clicks": 0, "leads": 0, "conversions": 0, "sales": 0, "saleAmount": 0,
        }],
    });
    let members = expected.as_object_mut().unwrap();
    members.extend(ZERO.map(|member| (member.to_owned(), json!(0))));
    members.extend(NULL.map(|member| (member.to_owned(), json!(null))));
    assert_eq!(partner, expected);
}

#[tokio::test]
async fn absent_members_are_null_and_the_email_replaces_the_name() {
    let world = World::start().await;
    let nulls = json!({ "email": "null@example.com", "name": null, "username": null, "image": null, "country": null,
                        "description": null });
    for body in [json!({ "email": JANE }), nulls, json!({ "email": "empty@example.com", "name": "" })] {
        let partner = world.partner(body.clone()).await.expect(201);
        assert_eq!(partner["name"], body["email"]);
        for member in ["username", "image", "country", "description", "tenantId"] {
            assert_eq!(partner[member], Value::Null, "{member}");
        }
    }
}

#[tokio::test]
async fn numbers_and_rates_come_from_links_and_enrollment() {
    let mut world = World::start().await;
    let url = "https://example.com/b";
    world.app.add_default_link(&world.workspace, url).await;
    world.enrolled(json!({ "email": JANE })).await;
    // The numbers of another partner do not count.
    world.enrolled(json!({ "email": "other@example.com", "username": "other" })).await;
    world.counted("key LIKE 'other%'", json!({ "clicks": 999_999 })).await;
    world.earned("true", 20_001).await;
    for (at, [clicks, leads, conversions, sales, sale_amount]) in
        [("=", [300_i64, 20, 5, 7, 10_000_000_000]), ("<>", [100, 12, 3, 1, 2_500])]
    {
        let counters = json!({
            "clicks": clicks, "leads": leads, "conversions": conversions, "sales": sales, "sale_amount": sale_amount,
        });
        world.counted(&format!("url {at} '{url}' AND key NOT LIKE 'other%'"), counters).await;
    }
    let partner = world.partner(json!({ "email": JANE })).await.expect(201);
    for (member, total, value) in [
        ("clicks", "totalClicks", 400_i64),
        ("leads", "totalLeads", 32),
        ("conversions", "totalConversions", 8),
        ("sales", "totalSales", 8),
        ("saleAmount", "totalSaleAmount", 10_000_002_500),
    ] {
        assert_eq!((&partner[member], &partner[total]), (&json!(value), &json!(value)), "{member}");
    }
    assert_eq!(partner["totalCommissions"], 20_001);
    assert_eq!(partner["netRevenue"], 9_999_982_499_i64);
    for (rate, value) in [
        ("earningsPerClick", 10_000_002_500.0 / 400.0),
        ("averageLifetimeValue", 10_000_002_500.0 / 8.0),
        ("clickToLeadRate", 32.0 / 400.0),
        ("clickToConversionRate", 8.0 / 400.0),
        ("leadToConversionRate", 8.0 / 32.0),
        ("returnOnAdSpend", 10_000_002_500.0 / 20_001.0),
    ] {
        assert_eq!(partner[rate], json!(value), "{rate}");
    }
    let link = partner["links"].as_array().unwrap().iter().find(|link| link["url"] == url).unwrap();
    for (member, value) in
        [("clicks", 300_i64), ("leads", 20), ("conversions", 5), ("sales", 7), ("saleAmount", 10_000_000_000)]
    {
        assert_eq!(link[member], value, "{member}");
    }
}

#[tokio::test]
async fn commissions_without_sales_are_a_loss() {
    let mut world = World::start().await;
    world.enrolled(json!({ "email": JANE })).await;
    world.earned("true", 500).await;
    world.counted("true", json!({ "clicks": 10 })).await;
    let partner = world.partner(json!({ "email": JANE })).await.expect(201);
    assert_eq!((&partner["netRevenue"], &partner["returnOnAdSpend"]), (&json!(-500), &json!(0.0)));
    assert_eq!((&partner["clickToLeadRate"], &partner["leadToConversionRate"]), (&json!(0.0), &json!(null)));
}

#[tokio::test]
async fn a_ban_is_shown_with_time_and_reason() {
    let mut world = World::start().await;
    world.enrolled(json!({ "email": JANE })).await;
    world
        .arrange(
            "UPDATE enrollments SET status = 'banned', banned_reason = 'fraud', banned_at = '2026-02-01T10:00:00.5+01'",
        )
        .await;
    let partner = world.partner(json!({ "email": JANE })).await.expect(201);
    assert_eq!(
        [&partner["status"], &partner["bannedReason"], &partner["bannedAt"]],
        ["banned", "fraud", "2026-02-01T09:00:00.500Z"]
    );
}

#[tokio::test]
async fn links_are_in_the_order_of_creation() {
    let mut world = World::start().await;
    world.enrolled(json!({ "email": JANE })).await;
    for key in ["zz", "aa", "mm"] {
        world.app.clock.advance(std::time::Duration::from_secs(1));
        let body = json!({ "key": key, "partner": { "email": JANE } });
        world.workspace.actor.post("/partner_referral_links", body).await.expect(201);
    }
    let partner = world.partner(json!({ "email": JANE })).await.expect(201);
    let keys: Vec<_> = partner["links"].as_array().unwrap().iter().map(|link| &link["key"]).collect();
    assert_eq!(keys, ["jane", "zz", "aa", "mm"]);
}
