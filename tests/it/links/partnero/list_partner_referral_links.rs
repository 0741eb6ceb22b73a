//! `GET /partners/{id}/referral_links`.

use serde_json::json;

use super::fixtures::{JANE, add_domain, create, list_links, world_with_jane};
use crate::enrollments::fixtures::{NOT_ENROLLED, PARTNERS};

#[tokio::test]
async fn links_of_the_partner_are_listed_oldest_first() {
    let (mut world, jane) = world_with_jane().await;
    world.enrolled(json!({ "email": "other@example.com", "tenantId": "user_2", "username": "other" })).await;
    let additional = add_domain(&world, &world.workspace, "https://partnero.com?aff=", true).await;
    let mut expected = vec![json!({
        "id": jane["links"][0]["id"], "key": "Jane", "url": "http://acme.localhost:8080/Jane", "default": true,
        "is_additional": false, "direct_tracking": false, "direct_tracking_redirect": false,
        "direct_tracking_redirect_url": null,
    })];
    for (key, place) in [
        ("z", json!({})),
        ("y", json!({ "domain_id": additional, "is_additional": true })),
        ("x", json!({ "direct_tracking": true, "direct_tracking_redirect_url": "example.com/x" })),
    ] {
        world.app.clock.advance(std::time::Duration::from_secs(1));
        expected.push(create(&world, key, place).await.expect(201)["data"].clone());
    }
    assert_eq!(expected[2]["url"], "https://partnero.com?aff=y");
    assert_eq!(expected[2]["is_additional"], true);
    assert_eq!(list_links(&world, "user_1").await, expected);
    assert_eq!(list_links(&world, jane["id"].as_str().unwrap()).await, expected);
    assert_eq!(list_links(&world, "user_2").await.len(), 1);
}

#[tokio::test]
async fn partner_id_goes_before_tenant_id() {
    let (mut world, jane) = world_with_jane().await;
    let id = jane["id"].as_str().unwrap();
    world.enrolled(json!({ "email": "other@example.com", "tenantId": id, "username": "other" })).await;
    assert_eq!(list_links(&world, id).await[0]["key"], "Jane");
    // A tenant id can be any text.
    world.enrolled(json!({ "email": "odd@example.com", "tenantId": "a/b c:ä", "username": "odd" })).await;
    assert_eq!(list_links(&world, "a%2Fb%20c%3A%C3%A4").await[0]["key"], "odd");
}

#[tokio::test]
async fn partner_without_links_has_an_empty_list() {
    let (mut world, _) = world_with_jane().await;
    world.arrange("DELETE FROM links").await;
    assert!(list_links(&world, "user_1").await.is_empty());
}

#[tokio::test]
async fn unknown_partner_is_a_404() {
    let (world, _) = world_with_jane().await;
    let second = world.program("second.example.com").await;
    let stranger = world.app.workspace("stranger").await;
    let mut names = vec!["nobody".to_owned(), "USER_1".to_owned(), "pn_01kkntq2cnf1prr1w49pfyaa1w".to_owned()];
    names.extend(["pn_", "Jane", JANE, "%00", "%ff", "%2F", "'", ":domains"].map(str::to_owned));
    names.push("x".repeat(8_000));
    for (actor, name) in [(&second.actor, "second"), (&stranger.actor, "stranger")] {
        let body = json!({ "email": format!("{name}@example.com"), "tenantId": name });
        names.push(actor.post(PARTNERS, body).await.expect(201)["id"].as_str().unwrap().to_owned());
        names.push(name.to_owned());
    }
    for name in names {
        let answer = world.workspace.actor.get(&format!("{PARTNERS}/{name}/referral_links")).await.expect(404);
        assert_eq!(answer["message"], NOT_ENROLLED, "{name}");
        assert_eq!(answer["status"], 0);
    }
    let query = format!("?program_id={}", second.program_id);
    let elsewhere = world.workspace.actor.get(&format!("{PARTNERS}/second/referral_links{query}")).await.expect(200);
    assert_eq!(elsewhere["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn errors_have_the_form_of_the_partnero_dialect() {
    let (world, _) = world_with_jane().await;
    let actor = &world.workspace.actor;
    for base in ["", "/api", "/v1"] {
        let path = format!("{base}{PARTNERS}/user_1/referral_links");
        for (answer, status) in [
            (actor.get(&format!("{path}?limit=0")).await, 422),
            (actor.post(&path, json!({})).await, 405),
            (world.app.stranger().get(&path).await, 401),
        ] {
            let body = answer.expect(status);
            assert_eq!((&body["message"], &body["status"]), (&body["error"]["message"], &json!(0)));
            assert_eq!(body.get("errors").is_some(), status == 422);
        }
        // Paths below the list belong to neither format.
        assert!(actor.get(&format!("{path}/x")).await.expect(404).get("status").is_none());
        assert!(actor.get(&format!("{base}{PARTNERS}//referral_links")).await.expect(404).get("status").is_none());
    }
}
