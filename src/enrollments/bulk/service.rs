//! Enrollment of many partners.

use std::pin::pin;

use super::batch::Batch;
use crate::access::{Caller, WritePartners};
use crate::enrollments::enroll::{EnrollRequest, Enroller, Origin};
use crate::enrollments::request::CreatePartnerRequest;
use crate::enrollments::response::EnrolledPartner;
use crate::error::{Error, Result};
use crate::http::time_limit::TimeLimit;
use crate::values::ProgramScope;

/// The most items of one request that are in progress at the same time: a part of the database sessions, so that other
/// requests find sessions, too.
pub const CONCURRENCY: usize = 4;

/// Enrolls partners and returns the outcome of each item, in the order of the items. Items that name no program are
/// enrolled in the program of `scope`. Shortly before the end of the request's time, the rest of the items is given up.
pub(super) async fn create_partners(
    enroller: &Enroller,
    caller: &Caller<WritePartners>,
    scope: ProgramScope,
    items: Vec<Result<CreatePartnerRequest>>,
    limit: TimeLimit,
) -> Vec<Result<EnrolledPartner>> {
    let mut outcomes: Vec<Option<Result<EnrolledPartner>>> = Vec::with_capacity(items.len());
    let mut requests = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        match item {
            Ok(request) => {
                requests.push((index, request));
                outcomes.push(None);
            }
            Err(refused) => outcomes.push(Some(Err(refused))),
        }
    }
    let work = |request: CreatePartnerRequest| {
        let (enroller, caller) = (enroller.clone(), caller.clone());
        async move {
            let scope = match request.program {
                Some(named) => caller.program(Some(named)).await?,
                None => scope,
            };
            let request = EnrollRequest::for_partner(scope, Origin::Workspace, request.partner);
            enroller.enroll_and_read(&caller, request).await
        }
    };
    let mut batch = Batch::new(requests, CONCURRENCY, work);
    let mut end = pin!(limit.nearly_over());
    loop {
        tokio::select! {
            done = batch.next() => match done {
                Some((index, outcome)) => outcomes[index] = Some(outcome),
                None => break,
            },
            () = &mut end => break,
        }
    }
    let not_done = || Err(Error::unavailable("the time was over before the item was done"));
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(not_done)).collect()
}
