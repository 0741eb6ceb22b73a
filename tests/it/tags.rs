//! `/tags`.

use serde_json::{Value, json};

use crate::enrollments::fixtures::World;

const TAGS: &str = "/tags";

fn path(tag: &Value) -> String {
    format!("{TAGS}/{}", tag["id"].as_str().unwrap())
}

async fn create_tag(world: &World, body: Value) -> Value {
    world.workspace.actor.post(TAGS, body).await.expect(201)
}

/// Returns the names that a list shows.
async fn names(world: &World, query: &str) -> Vec<String> {
    let tags = world.workspace.actor.get(&format!("{TAGS}{query}")).await.expect(200);
    tags.as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn new_tag_has_the_given_color_or_a_random_one() {
    let world = World::start().await;
    let tag = create_tag(&world, json!({ "name": "  Autumn ", "color": "brown" })).await;
    assert_eq!(tag, json!({ "id": tag["id"], "name": "Autumn", "color": "brown" }));
    assert_eq!(create_tag(&world, json!({ "tag": "as older clients say" })).await["name"], "as older clients say");
    assert_eq!(create_tag(&world, json!({ "name": "counts", "tag": "other" })).await["name"], "counts");
    assert_eq!(names(&world, "").await, ["as older clients say", "Autumn", "counts"]);
}

#[tokio::test]
async fn name_is_unique_in_a_workspace_in_any_case() {
    let mut world = World::start().await;
    let tag = create_tag(&world, json!({ "name": "Äpfel" })).await;
    let other = create_tag(&world, json!({ "name": "other" })).await;
    let actor = world.workspace.actor.clone();
    for name in ["Äpfel", "äPFEL", " äpfel "] {
        let taken = "A tag with this name exists already.";
        assert_eq!(actor.post(TAGS, json!({ "name": name })).await.expect_error(409), taken, "{name}");
        assert_eq!(actor.patch(&path(&other), json!({ "name": name })).await.expect_error(409), taken, "{name}");
    }
    // A tag can get its own name in another case.
    assert_eq!(actor.patch(&path(&tag), json!({ "name": "ÄPFEL" })).await.expect(200)["name"], "ÄPFEL");
    world.enter("other").await;
    create_tag(&world, json!({ "name": "Äpfel" })).await;
}

#[tokio::test]
async fn list_is_sorted_searched_and_paged() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for name in ["banana", "Apple", "100%_", "cherry"] {
        ids.push(create_tag(&world, json!({ "name": name })).await["id"].as_str().unwrap().to_owned());
        world.app.clock.advance(std::time::Duration::from_secs(1));
    }
    let (first, third) = (&ids[0], &ids[2]);
    for (query, expected) in [
        (String::new(), vec!["100%_", "Apple", "banana", "cherry"]),
        ("?sortOrder=desc".to_owned(), vec!["cherry", "banana", "Apple", "100%_"]),
        ("?sortBy=createdAt".to_owned(), vec!["banana", "Apple", "100%_", "cherry"]),
        ("?sortBy=createdAt&sortOrder=desc".to_owned(), vec!["cherry", "100%_", "Apple", "banana"]),
        ("?search=AP".to_owned(), vec!["Apple"]),
        ("?search=%25_".to_owned(), vec!["100%_"]),
        ("?search=nothing".to_owned(), vec![]),
        (format!("?ids={third},{first}"), vec!["100%_", "banana"]),
        (format!("?ids={third}&ids={first}"), vec!["100%_", "banana"]),
        (format!("?ids=x,{first}"), vec!["banana"]),
        ("?ids=".to_owned(), vec![]),
        ("?page=2&pageSize=3".to_owned(), vec!["cherry"]),
        ("?page=3&pageSize=3".to_owned(), vec![]),
    ] {
        assert_eq!(names(&world, &query).await, expected, "{query}");
    }
    for (query, place) in [
        ("?sortBy=color", "sortBy"),
        ("?sortOrder=up", "sortOrder"),
        ("?page=0", "page"),
        ("?page=1&page=2", "page"),
        ("?pageSize=101", "pageSize"),
    ] {
        let message = world.workspace.actor.get(&format!("{TAGS}{query}")).await.expect_error(422);
        assert!(message.contains(&format!(": {place}: ")), "{query}: {message}");
    }
}

#[tokio::test]
async fn change_affects_only_given_members_and_shows_on_links() {
    let world = World::start().await;
    let tag = create_tag(&world, json!({ "name": "Autumn", "color": "brown" })).await;
    let partner = json!({ "email": "jane@example.com", "linkProps": { "tagIds": tag["id"] } });
    let partner = world.partner(partner).await.expect(201);
    let link = format!("/links/{}", partner["links"][0]["id"].as_str().unwrap());
    let actor = &world.workspace.actor;
    for (body, name, color) in [
        (json!({}), "Autumn", "brown"),
        (json!({ "color": "gray" }), "Autumn", "gray"),
        (json!({ "name": "Fall" }), "Fall", "gray"),
        (json!({ "tag": "Winter", "color": "blue" }), "Winter", "blue"),
    ] {
        let changed = actor.patch(&path(&tag), body.clone()).await.expect(200);
        assert_eq!(changed, json!({ "id": tag["id"], "name": name, "color": color }), "{body}");
        assert_eq!(actor.get(&link).await.expect(200)["tags"], json!([changed]), "{body}");
    }
    assert_eq!(actor.delete(&path(&tag)).await.expect(200), json!({ "id": tag["id"] }));
    let shown = actor.get(&link).await.expect(200);
    assert_eq!((&shown["tags"], &shown["tagId"]), (&json!([]), &json!(null)));
    for answer in [actor.delete(&path(&tag)).await, actor.patch(&path(&tag), json!({ "name": "x" })).await] {
        assert_eq!(answer.expect_error(404), "The tag does not exist.");
    }
    assert_eq!(actor.delete("/tags/Winter").await.status, 404);
}

#[tokio::test]
async fn problems_have_paths() {
    let world = World::start().await;
    let tag = create_tag(&world, json!({ "name": "Autumn" })).await;
    for (body, message) in [
        (json!({ "name": "" }), "too_small: name: "),
        (json!({ "name": "   " }), "too_small: name: "),
        (json!({ "name": "ä".repeat(51) }), "too_big: name: "),
        (json!({ "name": null }), "invalid_type: name: "),
        (json!({ "tag": 1 }), "invalid_type: tag: "),
        (json!({ "name": "a\u{0}b" }), "invalid_format: name: "),
        (json!({ "name": "a", "color": "black" }), "invalid_value: color: "),
        (json!({ "name": "a", "color": "Red" }), "invalid_value: color: "),
        (json!({ "name": "a", "color": null }), "invalid_type: color: "),
    ] {
        for answer in [
            world.workspace.actor.post(TAGS, body.clone()).await,
            world.workspace.actor.patch(&path(&tag), body.clone()).await,
        ] {
            let found = answer.expect_error(422);
            assert!(found.starts_with(message), "{body}: {found}");
        }
    }
    let missing = world.workspace.actor.post(TAGS, json!({ "color": "red" })).await.expect_error(422);
    assert_eq!(missing, "invalid_type: name: Required");
    assert_eq!(names(&world, "").await, ["Autumn"]);
}
