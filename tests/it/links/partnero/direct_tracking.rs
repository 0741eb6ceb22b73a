//! `direct_tracking` and its redirect, for visits without the link's key.

use serde_json::{Value, json};

use super::fixtures::{LINKS, create, world_with_jane};
use crate::enrollments::fixtures::NOTHING;

/// Returns the members of direct tracking.
fn tracking(data: &Value) -> Value {
    json!([data["direct_tracking"], data["direct_tracking_redirect"], data["direct_tracking_redirect_url"]])
}

#[tokio::test]
async fn new_link_has_the_given_values() {
    let (mut world, _) = world_with_jane().await;
    for (index, (fields, expected)) in [
        (json!({}), json!([false, false, null])),
        (json!({ "direct_tracking": true }), json!([true, false, null])),
        (json!({ "direct_tracking": false, "direct_tracking_redirect": false }), json!([false, false, null])),
        (json!({ "direct_tracking_redirect_url": null }), json!([false, false, null])),
        (json!({ "direct_tracking_redirect_url": "example.com" }), json!([false, false, "https://example.com/"])),
        (
            json!({ "direct_tracking_redirect": true, "direct_tracking_redirect_url": "http://Example.com/a?b=c#d" }),
            json!([false, true, "http://example.com/a?b=c#d"]),
        ),
        (
            json!({
                "direct_tracking": true, "direct_tracking_redirect": true,
                "direct_tracking_redirect_url": "https://example.com/",
            }),
            json!([true, true, "https://example.com/"]),
        ),
        // The documented spelling goes before the other one.
        (json!({ "direct_tracking": false, "directTracking": true }), json!([false, false, null])),
        (json!({ "directTracking": true }), json!([true, false, null])),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("key-{index}");
        let made = create(&world, &key, fields.clone()).await.expect(201);
        assert_eq!(tracking(&made["data"]), expected, "{fields}");
        assert_eq!(world.written().await, "links +1");
        let stored = world.workspace.actor.get(&format!("{LINKS}/{key}")).await.expect(200);
        assert_eq!(stored, made, "{fields}");
    }
}

#[tokio::test]
async fn redirect_needs_a_url() {
    let (mut world, _) = world_with_jane().await;
    for (fields, path, code) in [
        (json!({ "direct_tracking_redirect": true }), "direct_tracking_redirect_url", "invalid_type"),
        (
            json!({ "direct_tracking_redirect": true, "direct_tracking_redirect_url": null }),
            "direct_tracking_redirect_url",
            "invalid_type",
        ),
        (json!({ "directTrackingRedirect": true }), "direct_tracking_redirect_url", "invalid_type"),
        (json!({ "direct_tracking": null }), "direct_tracking", "invalid_type"),
        (json!({ "direct_tracking": "true" }), "direct_tracking", "invalid_type"),
        (json!({ "directTracking": 1 }), "directTracking", "invalid_type"),
        (json!({ "direct_tracking_redirect": 1 }), "direct_tracking_redirect", "invalid_type"),
        (json!({ "direct_tracking_redirect_url": "" }), "direct_tracking_redirect_url", "too_small"),
        (json!({ "direct_tracking_redirect_url": 1 }), "direct_tracking_redirect_url", "invalid_type"),
        (json!({ "direct_tracking_redirect_url": "ftp://x.y" }), "direct_tracking_redirect_url", "invalid_format"),
        (
            json!({ "direct_tracking_redirect": true, "direct_tracking_redirect_url": "javascript:alert(1)" }),
            "direct_tracking_redirect_url",
            "invalid_format",
        ),
        (
            json!({ "direct_tracking_redirect": true, "direct_tracking_redirect_url": "https://u:p@example.com/" }),
            "direct_tracking_redirect_url",
            "invalid_format",
        ),
    ] {
        let body = create(&world, "new", fields.clone()).await.expect(422);
        let problems = body["error"]["errors"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{fields}");
        assert_eq!((&problems[0]["path"], &problems[0]["code"]), (&json!(path), &json!(code)), "{fields}");
        assert!(body["errors"][path][0].is_string(), "{fields}");
        assert_eq!(world.written().await, NOTHING, "{fields}");
    }
}
