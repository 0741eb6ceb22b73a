//! Both formats show the same links.

use serde_json::{Value, json};

use super::fixtures::{LINKS, create, list_links, world_with_jane};
use crate::enrollments::fixtures::{PARTNERS, World};

/// Returns id, key and URL of each link of a partner, in the Pearset format and in the Partnero dialect.
async fn both(world: &World, partner: &Value) -> [Vec<Value>; 2] {
    let shown = world.workspace.actor.get(&format!("{PARTNERS}/{}", partner["id"].as_str().unwrap())).await.expect(200);
    let pearset = shown["links"].as_array().unwrap().iter();
    let pearset = pearset.map(|link| json!([link["id"], link["key"], link["shortLink"]])).collect();
    let partnero = list_links(world, partner["tenantId"].as_str().unwrap()).await;
    let partnero = partnero.iter().map(|link| json!([link["id"], link["key"], link["url"]])).collect();
    [pearset, partnero]
}

#[tokio::test]
async fn both_formats_show_the_same_links_in_the_same_order() {
    let (world, jane) = world_with_jane().await;
    for key in ["b", "a", "C", "ä"] {
        create(&world, key, json!({})).await.expect(201);
        let [pearset, partnero] = both(&world, &jane).await;
        assert_eq!(pearset, partnero);
        assert!(pearset.iter().any(|link| link[1] == key));
    }
    for link in &both(&world, &jane).await[0] {
        let found = world.workspace.actor.get(&format!("{LINKS}/{}", link[0].as_str().unwrap())).await.expect(200);
        assert_eq!(found["data"]["url"], link[2]);
    }
}
