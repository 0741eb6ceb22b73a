//! Two applications with the same history.

use std::fmt::Display;
use std::mem;

use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::requests::{Request, Requests};
use super::values::Values;
use crate::support::token;
use crate::tenancy::two_tenants::{TwoTenants, shared_partner};

/// Two applications that get the same requests.
pub(super) struct Twins {
    /// Gets requests with values of the other workspace.
    first: TwoTenants,
    /// Gets requests with values that nobody has.
    second: TwoTenants,
    requests: Requests,
    values: Values,
    /// The rows of the other workspace before the first request.
    theirs: Vec<Value>,
}

impl Twins {
    pub(super) async fn start() -> Self {
        let (first, second) = tokio::join!(TwoTenants::start(), TwoTenants::start());
        let (token, _) = tokio::join!(their_token(&first), their_token(&second));
        let theirs = first.rows(&first.b).await;
        let values = Values::start(&first, &token).await;
        let mut twins = Self { first, second, requests: Requests::new(), values, theirs };
        twins.arrange().await;
        twins
    }

    /// Creates rows in the caller's workspace, so that most requests find something.
    async fn arrange(&mut self) {
        let requests = [
            ("/groups", json!({"name": "Spare"})),
            ("/tags", json!({"name": "Own"})),
            ("/partners", shared_partner()),
            ("/partners", json!({"email": "own@example.com", "tenantId": "own", "linkProps": {"externalId": "own"}})),
            ("/partners/invites", json!({"email": "invited@example.com", "tenantId": "invited"})),
        ];
        for (path, body) in requests {
            self.send(&Request::post(path, body)).await;
        }
        let path = format!("/groups/{}", self.first.a.group_id);
        self.send(&Request::get(&path)).await;
    }

    /// Sends a request to both. Panics unless the answers are the same and without data of the other workspace.
    pub(super) async fn send(&mut self, request: &Request) {
        let first = send_to(&self.first, request).await;
        let second = send_to(&self.second, &request.with(|text| self.values.nobodys(text))).await;
        let second = (second.0, self.values.theirs_again(&second.1));
        let first = json!({"status": first.0, "body": first.1});
        if let Some(difference) = difference("", &first, &json!({"status": second.0, "body": second.1})) {
            panic!("{request} reveals whether another workspace has a value: {difference}");
        }
        assert!(first["status"].as_u64() < Some(500), "{request}: {first}");
        self.values.learn(&first["body"]);
    }

    pub(super) async fn assert_the_other_workspace_is_unchanged(&self, request: &impl Display) {
        let now = self.first.rows(&self.first.b).await;
        assert!(now == self.theirs, "{request} has changed another workspace: {now:#?}");
    }

    pub(super) fn one_for_each_parameter(&self) -> Vec<Request> {
        self.requests.one_for_each_parameter(&self.values)
    }

    pub(super) fn random(&self, rng: &mut StdRng) -> Request {
        self.requests.random(&self.values, rng)
    }

    /// Swaps the workspaces: the workspace with the values becomes the caller of all further requests.
    pub(super) fn swap_callers(&mut self) {
        for tenants in [&mut self.first, &mut self.second] {
            mem::swap(&mut tenants.a, &mut tenants.b);
        }
    }
}

/// Mints a token of the other workspace. Both applications do so, which keeps their generators of ids in step.
async fn their_token(tenants: &TwoTenants) -> String {
    let token = json!({"tenantId": "only-b"});
    let token = tenants.b.actor.post("/tokens/embed/referrals", token).await.expect(201);
    token["publicToken"].as_str().unwrap().to_owned()
}

/// Returns the status and the body. Two servers have different signing keys, so a token is replaced by its claims.
async fn send_to(tenants: &TwoTenants, request: &Request) -> (u16, Value) {
    let answer = tenants.ask(request.method.clone(), &request.path, request.body.as_ref()).await;
    let mut body = answer.body;
    for holder in ["", "/data"] {
        if let Some(holder) = body.pointer_mut(holder).filter(|holder| holder["publicToken"].is_string()) {
            holder["publicToken"] = token::claims(holder);
        }
    }
    (answer.status.as_u16(), body)
}

/// Returns the first difference of two values.
fn difference(place: &str, a: &Value, b: &Value) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().find_map(|(name, member)| difference(&format!("{place}.{name}"), member, &b[name]))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(index, (a, b))| difference(&format!("{place}[{index}]"), a, b))
        }
        _ => (a != b).then(|| format!("{place}: {a} or {b}")),
    }
}
