//! Concurrent work on many requests.

use std::collections::{BTreeMap, VecDeque};
use std::panic;

use tokio::task::JoinSet;

use super::chains::chains;
use crate::enrollments::CreatePartnerRequest;

/// Requests that share an e-mail address or a tenant id, in their order, each with its number.
type Chain = VecDeque<(usize, CreatePartnerRequest)>;

/// Requests in progress. Dropping the batch begins no further request; work that has begun in the database runs to its
/// end.
pub struct Batch<W, R> {
    work: W,
    waiting: VecDeque<Chain>,
    concurrency: usize,
    is_stopped: bool,
    /// The number, the result and the rest of the chain of each request in progress.
    running: JoinSet<(usize, R, Chain)>,
}

impl<W, F, R> Batch<W, R>
where
    W: Fn(CreatePartnerRequest) -> F,
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    /// Creates a batch in which at most `concurrency` requests run at the same time. Requests that depend on each
    /// other run one after the other, in their order.
    pub fn new(requests: Vec<(usize, CreatePartnerRequest)>, concurrency: usize, work: W) -> Self {
        let numbers = chains(&requests);
        let mut waiting: BTreeMap<usize, Chain> = BTreeMap::new();
        for (number, request) in numbers.into_iter().zip(requests) {
            waiting.entry(number).or_default().push_back(request);
        }
        Self { work, waiting: waiting.into_values().collect(), concurrency, is_stopped: false, running: JoinSet::new() }
    }

    /// Begins no further request.
    pub fn stop(&mut self) {
        self.is_stopped = true;
        self.waiting.clear();
    }

    /// Returns the next result with the number of its request; `None` when all requests are done; in a stopped batch,
    /// when all requests that had begun are done. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<(usize, R)> {
        while self.running.len() < self.concurrency
            && let Some(mut chain) = self.waiting.pop_front()
        {
            if let Some((number, request)) = chain.pop_front() {
                let result = (self.work)(request);
                self.running.spawn(async move { (number, result.await, chain) });
            }
        }
        let (number, result, rest) = match self.running.join_next().await? {
            Ok(done) => done,
            // Tasks are never aborted: the task panicked, and the panic is passed on.
            Err(error) => panic::resume_unwind(error.into_panic()),
        };
        if !rest.is_empty() && !self.is_stopped {
            self.waiting.push_front(rest);
        }
        Some((number, result))
    }
}
