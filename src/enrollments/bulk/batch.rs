//! Work on many requests, several at a time.

use std::collections::{BTreeMap, VecDeque};
use std::panic;

use tokio::task::JoinSet;

use super::chains::chains;
use crate::enrollments::CreatePartnerRequest;

/// Requests that share an e-mail or a tenant id, in their order, each with its number.
type Chain = VecDeque<(usize, CreatePartnerRequest)>;

/// Requests that are being worked on. Dropping it begins no other; what has begun in the database goes on to its end.
pub struct Batch<W, R> {
    work: W,
    waiting: VecDeque<Chain>,
    places: usize,
    is_stopped: bool,
    /// What each has done, and what comes after it.
    running: JoinSet<(usize, R, Chain)>,
}

impl<W, F, R> Batch<W, R>
where
    W: Fn(CreatePartnerRequest) -> F,
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    /// Begins with at most so many at a time. Those that are not independent of each other run one after the other, in
    /// their order.
    pub fn new(requests: Vec<(usize, CreatePartnerRequest)>, places: usize, work: W) -> Self {
        let numbers = chains(&requests);
        let mut waiting: BTreeMap<usize, Chain> = BTreeMap::new();
        for (number, request) in numbers.into_iter().zip(requests) {
            waiting.entry(number).or_default().push_back(request);
        }
        Self { work, waiting: waiting.into_values().collect(), places, is_stopped: false, running: JoinSet::new() }
    }

    /// Begins no other.
    pub fn stop(&mut self) {
        self.is_stopped = true;
        self.waiting.clear();
    }

    /// The next result, with the number of its request; `None` when all are done, or those that had begun when it was
    /// stopped. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<(usize, R)> {
        while self.running.len() < self.places
            && let Some(mut chain) = self.waiting.pop_front()
        {
            if let Some((number, request)) = chain.pop_front() {
                let result = (self.work)(request);
                self.running.spawn(async move { (number, result.await, chain) });
            }
        }
        let (number, result, rest) = match self.running.join_next().await? {
            Ok(done) => done,
            // Nobody aborts one: it panicked, and so does whoever waits for it.
            Err(error) => panic::resume_unwind(error.into_panic()),
        };
        if !rest.is_empty() && !self.is_stopped {
            self.waiting.push_front(rest);
        }
        Some((number, result))
    }
}
