//! The entry to the enrollment rule for routes and imports.

use std::convert::Infallible;

use axum::extract::{FromRef, FromRequestParts};
use hyper::http::request::Parts;

use super::lookups::EnrollmentLookups;
use super::model::{EnrollRequest, Enrolled, EnrollmentView};
use super::rule::Plan;
use super::service::{Attempt, Enroll};
use crate::error::Result;
use crate::work::{Actor, Executor};

/// Finds or creates enrollments. Cheap to clone. The extractor makes all work a part of the transaction that spans the
/// request (`Idempotency-Key`), if there is such a transaction.
#[derive(Clone)]
pub struct Enroller {
    executor: Executor,
    lookups: EnrollmentLookups,
}

impl Enroller {
    /// Binds the parts together.
    #[must_use]
    pub fn new(executor: Executor, lookups: EnrollmentLookups) -> Self {
        Self { executor, lookups }
    }

    /// Finds the enrollment that a request means, or creates the enrollment. A request that finds everything in place
    /// costs one read; every other request costs that read and one transaction. The audit log records changes to an
    /// existing enrollment; a new enrollment is reported by its event.
    ///
    /// # Errors
    /// 403, 404, 409, 410 as the enrollment rule says; 503 when the database is unavailable.
    pub async fn enroll(&self, actor: impl Into<Actor>, request: EnrollRequest) -> Result<Enrolled> {
        let actor = actor.into();
        let first = self.begin(&request).await?;
        if let Plan::Nothing(enrolled) = first.plan {
            return Ok(enrolled);
        }
        self.finish(actor, request, first).await
    }

    /// Does the same as [`Enroller::enroll`] and returns a view of the enrollment. The view shows the state that the
    /// request has written or found, without the changes of concurrent requests, because the view is read in the same
    /// transaction.
    ///
    /// # Errors
    /// The errors of [`Enroller::enroll`] and [`EnrollmentView::read`].
    pub async fn enroll_and_read<V: EnrollmentView>(
        &self,
        actor: impl Into<Actor>,
        request: EnrollRequest,
    ) -> Result<V> {
        let actor = actor.into();
        let first = self.begin(&request).await?;
        self.finish(actor, request, first).await
    }

    /// Looks the candidates up and plans the first attempt.
    async fn begin(&self, request: &EnrollRequest) -> Result<Attempt> {
        let candidates = self.lookups.find(self.executor.db(), request.scope, &request.identity).await?;
        Attempt::plan(request, candidates, self.executor.now())
    }

    /// Carries the plan out and reads the view. The password of new links is hashed before the transaction, because
    /// hashing takes long.
    async fn finish<V: EnrollmentView>(&self, actor: Actor, mut request: EnrollRequest, first: Attempt) -> Result<V> {
        if let (Plan::Create { .. }, Some(partner)) = (&first.plan, &mut request.partner) {
            partner.link_props.settings.hash_password(self.executor.ids()).await?;
        }
        // Boxed: the future is large, and every item of a batch would reserve memory for the future.
        Box::pin(self.executor.run(actor, Enroll::new(request, first))).await
    }
}

impl<S> FromRequestParts<S> for Enroller
where
    S: Send + Sync,
    Executor: FromRef<S>,
    EnrollmentLookups: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> std::result::Result<Self, Infallible> {
        let executor = Executor::from_request_parts(parts, state).await?;
        Ok(Self::new(executor, EnrollmentLookups::from_ref(state)))
    }
}
