//! `POST /partners/bulk`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pearset::testing::values::id::Ids;
use serde_json::{Value, json};
use sqlx::Executor;

use super::fixtures::{ENROLLED, NOTHING, World, partner_body};
use crate::support::app::TestApp;
use crate::support::invariants;
use crate::support::live::LiveServer;

const BULK: &str = "/partners/bulk";

impl World {
    async fn bulk(&self, items: &[Value]) -> Vec<Value> {
        let outcomes = self.workspace.actor.post(BULK, json!(items)).await.expect(200);
        let outcomes = outcomes.as_array().unwrap().clone();
        let indexes: Vec<usize> =
            outcomes.iter().map(|outcome| outcome["index"].as_u64().unwrap().try_into().unwrap()).collect();
        assert_eq!(indexes, (0..items.len()).collect::<Vec<_>>(), "in the order of the items");
        outcomes
    }
}

fn statuses(outcomes: &[Value]) -> Vec<u64> {
    outcomes.iter().map(|outcome| outcome["status"].as_u64().unwrap()).collect()
}

fn partners(count: usize) -> Vec<Value> {
    let partner = |number| json!({"email": format!("p{number}@example.com"), "tenantId": format!("user-{number}")});
    (0..count).map(partner).collect()
}

#[tokio::test]
async fn every_item_has_the_outcome_of_the_single_call() {
    let mut world = World::start().await;
    let second = world.program("go.second.example.com").await;
    let known = world.enrolled(json!({"email": "known@example.com", "tenantId": "known", "name": "Known"})).await;
    world.enrolled(json!({"email": "other@example.com", "tenantId": "other", "linkProps": {"externalId": "x"}})).await;
    let items = [
        json!({"email": "new@example.com", "tenantId": "new", "name": "New", "metadata": {"plan": "pro"}}),
        json!({"email": "KNOWN@example.com", "name": "Another name"}),
        json!({"email": "known@example.com", "tenantId": "other"}),
        json!({"email": "lost@example.com", "groupId": "nothing"}),
        json!({"email": "taken@example.com", "linkProps": {"externalId": "ext_x"}}),
        json!({"email": "bad", "country": "XX", "linkProps": {"tagIds": 7}}),
        json!({}),
        json!("text"),
        json!({"email": "nowhere@example.com", "programId": "prog_x"}),
        json!({"email": "elsewhere@example.com", "programId": second.program_id.to_string()}),
    ];
    let outcomes = world.bulk(&items).await;
    assert_eq!(statuses(&outcomes), [201, 201, 409, 404, 409, 422, 422, 422, 404, 201]);
    assert_eq!(world.written().await, "enrollments +2, links +2, outbox +2, partners +2");
    assert_eq!(outcomes[1]["partner"], known);
    assert_eq!(outcomes[0]["partner"]["metadata"]["plan"], "pro");
    assert_eq!(outcomes[9]["partner"]["programId"], second.program_id.to_string());
    for (item, outcome) in items.iter().zip(&outcomes) {
        let single = world.partner(item.clone()).await;
        assert_eq!(outcome["status"], single.status.as_u16(), "{item}");
        assert_eq!(single.body.get("error"), outcome.get("error"), "{item}");
        if let Some(partner) = outcome.get("partner") {
            assert_eq!(&single.body, partner);
        }
    }
    assert_eq!(outcomes[5]["error"]["errors"].as_array().unwrap().len(), 3);
    assert_eq!(outcomes[5]["error"]["errors"][2]["path"], "linkProps.tagIds");
    invariants::check(&world.app).await;
}

#[tokio::test]
async fn the_query_names_the_program_of_all_items() {
    let world = World::start().await;
    let second = world.program("go.second.example.com").await;
    let path = format!("{BULK}?programId={}", second.program_id);
    let first = json!({"email": "b@example.com", "programId": world.workspace.program_id.to_string()});
    let outcomes = world.workspace.actor.post(&path, json!([{"email": "a@example.com"}, first])).await.expect(200);
    assert_eq!(outcomes[0]["partner"]["programId"], second.program_id.to_string());
    assert_eq!(outcomes[1]["partner"]["programId"], world.workspace.program_id.to_string());
    let unknown = world.workspace.actor.post(&format!("{BULK}?programId=prog_x"), json!([{}])).await;
    assert_eq!(unknown.expect_error(404), "The program does not exist.");
}

#[tokio::test]
async fn the_same_request_again_writes_nothing() {
    let mut world = World::start().await;
    let items = partners(20);
    let first = world.bulk(&items).await;
    world.written().await;
    assert_eq!(world.bulk(&items).await, first);
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn a_repeated_email_finds_the_partner_of_the_first_item() {
    let mut world = World::start().await;
    let items = [
        json!({"email": "jane@example.com", "name": "Jane"}),
        json!({"email": "Jane@Example.com", "name": "Someone"}),
        json!({"email": "jane@example.com", "tenantId": "user-1"}),
        json!({"email": "JANE@example.com", "tenantId": "user-2"}),
    ];
    let outcomes = world.bulk(&items).await;
    assert_eq!(statuses(&outcomes), [201; 4]);
    assert_eq!(outcomes[0]["partner"], outcomes[1]["partner"]);
    let tenants: Vec<&Value> = outcomes.iter().map(|outcome| &outcome["partner"]["tenantId"]).collect();
    assert_eq!(tenants, [&Value::Null, &Value::Null, &json!("user-1"), &json!("user-2")]);
    assert_eq!(world.written().await, ENROLLED);
}

#[tokio::test]
async fn a_repeated_tenant_id_means_its_present_owner() {
    let mut world = World::start().await;
    let items = [
        partner_body(Some("a@example.com"), Some("1")),
        // Finds the partner of the first item.
        partner_body(Some("b@example.com"), Some("1")),
        partner_body(Some("c@example.com"), Some("3")),
        // Two existing partners.
        partner_body(Some("c@example.com"), Some("1")),
        // Frees the first tenant id, which the next item takes.
        partner_body(Some("a@example.com"), Some("2")),
        partner_body(Some("d@example.com"), Some("1")),
    ];
    let outcomes = world.bulk(&items).await;
    assert_eq!(statuses(&outcomes), [201, 201, 201, 409, 201, 201]);
    let emails: Vec<&Value> = outcomes.iter().map(|outcome| &outcome["partner"]["email"]).collect();
    let expected = [
        json!("a@example.com"),
        json!("a@example.com"),
        json!("c@example.com"),
        json!(null),
        json!("a@example.com"),
        json!("d@example.com"),
    ];
    assert_eq!(emails, expected.iter().collect::<Vec<_>>());
    assert_eq!(world.written().await, "enrollments +3, links +3, outbox +3, partners +3");
}

/// Items with crossing identities have the outcome of sequential single calls.
#[tokio::test]
async fn items_take_effect_in_their_order() {
    let mut world = World::start().await;
    let draw = Ids::seeded(7);
    for round in 0..6 {
        let items: Vec<Value> = (0..80)
            .map(|_| {
                let [email, tenant] = draw.bytes::<2>();
                let (email, tenant) = (format!("e{}-{round}@example.com", email % 12), format!("t{}", tenant % 12));
                partner_body(Some(&email), Some(&*tenant).filter(|tenant| *tenant != "t0"))
            })
            .collect();
        world.enter(&format!("bulk-{round}")).await;
        let together = world.bulk(&items).await;
        world.enter(&format!("single-{round}")).await;
        for (item, together) in items.iter().zip(together) {
            let alone = world.partner(item.clone()).await;
            assert_eq!(together["status"], alone.status.as_u16(), "{item}");
            for member in ["email", "tenantId"] {
                assert_eq!(together["partner"][member], alone.body[member], "{item}");
            }
        }
    }
    invariants::check(&world.app).await;
}

#[tokio::test]
async fn an_item_that_fails_late_leaves_no_trace() {
    let mut world = World::start().await;
    let item = |email: &str| json!({"email": email, "linkProps": {"externalId": "shared"}});
    let outcomes = world.bulk(&[item("a@example.com"), item("b@example.com"), item("c@example.com")]).await;
    let mut found = statuses(&outcomes);
    found.sort_unstable();
    assert_eq!(found, [201, 409, 409], "which one is first is open");
    assert_eq!(world.written().await, ENROLLED);
    invariants::check(&world.app).await;
}

#[tokio::test]
async fn one_to_a_thousand_items_are_taken() {
    let world = World::start().await;
    let whole = async |body: Value| world.workspace.actor.post(BULK, body).await.expect_error(422);
    assert_eq!(whole(json!([])).await, "too_small: : Must have at least 1 item");
    assert_eq!(whole(json!(partners(1_001))).await, "too_big: : Must have at most 1000 items");
    for other in [json!({"email": "a@example.com"}), json!(null), json!("x"), json!(1), json!(true)] {
        assert_eq!(whole(other).await, "invalid_type: : Expected an array");
    }
    for malformed in ["", "[", "[{}", "[{}]]", "[{},]", "{\"email\":", "[{\"email\":\"\u{1}\"}]", "nothing"] {
        let answer = world.workspace.actor.post_text(BULK, "application/json", malformed).await;
        assert_eq!(answer.expect_error(400), "The request body is not valid JSON.", "{malformed}");
    }
    assert_eq!(invariants::count(&mut world.app.sql().await, "SELECT count(*) FROM partners").await, 0);

    let begin = Instant::now();
    let outcomes = world.bulk(&partners(1_000)).await;
    assert!(statuses(&outcomes).iter().all(|status| *status == 201));
    assert!(begin.elapsed() < Duration::from_mins(1), "{:?}", begin.elapsed());
    assert_eq!(invariants::count(&mut world.app.sql().await, "SELECT count(*) FROM partners").await, 1_000);
    invariants::check(&world.app).await;
}

#[tokio::test]
async fn a_thousand_large_items_are_read_within_eight_mebibytes() {
    let world = World::start().await;
    let text = "ä".repeat(3_900);
    let items: Vec<Value> = (0..1_000)
        .map(|number| json!({"email": format!("p{number}@example.com"), "country": "XX", "description": text}))
        .collect();
    let body = json!(items).to_string();
    assert!((7_500_000..8 * 1024 * 1024).contains(&body.len()), "{}", body.len());
    let answer = world.workspace.actor.post_text(BULK, "application/json", body.clone()).await.expect(200);
    assert!(statuses(answer.as_array().unwrap()).iter().all(|status| *status == 422));
    let larger = body + &" ".repeat(1024 * 1024);
    let answer = world.workspace.actor.post_text(BULK, "application/json", larger).await;
    assert_eq!(answer.expect_error(413), "The request body is larger than 8388608 bytes.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_concurrent_requests_create_no_duplicates() {
    let world = Arc::new(World::start().await);
    let items = Arc::new(partners(150));
    let calls = [(), (), ()].map(|()| {
        let (world, items) = (Arc::clone(&world), Arc::clone(&items));
        tokio::spawn(async move { world.bulk(&items).await })
    });
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    assert!(statuses(&answers[0]).iter().all(|status| *status == 201));
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    let sql = &mut world.app.sql().await;
    for table in ["partners", "enrollments", "links", "outbox"] {
        assert_eq!(invariants::count(sql, &format!("SELECT count(*) FROM {table}")).await, 150, "{table}");
    }
    invariants::check(&world.app).await;
}

/// Items that cannot be done before the shutdown are not begun, and their outcome says so.
#[tokio::test]
async fn a_server_that_shuts_down_answers_503_for_the_remaining_items() {
    let world = World::start().await;
    world.app.state.drain.begin(Duration::from_secs(2));
    let outcomes = world.bulk(&partners(300)).await;
    let done = statuses(&outcomes).iter().filter(|status| **status == 201).count();
    assert!(done < 300, "the time was over at once");
    for outcome in outcomes.iter().filter(|outcome| outcome["status"] != 201) {
        assert_eq!(outcome["error"]["code"], "service_unavailable");
    }
    invariants::check(&world.app).await;
    let made = invariants::count(&mut world.app.sql().await, "SELECT count(*) FROM partners").await;
    let made = usize::try_from(made).unwrap();
    assert!((done..=done + 4).contains(&made), "{made} are there, {done} were said to be: four run at a time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_progress_at_shutdown_is_answered() {
    let app = TestApp::start().await;
    let workspace = app.workspace("acme").await;
    let server = Arc::new(LiveServer::start(&app).await);
    let authorization = workspace.actor.authorization().to_owned();
    let call = {
        let server = Arc::clone(&server);
        tokio::spawn(async move { server.post(&authorization, BULK, &json!(partners(300))).await })
    };
    while invariants::count(&mut app.sql().await, "SELECT count(*) FROM partners").await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.tell_to_end();
    let (status, outcomes) = call.await.unwrap();
    assert_eq!(status, 200);
    assert!(statuses(outcomes.as_array().unwrap()).iter().all(|status| *status == 201));
}

/// Further items of a client that has gone away are not begun.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_leaves_whole_enrollments() {
    let world = World::start().await;
    let actor = world.workspace.actor.clone();
    let call = tokio::spawn(async move { actor.post(BULK, json!(partners(1_000))).await });
    while invariants::count(&mut world.app.sql().await, "SELECT count(*) FROM partners").await < 10 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    invariants::check(&world.app).await;
    let made = invariants::count(&mut world.app.sql().await, "SELECT count(*) FROM partners").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let later = invariants::count(&mut world.app.sql().await, "SELECT count(*) FROM partners").await;
    assert!(made < 1_000 && made == later, "{made}, then {later}");
}

#[tokio::test]
async fn items_fail_independently_when_the_database_fails() {
    let world = World::start().await;
    world.partner(json!({"email": "held@example.com", "tenantId": "1"})).await.expect(201);
    let mut session = world.app.sql().await;
    session.execute("BEGIN; SELECT FROM enrollments FOR UPDATE").await.unwrap();
    let items = [json!({"email": "held@example.com", "tenantId": "2"}), json!({"email": "free@example.com"})];
    let outcomes = world.bulk(&items).await;
    assert_eq!(statuses(&outcomes), [503, 201]);
    let single = world.partner(items[0].clone()).await.expect(503);
    assert_eq!(outcomes[0]["error"], single["error"]);
}
