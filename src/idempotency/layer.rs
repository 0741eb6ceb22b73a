//! The layer that runs a POST with an `Idempotency-Key` once: a repetition gets the same answer, and changes nothing.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, StatusCode};
use tracing::Instrument as _;

use super::{Answer, Claim, Fingerprint, IdempotencyKey, store};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::http::extract::{BodyLimit, InTransaction};
use crate::validation::{Problem, ProblemCode};
use crate::values::clock::{Clock, Timestamp};
use crate::values::id::WorkspaceId;
use crate::workspaces::Grant;

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Runs requests with an `Idempotency-Key` at most once. Cheap to clone.
#[derive(Clone)]
pub struct Idempotency {
    db: Db,
    clock: Arc<dyn Clock>,
}

impl Idempotency {
    /// Binds the parts together.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }
}

/// Answers a request whose body has this limit. A POST with an `Idempotency-Key` runs at most once.
pub async fn with_idempotency(idempotency: &Idempotency, limit: BodyLimit, request: Request, next: Next) -> Response {
    let key = match request.headers().get(IdempotencyKey::HEADER) {
        Some(value) if request.method() == Method::POST => {
            String::from_utf8_lossy(value.as_bytes()).parse::<IdempotencyKey>()
        }
        _ => return next.run(request).await,
    };
    let key = match key {
        Ok(key) => key,
        Err(error) => return error.into_response(),
    };
    // The task goes on to its end when the client goes away, so that a repetition finds the outcome.
    let task = tokio::spawn(answer(idempotency.clone(), key, limit, request, next).in_current_span());
    match task.await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => error.into_response(),
        Err(error) => Error::internal(error).into_response(),
    }
}

async fn answer(
    idempotency: Idempotency,
    key: IdempotencyKey,
    limit: BodyLimit,
    request: Request,
    next: Next,
) -> Result<Response> {
    let grant = request.extensions().get::<Arc<Grant>>().cloned();
    let grant = grant.ok_or_else(|| Error::internal("a route outside of `guard`"))?;
    let (mut parts, body) = request.into_parts();
    let body = limit.read(body).await?;
    let address = parts.uri.path_and_query().map(PathAndQuery::as_str).unwrap_or_default();
    let fingerprint = Fingerprint::of(&grant, address, &body);

    let workspace_id = grant.workspace_id;
    let transaction = idempotency.db.tenant(workspace_id).begin().await?;
    let db = transaction.db();
    let found = match claim(db, idempotency.clock.now(), workspace_id, &key, fingerprint).await {
        Ok(found) => found,
        Err(error) => {
            transaction.roll_back().await;
            return Err(error);
        }
    };
    if let Some(answer) = found {
        transaction.roll_back().await;
        return if answer.fingerprint == fingerprint { replay(answer) } else { Err(key_reused()) };
    }
    parts.extensions.insert(InTransaction(db.clone()));
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !response.status().is_success() {
        // The request changed nothing: the key is free for another attempt.
        transaction.roll_back().await;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(Error::internal)?.to_bytes();
    let answer = Arc::new((key, Answer { fingerprint, status: parts.status.as_u16(), body: body.to_vec() }));
    let now = idempotency.clock.now();
    db.tenant(workspace_id)
        .run("keep_answer", move |conn, _| {
            let answer = Arc::clone(&answer);
            Box::pin(async move { store::keep_answer(conn, workspace_id, &answer.0, &answer.1, now).await })
        })
        .await?;
    transaction.commit().await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Claims the key until the end of the transaction. Returns the stored answer of a key that was answered before.
async fn claim(
    db: &Db,
    now: Timestamp,
    workspace_id: WorkspaceId,
    key: &IdempotencyKey,
    fingerprint: Fingerprint,
) -> Result<Option<Answer>> {
    let key = key.clone();
    db.tenant(workspace_id)
        .run("claim_idempotency_key", move |conn, _| {
            let key = key.clone();
            Box::pin(async move {
                match store::claim_key(conn, workspace_id, &key, fingerprint, now).await? {
                    Claim::Claimed => Ok(None),
                    Claim::Answered(answer) => Ok(Some(answer)),
                    Claim::Running => Err(Error::conflict("A request with this Idempotency-Key is still running.")),
                }
            })
        })
        .await
}

fn replay(answer: Answer) -> Result<Response> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(Error::internal)?;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn key_reused() -> Error {
    Error::invalid(vec![Problem {
        code: ProblemCode::InvalidValue,
        path: "Idempotency-Key".to_owned(),
        message: "Was used for another request".into(),
    }])
}
