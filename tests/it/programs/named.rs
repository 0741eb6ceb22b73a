//! A request that names a program acts on that program only, whichever program is the default.
#![expect(clippy::disallowed_methods, reason = "reads the tables")]

use axum::body::Body;
use http::Method;
use http::header::CONTENT_TYPE;
use pearset::testing::domains::LinkAddress;
use pearset::testing::programs::update_default_program;
use pearset::testing::values::ProgramScope;
use pearset::testing::values::id::ProgramId;
use pearset::testing::workspaces::Scope;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::contract::requests::{KNOWN, World};

/// Returns the member by which an operation takes the program, if any.
fn program_field(contract: &Value, operation: &crate::support::openapi::Operation) -> Option<&'static str> {
    let described = &contract["paths"][&operation.path][operation.method.as_str().to_lowercase()];
    let resolve = |described: &Value| match described["$ref"].as_str() {
        Some(reference) => contract.pointer(&reference[1..]).unwrap().clone(),
        None => described.clone(),
    };
    ["programId", "program_id"].into_iter().find(|name| {
        let mut parameters = described["parameters"].as_array().into_iter().flatten().map(resolve);
        let body = resolve(&described["requestBody"]["content"]["application/json"]["schema"]);
        let parts = body["allOf"].as_array().into_iter().flatten().map(resolve);
        parameters.any(|parameter| parameter["name"] == **name)
            || std::iter::once(body.clone()).chain(parts).any(|schema| schema["properties"].get(name).is_some())
    })
}

/// Returns all rows of a program.
async fn rows(world: &World, program_id: ProgramId) -> Vec<Value> {
    let conn = &mut world.app.sql().await;
    let tables = "SELECT table_name::text FROM information_schema.columns
                  WHERE table_schema = 'public' AND column_name = 'program_id' ORDER BY 1";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *conn).await.unwrap();
    let mut rows = Vec::new();
    for table in tables {
        let all = format!("SELECT to_jsonb(t) FROM {table} t WHERE program_id = $1 ORDER BY t::text");
        rows.extend(
            sqlx::query_scalar::<_, Value>(AssertSqlSafe(all)).bind(program_id).fetch_all(&mut *conn).await.unwrap(),
        );
    }
    rows
}

async fn second_program(world: &World) -> ProgramId {
    let address = LinkAddress::served("go.second.example.com".parse().unwrap());
    let id = world.app.create_program(world.workspace.id, address).await.id;
    for (email, tenant_id) in [("known@example.com", Some(KNOWN)), ("watched@example.com", None)] {
        let mut body = json!({"email": email, "programId": id.to_string()});
        if let Some(tenant_id) = tenant_id {
            body["tenantId"] = tenant_id.into();
        }
        world.workspace.actor.post("/partners", body).await.expect(201);
    }
    id
}

#[tokio::test]
async fn a_request_that_names_a_program_changes_no_other_program() {
    let world = World::start().await;
    let contract = world.app.stranger().get("/openapi.json").await.expect(200);
    let first = world.workspace.program_id;
    let second = second_program(&world).await;
    let scope = |program_id| ProgramScope { workspace_id: world.workspace.id, program_id };
    let conn = &mut world.app.sql().await;
    let mut tried = 0;
    for request in world.requests() {
        let Some(field) = program_field(&contract, &request.operation) else { continue };
        // Arranged while the first program is the default, then sent while the second program is the default.
        update_default_program(conn, scope(first)).await.unwrap();
        request.arrange().await;
        update_default_program(conn, scope(second)).await.unwrap();
        let before = rows(&world, second).await;
        let actor = world.app.actor_with(&world.workspace, &[Scope::ApisAll]).await;
        let (method, mut path) = (request.operation.method.clone(), request.path.clone());
        let mut body = request.body.clone();
        if [Method::GET, Method::DELETE].contains(&method) || body.as_ref().is_some_and(Value::is_array) {
            path = format!("{path}{}{field}={first}", if path.contains('?') { '&' } else { '?' });
        } else {
            body.as_mut().unwrap()[field] = json!(first.to_string());
        }
        let head = actor.request(method.clone(), &path).header(CONTENT_TYPE, "application/json");
        let answer =
            actor.send(head.body(body.map_or_else(Body::empty, |body| body.to_string().into())).unwrap()).await;
        assert_eq!(answer.status, request.success(), "{method} {path}: {}", answer.body);
        assert_eq!(rows(&world, second).await, before, "{method} {path}");
        tried += 1;
    }
    assert!(tried >= 15, "only {tried} operations");
}
