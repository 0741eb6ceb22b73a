//! The members `links` and `meta` of the pages of both lists.

use serde_json::{Value, json};

use super::fixtures::{add_domain, create, world_with_jane};
use crate::enrollments::fixtures::World;

const LIST: &str = "/partners/user_1/referral_links";
const DOMAINS: &str = "/partner_referral_links:domains";
const SERVER: &str = "https://partners.example.com";

/// Starts a program with five domains, in which Jane has five links.
async fn world_with_five() -> World {
    let (world, _) = world_with_jane().await;
    for index in 0..4 {
        world.app.clock.advance(std::time::Duration::from_secs(1));
        create(&world, &format!("key-{index}"), json!({})).await.expect(201);
        add_domain(&world, &world.workspace, &format!("https://d{index}.example.com/"), true).await;
    }
    world
}

async fn page(world: &World, path: &str) -> Value {
    world.workspace.actor.get(path).await.expect(200)
}

#[tokio::test]
async fn page_names_the_first_the_previous_and_the_next_page() {
    let world = world_with_five().await;
    for list in [LIST, DOMAINS] {
        let all = page(&world, list).await["data"].as_array().unwrap().clone();
        assert_eq!(all.len(), 5);
        // The query, the page's number, limit and range, and the numbers of the previous and the next page.
        for (query, current, limit, range, prev, next) in [
            ("", 1, 10, 0..5, None, None),
            ("?limit=5", 1, 5, 0..5, None, None),
            ("?limit=4", 1, 4, 0..4, None, Some(2)),
            ("?limit=4&page=2", 2, 4, 4..5, Some(1), None),
            ("?limit=4&page=3", 3, 4, 5..5, Some(2), None),
            ("?limit=2&page=1", 1, 2, 0..2, None, Some(2)),
            ("?limit=2&page=2", 2, 2, 2..4, Some(1), Some(3)),
            ("?page=2&limit=2", 2, 2, 2..4, Some(1), Some(3)),
            ("?limit=2&page=3", 3, 2, 4..5, Some(2), None),
            ("?limit=1&page=5", 5, 1, 4..5, Some(4), None),
            ("?limit=1&page=6", 6, 1, 5..5, Some(5), None),
            ("?limit=250&page=2147483647", 2_147_483_647, 250, 5..5, Some(2_147_483_646), None),
        ] {
            let answer = page(&world, &format!("{list}{query}")).await;
            assert_eq!(answer["data"], json!(all[range.clone()]), "{query}");
            let kept = if query.contains("limit") { format!("limit={limit}&") } else { String::new() };
            let at = |page: u32| format!("{SERVER}{list}?{kept}page={page}");
            assert_eq!(
                answer["links"],
                json!({ "first": at(1), "last": null, "prev": prev.map(at), "next": next.map(at) }),
                "{query}"
            );
            let full = !range.is_empty();
            assert_eq!(
                answer["meta"],
                json!({
                    "current_page": current, "per_page": limit, "path": format!("{SERVER}{list}"),
                    "from": full.then_some(range.start + 1), "to": full.then_some(range.end),
                }),
                "{query}"
            );
            assert_eq!(answer["status"], 1);
        }
    }
}

/// A client that follows `next` sees each item once and reaches an end.
#[tokio::test]
async fn next_urls_cover_the_list() {
    let world = world_with_five().await;
    for base in ["", "/api", "/v1"] {
        for list in [LIST, DOMAINS] {
            let all = page(&world, list).await["data"].as_array().unwrap().clone();
            let (mut seen, mut pages) = (Vec::new(), 0);
            let mut next = format!("{base}{list}?limit=2&program_id={}&x=a%26b+%C3%A4&x=2", world.workspace.program_id);
            loop {
                let answer = page(&world, &next).await;
                seen.extend(answer["data"].as_array().unwrap().clone());
                pages += 1;
                let first = answer["links"]["first"].as_str().unwrap();
                let expected = format!(
                    "{SERVER}{base}{list}?limit=2&program_id={}&x=a%26b+%C3%A4&x=2&page=1",
                    world.workspace.program_id
                );
                assert_eq!(first, expected);
                match answer["links"]["next"].as_str() {
                    Some(url) => next = url.strip_prefix(SERVER).unwrap().to_owned(),
                    None => break,
                }
            }
            assert_eq!((pages, seen), (3, all), "{base}{list}");
        }
    }
}

#[tokio::test]
async fn invalid_page_or_limit_is_a_422() {
    let world = World::start().await;
    for (query, problem) in [
        ("?limit=0", "too_small: limit: Must be at least 1"),
        ("?limit=251", "too_big: limit: Must be at most 250"),
        ("?limit=x&page=0", "invalid_type: limit: Expected an integer"),
        ("?page=0", "too_small: page: Must be at least 1"),
        ("?page=2147483648", "too_big: page: Must be at most 2147483647"),
        ("?page=", "invalid_type: page: Expected an integer"),
        ("?page=1&page=2", "invalid_type: page: Expected a string"),
        ("?program_id=%00", "invalid_format: program_id: Must not contain control characters"),
    ] {
        for list in [LIST, DOMAINS] {
            let body = world.workspace.actor.get(&format!("{list}{query}")).await.expect(422);
            assert_eq!(body["message"], problem, "{query}");
        }
    }
}
