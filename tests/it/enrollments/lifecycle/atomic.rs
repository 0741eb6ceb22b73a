//! Status, event and entry of the audit log come together or not at all.

use serde_json::{Value, json};

use super::{jane_who_is, set_status};
use crate::enrollments::fixtures::{NOTHING, World};

const STEPS: [(&str, &str); 6] = [
    ("ban", "approved"),
    ("unban", "banned"),
    ("deactivate", "approved"),
    ("reactivate", "deactivated"),
    ("applications/approve", "pending"),
    ("applications/reject", "pending"),
];

/// Makes every insert into a table fail, at once or not before COMMIT.
async fn break_inserts(world: &mut World, table: &str, timing: &str) {
    world.arrange("DROP FUNCTION IF EXISTS fail CASCADE").await;
    world
        .arrange(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken by the test'; END $$",
        )
        .await;
    world
        .arrange(&format!(
            "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON {table} {timing} FOR EACH ROW EXECUTE FUNCTION fail()"
        ))
        .await;
}

#[tokio::test]
async fn a_step_that_fails_on_its_way_leaves_nothing() {
    let mut world = World::start().await;
    let jane = jane_who_is(&mut world, "approved").await;
    for (table, timing) in [("outbox", ""), ("audit_logs", ""), ("audit_logs", "DEFERRABLE INITIALLY DEFERRED")] {
        break_inserts(&mut world, table, timing).await;
        for (step, present) in STEPS {
            set_status(&mut world, present).await;
            let body = json!({ "partnerId": jane["id"], "reason": "fraud" });
            world.workspace.actor.post(&format!("/partners/{step}"), body).await.expect(500);
            assert_eq!(world.written().await, NOTHING, "{step}, {table} {timing}");
            assert_eq!(world.rows("audit_logs").await, [Value::Null; 0], "{step}, {table} {timing}");
        }
    }
    world.arrange("DROP FUNCTION fail CASCADE").await;
    for (step, present) in STEPS {
        set_status(&mut world, present).await;
        let body = json!({ "partnerId": jane["id"], "reason": "fraud" });
        world.workspace.actor.post(&format!("/partners/{step}"), body).await.expect(200);
    }
    assert_eq!(world.rows("audit_logs").await.len(), STEPS.len());
}
