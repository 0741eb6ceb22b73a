//! The machine's clock jumps and comes back.

use http::Method;
use pearset::testing::values::clock::{Clock as _, Timestamp};
use serde_json::{Value, json};
use time::Duration;
use time::macros::datetime;

use super::{Site, TOKENS};
use crate::support::invariants;
use crate::support::token::{claims, enrollment};

const NOW: time::OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const JUMPS: [Duration; 4] = [Duration::hours(1), Duration::hours(-1), Duration::days(3_653), Duration::days(-3_653)];

impl Site {
    async fn verify(&self, minted: &Value) -> u16 {
        let body = json!({ "token": minted["publicToken"] }).to_string();
        let path = format!("{TOKENS}/verify");
        let authorization = self.workspace.actor.authorization();
        self.server.send(Method::POST, Some(authorization), &path, body).await.0.as_u16()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_jump_invalidates_tokens_of_another_time_and_nothing_else() {
    let site = Site::start().await;
    site.app.clock.set(Timestamp::from(NOW));
    let jane = site.token("jane@example.com").await.expect(201);
    for (number, jump) in JUMPS.into_iter().enumerate() {
        site.app.clock.set(Timestamp::from(NOW + jump));
        let now = site.app.clock.now().unix_seconds();
        // Found and created enrollments get tokens of the present time.
        let again = site.token("jane@example.com").await.expect(201);
        let new = site.token(&format!("new{number}@example.com")).await.expect(201);
        assert_eq!(enrollment(&again), enrollment(&jane));
        for minted in [&again, &new] {
            assert_eq!(claims(minted)["iat"], json!(now), "{jump}");
            assert_eq!(claims(minted)["exp"], json!(now + 3_600), "{jump}");
            assert_eq!(site.verify(minted).await, 200, "{jump}");
        }
        assert_eq!(site.verify(&jane).await, 401, "{jump}");
        site.app.clock.set(Timestamp::from(NOW));
        assert_eq!(site.verify(&jane).await, 200, "back from {jump}");
        assert_eq!(site.verify(&again).await, 401, "back from {jump}");
    }
    assert_eq!(site.enrollments().await, 1 + JUMPS.len());
    invariants::check(&site.app).await;
}
