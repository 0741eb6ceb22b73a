//! Short histories of a few concurrent clients that name the same few partners. Each history must be linearizable: the
//! answers must fit some order in which the requests came one after the other.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use futures_util::stream::{self, StreamExt};
use http::Method;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::client::{Call, Outcome};
use super::enrollment_model::{Ask, Event, Saw, is_linearizable};
use super::load::{Load, TOKENS, claims};

const CLIENTS: u64 = 3;
const CALLS_EACH: usize = 3;
const AT_ONCE: usize = 8;
/// The number of tenant ids, and of e-mail addresses.
const NAMES: u8 = 2;

/// Runs `count` histories and returns the number of linearizable ones.
pub(crate) async fn check(load: &Arc<Load>, count: usize) -> Result<usize> {
    let linearizable = stream::iter(0..count).map(|number| one(load, number)).buffer_unordered(AT_ONCE);
    let linearizable: Vec<Result<bool>> = linearizable.collect().await;
    let linearizable: Vec<bool> = linearizable.into_iter().collect::<Result<_>>()?;
    Ok(linearizable.into_iter().filter(|linearizable| *linearizable).count())
}

async fn one(load: &Arc<Load>, number: usize) -> Result<bool> {
    let clients = (0..CLIENTS).map(|client| {
        let (load, seed) = (Arc::clone(load), load.seed ^ (number as u64 * CLIENTS + client) << 20);
        tokio::spawn(async move {
            let mut random = StdRng::seed_from_u64(seed);
            let mut events = Vec::new();
            for _ in 0..CALLS_EACH {
                events.push(event(&load, number, ask(&mut random)).await?);
            }
            anyhow::Ok(events)
        })
    });
    let mut history = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        history.extend(client.await??);
    }
    // Reads the final state: the partner of each tenant id.
    for tenant in 0..NAMES {
        history.push(event(load, number, Ask::Token { tenant: Some(tenant), email: None }).await?);
    }
    let linearizable = is_linearizable(&history);
    if !linearizable {
        load.tally.violation(format!("history {number} fits no order: {history:#?}"));
    }
    Ok(linearizable)
}

fn ask(random: &mut StdRng) -> Ask {
    let tenant = random.random_ratio(3, 4).then(|| random.random_range(0..NAMES));
    let email = random.random_range(0..NAMES);
    match random.random_range(0..8) {
        0 => Ask::Token { tenant: Some(random.random_range(0..NAMES)), email: None },
        1..5 => Ask::Token { tenant, email: Some(email) },
        _ => Ask::Partner { tenant, email },
    }
}

async fn event(load: &Load, number: usize, ask: Ask) -> Result<Event> {
    let call = call(number, ask);
    let begin = Instant::now();
    let outcome = load.client.send(&call).await;
    let end = Instant::now();
    let Outcome::Answer { status, body, .. } = outcome else {
        anyhow::bail!("{} {}: {outcome:?}", call.method, call.path);
    };
    let saw = match status {
        201 => Saw::Partner(partner_id(&body)?),
        404 => Saw::NotFound,
        409 => Saw::Conflict,
        _ => anyhow::bail!("{} {}: {status} {body}", call.method, call.path),
    };
    Ok(Event { ask, saw, begin, end })
}

fn call(number: usize, ask: Ask) -> Call {
    let tenant_id = |tenant: Option<u8>| tenant.map(|tenant| format!("h{number}-{tenant}"));
    let email = |email: u8| format!("h{number}-{email}@example.com");
    let (path, mut body) = match ask {
        Ask::Token { email: None, .. } => (TOKENS, json!({})),
        Ask::Token { email: Some(number), .. } => (TOKENS, json!({ "partner": { "email": email(number) } })),
        Ask::Partner { email: number, .. } => ("/partners", json!({ "email": email(number) })),
    };
    let (Ask::Token { tenant, .. } | Ask::Partner { tenant, .. }) = ask;
    if let Some(tenant) = tenant_id(tenant) {
        body["tenantId"] = json!(tenant);
    }
    Call { method: Method::POST, path: path.to_owned(), body }
}

fn partner_id(body: &Value) -> Result<String> {
    let claims = claims(body).unwrap_or_default();
    let id = claims["pid"].as_str().or(body["id"].as_str());
    id.map(str::to_owned).ok_or_else(|| anyhow::anyhow!("no partner in {body}"))
}
