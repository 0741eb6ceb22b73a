//! `GET /partners/{id}`.

use serde_json::json;

use super::fixtures::{NOT_ENROLLED, NOTHING, PARTNERS, World};

#[tokio::test]
async fn shows_the_same_as_the_creating_call() {
    let mut world = World::start().await;
    let made = world.enrolled(json!({ "email": "jane@example.com", "tenantId": "t", "username": "jane" })).await;
    let path = format!("{PARTNERS}/{}", made["id"].as_str().unwrap());
    assert_eq!(world.workspace.actor.get(&path).await.expect(200), made);
    assert_eq!(world.written().await, NOTHING);
}

#[tokio::test]
async fn an_unknown_id_is_a_404() {
    let world = World::start().await;
    let second = world.program("second.example.com").await;
    let elsewhere = second.actor.post(PARTNERS, json!({ "email": "jane@example.com" })).await.expect(201);
    let stranger = world.app.workspace("stranger").await;
    let foreign = stranger.actor.post(PARTNERS, json!({ "email": "jane@example.com" })).await.expect(201);
    let id = |partner: &serde_json::Value| partner["id"].as_str().unwrap().to_owned();
    let upper_case = id(&elsewhere).to_uppercase();
    for id in [
        "pn_01h455vb4pex5vsknk084sn02q",
        &id(&elsewhere),
        &id(&foreign),
        &upper_case,
        "pn_",
        "x",
        "jane@example.com",
        "link_01h455vb4pex5vsknk084sn02q",
        "pn_01h455vb4pex5vsknk084sn02",
        "01h455vb-4pex-5vsk-nk08-4sn02q000000",
        "%00",
        "%FF%FE",
        "pn_%31",
        &"a".repeat(2_000),
    ] {
        let answer = world.workspace.actor.get(&format!("{PARTNERS}/{id}")).await;
        assert_eq!(answer.expect_error(404), NOT_ENROLLED, "{id}");
    }
}
