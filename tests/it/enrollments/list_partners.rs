//! `GET /partners`: filters, orders and pages.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::fixtures::{PARTNERS, World};

/// The members that a list can be sorted by, as the query and the answer spell them.
const SORTS: [&str; 8] = [
    "createdAt",
    "totalClicks",
    "totalLeads",
    "totalConversions",
    "totalSales",
    "totalSaleAmount",
    "totalCommissions",
    "netRevenue",
];

/// Returns the local parts of the e-mail addresses of a list, in the order of the list.
fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|partner| partner["email"].as_str().unwrap().split_once('@').unwrap().0).collect()
}

async fn list(world: &World, query: &str) -> Value {
    world.workspace.actor.get(&format!("{PARTNERS}?{query}")).await.expect(200)
}

/// Returns the names of the listed partners in alphabetical order, and checks that the count is the same.
pub(super) async fn found(world: &World, query: &str) -> String {
    let all = list(world, query).await;
    let mut names = names(&all);
    names.sort_unstable();
    let count = world.workspace.actor.get(&format!("{PARTNERS}/count?{query}")).await.expect(200);
    assert_eq!(count, names.len(), "the count of {query}");
    names.join(" ")
}

/// Enrolls four partners with different totals; `loss` has cost more than the partner has earned for the program.
async fn with_figures() -> World {
    let mut world = World::start().await;
    for name in ["none", "loss", "some", "most"] {
        world.app.clock.advance(Duration::from_secs(1));
        world.enrolled(json!({ "email": format!("{name}@example.com"), "username": name })).await;
    }
    for (name, [clicks, leads, conversions, sales, sale_amount], commissions) in
        [("loss", [9, 2, 1, 1, 100], 5_000), ("some", [5, 3, 2, 2, 5_000], 10), ("most", [7, 4, 3, 3, 9_000], 600)]
    {
        let counters = json!({
            "clicks": clicks, "leads": leads, "conversions": conversions, "sales": sales, "sale_amount": sale_amount,
        });
        world.counted(&format!("key = '{name}'"), counters).await;
        let enrollment = format!("partner_id = (SELECT id FROM partners WHERE email = '{name}@example.com')");
        world.earned(&enrollment, commissions).await;
    }
    world
}

#[tokio::test]
async fn every_order_works_in_both_directions() {
    let world = with_figures().await;
    for (sort, ascending) in [
        ("createdAt", ["none", "loss", "some", "most"]),
        ("totalClicks", ["none", "some", "most", "loss"]),
        ("totalLeads", ["none", "loss", "some", "most"]),
        ("totalConversions", ["none", "loss", "some", "most"]),
        ("totalSales", ["none", "loss", "some", "most"]),
        ("totalSaleAmount", ["none", "loss", "some", "most"]),
        ("totalCommissions", ["none", "some", "most", "loss"]),
        ("netRevenue", ["loss", "none", "some", "most"]),
    ] {
        let up = list(&world, &format!("sortBy={sort}&sortOrder=asc")).await;
        assert_eq!(names(&up), ascending, "{sort}");
        let mut descending = ascending;
        descending.reverse();
        for query in [format!("sortBy={sort}&sortOrder=desc"), format!("sortBy={sort}")] {
            assert_eq!(names(&list(&world, &query).await), descending, "{query}");
        }
        // With a filter on the partner, the list runs another statement.
        let filtered = list(&world, &format!("sortBy={sort}&sortOrder=asc&search=EXAMPLE")).await;
        assert_eq!(filtered, up, "{sort}");
    }
    assert_eq!(names(&list(&world, "").await), ["most", "some", "loss", "none"]);
}

#[tokio::test]
async fn listed_partner_equals_the_retrieved_partner() {
    let world = with_figures().await;
    world
        .workspace
        .actor
        .post("/partner_referral_links", json!({ "key": "extra", "partner": { "key": "some" } }))
        .await
        .expect(201);
    let list = list(&world, "").await;
    for partner in list.as_array().unwrap() {
        let retrieved = world.workspace.actor.get(&format!("{PARTNERS}/{}", partner["id"].as_str().unwrap())).await;
        assert_eq!(retrieved.expect(200), *partner);
    }
    let (some, loss) = (&list[1], &list[2]);
    assert_eq!(some["links"].as_array().unwrap().len(), 2);
    assert_eq!((&some["links"][0]["saleAmount"], &some["totalSaleAmount"]), (&json!(5_000), &json!(5_000)));
    assert_eq!((&loss["netRevenue"], &loss["totalClicks"]), (&json!(-4_900), &json!(9)));
}

#[tokio::test]
async fn pages_list_every_partner_once_even_if_totals_are_equal() {
    let mut world = World::start().await;
    for index in 0..23 {
        world.enrolled(json!({ "email": format!("p{index}@example.com") })).await;
    }
    // Some partners differ, most are equal. Of the equal ones, some have counted nothing and some only another total.
    world.counted("key IN ('p3', 'p4', 'p20')", json!({ "clicks": 1 })).await;
    world.counted("key IN ('p0', 'p7', 'p11', 'p22')", json!({ "last_clicked": "2026-03-01T00:00:00Z" })).await;
    // The net revenue of one partner is below the equal ones.
    world.earned("id = (SELECT max(id::text)::uuid FROM enrollments)", 5).await;
    for sort in SORTS {
        let mut orders = Vec::new();
        for order in ["asc", "desc"] {
            let whole = list(&world, &format!("sortBy={sort}&sortOrder={order}")).await;
            let mut pages = Vec::new();
            for page in 1..=5 {
                let query = format!("sortBy={sort}&sortOrder={order}&page={page}&pageSize=5");
                pages.extend(list(&world, &query).await.as_array().unwrap().clone());
            }
            assert_eq!(json!(pages), whole, "{sort} {order}");
            assert_eq!(names(&whole).into_iter().collect::<BTreeSet<_>>().len(), 23);
            assert_eq!(list(&world, &format!("sortBy={sort}&sortOrder={order}&page=6&pageSize=5")).await, json!([]));
            orders.push(pages);
        }
        orders[1].reverse();
        assert_eq!(orders[0], orders[1], "{sort}: ties are broken in the same direction");
    }
    assert_eq!(list(&world, "page=1000000").await, json!([]));
}

#[tokio::test]
async fn page_has_100_partners_by_default() {
    let mut world = World::start().await;
    world.enrolled(json!({ "email": "p@example.com" })).await;
    world
        .arrange(
            "WITH copied AS (
                 INSERT INTO partners (workspace_id, id, email, email_normalized, created_at)
                 SELECT p.workspace_id, gen_random_uuid(), n || p.email, n || p.email, p.created_at
                 FROM partners p, generate_series(1, 120) n RETURNING *)
             INSERT INTO enrollments (workspace_id, id, program_id, partner_id, group_id, status, created_at)
             SELECT e.workspace_id, gen_random_uuid(), e.program_id, c.id, e.group_id, e.status, e.created_at
             FROM copied c, enrollments e",
        )
        .await;
    for (query, length) in
        [("", 100), ("page=2", 21), ("pageSize=100", 100), ("pageSize=1", 1), ("page=41&pageSize=3", 1)]
    {
        assert_eq!(list(&world, query).await.as_array().unwrap().len(), length, "{query}");
    }
}

/// Enrolls partners of two groups, with several countries, statuses and names.
async fn with_variety() -> World {
    let mut world = World::start().await;
    world.group("vip", &[]).await;
    for (name, country, group, tenant_id, full_name) in [
        ("ann", "DE", "default", "t-1", "Ann Ōe"),
        ("bob", "DE", "vip", "t-2", "Bob Šmíd"),
        ("cat", "FR", "vip", "T-1", "Cat O'Hara_%"),
        ("dan", "FR", "default", "t 3", "Фёдор Бобов"),
    ] {
        let body = json!({
            "email": format!("{name}@Example.com"), "country": country, "groupId": group, "tenantId": tenant_id,
            "name": full_name,
        });
        world.enrolled(body).await;
    }
    world.enrolled(json!({ "email": "eve@other.org" })).await;
    for (name, status) in [("bob", "banned"), ("cat", "deactivated"), ("dan", "pending")] {
        world
            .arrange(&format!(
                "UPDATE enrollments e SET status = '{status}', application_id = e.id FROM partners p
                 WHERE p.id = e.partner_id AND p.email_normalized = '{name}@example.com'"
            ))
            .await;
    }
    world.arrange("UPDATE partners SET company_name = 'Bob & Söhne' WHERE email LIKE 'ann@%'").await;
    world
}

#[tokio::test]
async fn each_filter_lists_the_matching_partners() {
    let world = with_variety().await;
    let vip = list(&world, "groupId=vip").await[0]["groupId"].as_str().unwrap().to_owned();
    for (query, expected) in [
        ("", "ann bob cat dan eve"),
        ("status=approved", "ann eve"),
        ("status=banned", "bob"),
        ("status=pending", "dan"),
        ("status=archived", ""),
        ("groupId=vip", "bob cat"),
        (&format!("groupId={vip}"), "bob cat"),
        ("groupId=default", "ann dan eve"),
        ("groupId=nothing", ""),
        ("groupId=", ""),
        ("groupId=grp_01kc7daecne8pte1t5e8rhb1zj", ""),
        ("country=DE", "ann bob"),
        ("country=FR", "cat dan"),
        ("country=US", ""),
        ("email=BOB@example.COM", "bob"),
        ("email=nobody@example.com", ""),
        ("tenantId=t-1", "ann"),
        ("tenantId=T-1", "cat"),
        ("tenantId=t+3", "dan"),
        ("tenantId=t", ""),
        // Several filters at once.
        ("status=banned&country=DE", "bob"),
        ("status=banned&country=FR", ""),
        ("groupId=vip&country=DE", "bob"),
        ("groupId=vip&status=deactivated&country=FR&search=cat", "cat"),
        ("groupId=default&country=FR&tenantId=t+3&status=pending", "dan"),
        ("groupId=default&tenantId=T-1", ""),
    ] {
        assert_eq!(found(&world, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn tenant_id_precedes_email_and_email_precedes_search() {
    let world = with_variety().await;
    for (query, expected) in [
        ("tenantId=t-1&email=bob@example.com&search=cat", "ann"),
        ("tenantId=nobody&email=bob@example.com", ""),
        ("email=bob@example.com&search=cat", "bob"),
        ("search=cat&email=nobody@example.com", ""),
        ("search=cat&tenantId=t-2", "bob"),
    ] {
        assert_eq!(found(&world, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn search_finds_an_id_an_email_address_or_words() {
    let world = with_variety().await;
    let ann = list(&world, "email=ann@example.com").await[0]["id"].as_str().unwrap().to_owned();
    let one_digit_less = &ann[..ann.len() - 1];
    for (search, expected) in [
        (ann.as_str(), "ann"),
        (one_digit_less, ""),
        ("pn_01kkntq2cnf1prr1w49pfyaa1w", ""),
        ("Ann@EXAMPLE.com", "ann"),
        // A text of the form of an e-mail address must be the whole address.
        ("an@example.com", ""),
        ("@example.com", "ann bob cat dan"),
        ("example", "ann bob cat dan"),
        ("other.org", "eve"),
        // Words match name, e-mail address and company, in any order and case.
        ("BOB", "ann bob"),
        ("bob+ann", "ann"),
        ("ann+bob", "ann"),
        ("söhne+ANN", "ann"),
        ("S%C3%96HNE", "ann"),
        ("ōE", "ann"),
        ("šMÍD", "bob"),
        ("ФЁДОР", "dan"),
        ("бобов+фёдор", "dan"),
        ("бобов+ann", ""),
        ("++cat++", "cat"),
        // No character has a special meaning.
        ("%25", "cat"),
        ("_", "cat"),
        ("_%25", "cat"),
        ("a%25", ""),
        ("a.n", ""),
        (".*", ""),
        ("^ann", ""),
        ("o'hara", "cat"),
        ("%26", "ann"),
        ("%5C", ""),
        ("(", ""),
        ("%5Ba-z%5D", ""),
        ("a%7Cb", ""),
        ("***:x", ""),
        ("%00", ""),
        // An empty search lists everybody.
        ("", "ann bob cat dan eve"),
        ("+", "ann bob cat dan eve"),
    ] {
        let query = format!("search={}", encode(search));
        if search == "%00" {
            world.workspace.actor.get(&format!("{PARTNERS}?{query}")).await.expect(422);
            continue;
        }
        assert_eq!(found(&world, &query).await, expected, "{search}");
    }
}

/// Encodes a text for a query, but leaves encoded characters as they are.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_graphic() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect::<String>()
        .replace('^', "%5E")
}

#[tokio::test]
async fn invalid_value_is_rejected_with_its_path() {
    let world = World::start().await;
    let long = |name: &str, length: usize| format!("{name}={}", "a".repeat(length));
    for (query, path) in [
        ("status=Approved", "status"),
        ("status=", "status"),
        ("country=de", "country"),
        ("country=XX", "country"),
        ("email=jane", "email"),
        ("tenantId=", "tenantId"),
        (&long("tenantId", 256), "tenantId"),
        (&long("search", 256), "search"),
        ("search=%01", "search"),
        ("sortBy=name", "sortBy"),
        ("sortBy=earningsPerClick", "sortBy"),
        ("sortBy=total_clicks", "sortBy"),
        ("sortBy=", "sortBy"),
        ("sortOrder=DESC", "sortOrder"),
        ("sortOrder=up", "sortOrder"),
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=1.5", "page"),
        ("page=x", "page"),
        ("page=1000001", "page"),
        ("pageSize=0", "pageSize"),
        ("pageSize=101", "pageSize"),
        ("pageSize=", "pageSize"),
    ] {
        let body = world.workspace.actor.get(&format!("{PARTNERS}?{query}")).await.expect(422);
        assert_eq!(body["error"]["errors"][0]["path"], path, "{query}: {body}");
    }
    // All problems are reported, in the order of the document.
    let all = "page=0&sortOrder=x&sortBy=x&search=%01&email=x&tenantId=&country=x&status=x&groupId=%01&pageSize=x";
    let body = world.workspace.actor.get(&format!("{PARTNERS}?{all}")).await.expect(422);
    let paths: Vec<_> = body["error"]["errors"].as_array().unwrap().iter().map(|it| it["path"].as_str()).collect();
    let expected =
        ["groupId", "status", "country", "tenantId", "email", "search", "sortBy", "sortOrder", "page", "pageSize"];
    assert_eq!(paths, expected.map(Some));
    // Unknown parameters are ignored.
    assert_eq!(list(&world, "x=y&name=z").await, json!([]));
}

#[tokio::test]
async fn list_has_only_partners_of_the_program() {
    let mut world = World::start().await;
    let first = world.enrolled(json!({ "email": "jane@example.com", "tenantId": "t", "name": "First" })).await;
    let second = world.program("go.second.example.com").await;
    let in_second = second.actor.post(PARTNERS, json!({ "email": "jane@example.com", "tenantId": "t" })).await;
    let in_second = in_second.expect(201);
    let other = world.app.workspace("other").await;
    let elsewhere = other.actor.post(PARTNERS, json!({ "email": "jane@example.com", "tenantId": "t" })).await;
    let elsewhere = elsewhere.expect(201);
    // A link of the second program is not shown in the first program.
    second.actor.post("/partner_referral_links", json!({ "key": "x", "partner": { "id": "t" } })).await.expect(201);
    let in_second = second.actor.get(&format!("{PARTNERS}/{}", in_second["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(in_second["links"].as_array().unwrap().len(), 2);
    for query in ["", "tenantId=t", "email=jane@example.com", "search=jane", "groupId=default", "status=approved"] {
        for (actor, expected) in
            [(&world.workspace.actor, &first), (&second.actor, &in_second), (&other.actor, &elsewhere)]
        {
            assert_eq!(actor.get(&format!("{PARTNERS}?{query}")).await.expect(200), json!([expected]), "{query}");
            assert_eq!(actor.get(&format!("{PARTNERS}/count?{query}")).await.expect(200), 1, "{query}");
        }
        let named = format!("{PARTNERS}?{query}&programId={}", second.program_id);
        assert_eq!(world.workspace.actor.get(&named).await.expect(200), json!([in_second]), "{query}");
    }
    for (path, id) in [(PARTNERS, other.program_id), (PARTNERS, other.program_id)] {
        world.workspace.actor.get(&format!("{path}?programId={id}")).await.expect(404);
    }
    // A group of the other program does not exist in this program.
    let query = format!("{PARTNERS}?groupId={}", second.group_id);
    assert_eq!(world.workspace.actor.get(&query).await.expect(200), json!([]));
}
