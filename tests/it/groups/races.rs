//! Concurrent requests on groups.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use sqlx::Executor;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::enrollments::fixtures::World;
use crate::support::invariants;
use crate::support::live::LiveServer;

const CLIENTS: usize = 32;
const ROUNDS: usize = 5;

/// Sends all requests at the same moment, and returns the outcomes in the order of the requests.
async fn run(
    server: &Arc<LiveServer>,
    authorization: &str,
    requests: Vec<(Method, String, Value)>,
) -> Vec<(u16, Value)> {
    let start = Arc::new(Barrier::new(requests.len()));
    let mut clients = JoinSet::new();
    for (position, (method, path, body)) in requests.into_iter().enumerate() {
        let (server, start, authorization) = (Arc::clone(server), Arc::clone(&start), authorization.to_owned());
        clients.spawn(async move {
            start.wait().await;
            let (status, _, body) = server.send(method, Some(&authorization), &path, body.to_string()).await;
            (position, (status.as_u16(), body))
        });
    }
    let mut outcomes = clients.join_all().await;
    outcomes.sort_by_key(|(position, _)| *position);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Checks that no deadlock has happened: each one costs a second until PostgreSQL detects the deadlock.
async fn expect_no_deadlock(world: &World) {
    invariants::end_sessions(&world.app).await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(invariants::count(&mut world.app.sql().await, deadlocks).await, 0, "deadlocks");
}

fn count(outcomes: &[(u16, Value)], status: u16) -> usize {
    outcomes.iter().filter(|(other, _)| *other == status).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_creations_gets_the_slug() {
    let world = World::start().await;
    let server = Arc::new(LiveServer::start(&world.app).await);
    for round in 1..=ROUNDS {
        let request = (Method::POST, "/groups".to_owned(), json!({"name": format!("Group {round}")}));
        let outcomes = run(&server, world.workspace.actor.authorization(), vec![request; CLIENTS]).await;
        assert_eq!((count(&outcomes, 201), count(&outcomes, 409)), (1, CLIENTS - 1));
    }
    assert_eq!(world.rows("groups").await.len(), 1 + ROUNDS);
    assert_eq!(world.rows("group_default_links").await.len(), 1 + ROUNDS);
    expect_no_deadlock(&world).await;
}

/// Most clients enroll partners in a group while two clients delete the group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_enrolled_in_a_deleted_group() {
    let world = World::start().await;
    let server = Arc::new(LiveServer::start(&world.app).await);
    let authorization = world.workspace.actor.authorization();
    for round in 1..=ROUNDS {
        let slug = format!("group-{round}");
        world.workspace.actor.post("/groups", json!({"name": slug})).await.expect(201);
        let requests = (0..CLIENTS).map(|client| match client {
            7 | 23 => (Method::DELETE, format!("/groups/{slug}"), Value::Null),
            _ => {
                let partner = json!({"email": format!("p{client}-{round}@example.com"), "groupId": slug});
                (Method::POST, "/tokens/embed/referrals".to_owned(), json!({"partner": partner}))
            }
        });
        let outcomes = run(&server, authorization, requests.collect()).await;
        let (made, refused) = (count(&outcomes, 201), count(&outcomes, 404));
        assert!((1..=2).contains(&count(&outcomes, 200)), "{outcomes:?}");
        assert_eq!(made + refused + count(&outcomes, 200), CLIENTS, "{outcomes:?}");
        let conn = &mut world.app.sql().await;
        let left =
            "SELECT count(*) FROM enrollments e JOIN groups g ON g.id = e.group_id WHERE g.deleted_at IS NOT NULL";
        assert_eq!(invariants::count(conn, left).await, 0);
    }
    expect_no_deadlock(&world).await;
}

/// Partners who are enrolled while a default link gets another target have a link to that target.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_link_follows_its_default_link() {
    let world = World::start().await;
    let server = Arc::new(LiveServer::start(&world.app).await);
    let authorization = world.workspace.actor.authorization();
    let group = world.workspace.actor.get("/groups/default").await.expect(200);
    for round in 1..=ROUNDS {
        let requests = (0..CLIENTS).map(|client| {
            if client == 7 {
                let url = format!("https://example.com/{round}");
                let links = json!([{"id": group["defaultLinks"][0]["id"], "url": url}]);
                return (Method::PATCH, "/groups/default".to_owned(), json!({"defaultLinks": links}));
            }
            let partner = json!({"email": format!("p{client}-{round}@example.com")});
            (Method::POST, "/tokens/embed/referrals".to_owned(), json!({"partner": partner}))
        });
        let outcomes = run(&server, authorization, requests.collect()).await;
        assert_eq!((count(&outcomes, 201), count(&outcomes, 200)), (CLIENTS - 1, 1), "{outcomes:?}");
        invariants::check(&world.app).await;
        let conn = &mut world.app.sql().await;
        let stale = "SELECT count(*) FROM links l JOIN group_default_links d ON d.id = l.group_default_link_id
                     WHERE l.url <> d.url";
        assert_eq!(invariants::count(conn, stale).await, 0);
    }
    expect_no_deadlock(&world).await;
}

/// Two groups are deleted, each with the other as the target. Afterwards one of them is left, or none is left and all
/// partners are in the default group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_partner_is_left_in_a_deleted_group_when_two_groups_name_each_other() {
    let world = World::start().await;
    let server = Arc::new(LiveServer::start(&world.app).await);
    for round in 1..=ROUNDS {
        let [a, b] = ["a", "b"].map(|name| format!("{name}-{round}"));
        for slug in [&a, &b] {
            world.workspace.actor.post("/groups", json!({"name": slug})).await.expect(201);
            let partner = json!({"email": format!("{slug}@example.com"), "groupId": slug});
            world.partner(partner).await.expect(201);
        }
        let request = |from: &str, to: &str| (Method::DELETE, format!("/groups/{from}?moveTo={to}"), Value::Null);
        let requests = [request(&a, &b), request(&b, &a)].into_iter().cycle().take(CLIENTS).collect();
        let outcomes = run(&server, world.workspace.actor.authorization(), requests).await;
        assert_eq!(count(&outcomes, 200) + count(&outcomes, 404), CLIENTS, "{outcomes:?}");
        let conn = &mut world.app.sql().await;
        let left =
            "SELECT count(*) FROM enrollments e JOIN groups g ON g.id = e.group_id WHERE g.deleted_at IS NOT NULL";
        assert_eq!(invariants::count(conn, left).await, 0);
    }
    expect_no_deadlock(&world).await;
}

/// Partners are moved to a group, or approved with that group, while the group is deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_moved_to_a_deleted_group() {
    let world = World::start().await;
    let server = Arc::new(LiveServer::start(&world.app).await);
    let mut partners = Vec::new();
    for client in 0..CLIENTS {
        let partner = world.partner(json!({"email": format!("p{client}@example.com")})).await.expect(201);
        partners.push(partner["id"].as_str().unwrap().to_owned());
    }
    let conn = &mut world.app.sql().await;
    for round in 1..=ROUNDS {
        let slug = format!("group-{round}");
        world.workspace.actor.post("/groups", json!({"name": slug})).await.expect(201);
        let apply = "UPDATE enrollments SET status = 'pending', application_id = gen_random_uuid()";
        conn.execute(apply).await.unwrap();
        let requests = (0..CLIENTS).map(|client| match client {
            7 | 23 => (Method::DELETE, format!("/groups/{slug}"), Value::Null),
            _ if client % 2 == 0 => {
                (Method::PATCH, format!("/partners/{}", partners[client]), json!({"groupId": slug}))
            }
            _ => {
                let body = json!({"partnerId": partners[client], "groupId": slug});
                (Method::POST, "/partners/applications/approve".to_owned(), body)
            }
        });
        let outcomes = run(&server, world.workspace.actor.authorization(), requests.collect()).await;
        assert_eq!(count(&outcomes, 200) + count(&outcomes, 404), CLIENTS, "{outcomes:?}");
        let left =
            "SELECT count(*) FROM enrollments e JOIN groups g ON g.id = e.group_id WHERE g.deleted_at IS NOT NULL";
        assert_eq!(invariants::count(conn, left).await, 0);
    }
    expect_no_deadlock(&world).await;
}
