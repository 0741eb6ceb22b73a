//! A bounded number of requests in progress, and a short queue in front of them that is fair to the workspaces.
//!
//! Database sessions are the scarce resource, so there are as many permits as sessions. A request with a permit has a
//! session without waiting, and the order of requests is decided here, where the workspace of each request is known,
//! and not by the order in which sessions are requested. More requests in progress would finish no sooner; each request
//! would only get a smaller part of the processor.
//!
//! - A workspace has at most three quarters of the permits, even when no other workspace wants them. A permit cannot be
//!   revoked. While all requests of one workspace wait for the same lock, only the permits that were kept free let
//!   other workspaces in.
//! - A free permit goes to the waiting workspace with the least requests in progress, and within the workspace to the
//!   request that arrived first. A workspace that asks for ten times its share gets its share; a workspace that asks for
//!   less gets everything it asks for.
//! - The queue is as long as the work that the permits can finish in a moment. When the queue is full, a new request is
//!   rejected, unless another workspace has more requests in the queue: then the last request of that workspace is
//!   displaced.
//! - After the queue overflows, its length is reduced to a quarter for two seconds. Admitted requests then wait briefly,
//!   and the rest are rejected immediately instead of timing out. After the two seconds the queue has its full length
//!   again: a short queue rejects clients that the long queue has room for, and clients that retry immediately would keep
//!   a short queue full forever.
//! - Slow requests make the queue slow, so no request waits in the queue longer than [`Limits::queue_timeout`].
//!
//! Wakers run outside of the lock. A waker is code of the runtime, and a runtime that shuts down may drop the woken
//! future immediately, and the destructor of the future takes the lock again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::timeout;

use super::limits::Limits;
use super::state::{Arrival, Granted, State};
use crate::values::id::WorkspaceId;

/// The reason why a request got no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// The queue is full, and no other workspace has more requests in the queue.
    QueueFull,
    /// The request was in the queue, and lost its place to a workspace with fewer requests there or to a shorter queue.
    Displaced,
    /// The request waited for [`Limits::queue_timeout`].
    WaitedTooLong,
}

impl Rejection {
    /// Returns the reason as metrics spell it.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Displaced => "displaced",
            Self::WaitedTooLong => "waited_too_long",
        }
    }
}

/// The gate that requests pass before they use the database.
pub struct Gate {
    limits: Limits,
    state: Mutex<State<Permit>>,
}

/// The right to work on a request. Dropping the permit gives it to the next request.
pub struct Permit {
    gate: Arc<Gate>,
    workspace_id: WorkspaceId,
    permits: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.release(self.workspace_id, self.permits);
    }
}

/// A request in the queue. A request that is dropped there, because its client went away, leaves the queue.
struct QueuedRequest<'g> {
    gate: &'g Gate,
    workspace_id: WorkspaceId,
    ticket: u64,
}

impl Drop for QueuedRequest<'_> {
    fn drop(&mut self) {
        let left = self.gate.state().leave_queue(self.workspace_id, self.ticket);
        drop(left);
    }
}

impl Gate {
    /// Creates a gate with all permits free.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// Waits for this many permits, at most for [`Limits::queue_timeout`].
    ///
    /// # Errors
    /// When the queue is full or the wait was too long.
    pub async fn admit(self: &Arc<Self>, workspace_id: WorkspaceId, permits: usize) -> Result<Permit, Rejection> {
        // A request never needs more than a workspace may have.
        let permits = permits.min(self.limits.share());
        let mut displaced = Vec::new();
        let arrival = self.state().arrive(&self.limits, workspace_id, permits, &mut displaced);
        drop(displaced);
        let (ticket, permit) = match arrival {
            Arrival::Admitted => return Ok(Permit { gate: Arc::clone(self), workspace_id, permits }),
            Arrival::Rejected => return Err(Rejection::QueueFull),
            Arrival::Queued(ticket, permit) => (ticket, permit),
        };
        let _queued = QueuedRequest { gate: self, workspace_id, ticket };
        match timeout(self.limits.queue_timeout, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Rejection::Displaced),
            Err(_) => Err(Rejection::WaitedTooLong),
        }
    }

    /// Takes permits back and gives them to the next requests.
    fn release(self: &Arc<Self>, workspace_id: WorkspaceId, permits: usize) {
        let granted = self.state().release(&self.limits, workspace_id, permits);
        for Granted { workspace_id, waiter } in granted {
            let permit = Permit { gate: Arc::clone(self), workspace_id, permits: waiter.permits };
            // A request that has just gone away does not take the permit: dropping the permit gives it to the next.
            drop(waiter.wake.send(permit));
        }
    }

    fn state(&self) -> MutexGuard<'_, State<Permit>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;
    use std::time::Duration;

    use futures_util::future::join_all;
    use futures_util::poll;
    use time::macros::datetime;
    use tokio::time::{Instant, sleep};

    use super::super::state::SHORT_QUEUE_PERIOD;
    use super::*;
    use crate::values::clock::Timestamp;
    use crate::values::id::Ids;

    const MOMENT: Duration = Duration::from_millis(20);

    fn gate(in_progress: usize, waiting: usize) -> Arc<Gate> {
        Gate::new(Limits { in_progress, waiting, queue_timeout: Duration::from_secs(30) })
    }

    fn workspaces<const N: usize>() -> [WorkspaceId; N] {
        let ids = Ids::seeded(1);
        std::array::from_fn(|_| ids.next(Timestamp::from(datetime!(2026-03-01 0:00 UTC))))
    }

    async fn take(gate: &Arc<Gate>, workspace_id: WorkspaceId, count: usize) -> Vec<Permit> {
        let mut permits = Vec::new();
        for _ in 0..count {
            permits.push(timeout(MOMENT, gate.admit(workspace_id, 1)).await.expect("room").expect("room"));
        }
        permits
    }

    /// Puts a request into the queue and returns its future.
    macro_rules! waits {
        ($gate:expr, $workspace:expr) => {
            waits!($gate, $workspace, 1)
        };
        ($gate:expr, $workspace:expr, $permits:expr) => {{
            let mut waiting = Box::pin($gate.admit($workspace, $permits));
            assert!(poll!(&mut waiting).is_pending());
            waiting
        }};
    }

    fn assert_empty(gate: &Gate) {
        let state = gate.state();
        assert_eq!((state.in_progress, state.waiting, state.workspaces.len()), (0, 0, 0));
    }

    #[tokio::test]
    async fn a_workspace_has_at_most_its_share_and_leaves_the_rest_to_others() {
        let (gate, [greedy, other]) = (gate(8, 8), workspaces());
        let held = take(&gate, greedy, 6).await;
        let waiting = waits!(gate, greedy);
        let others = take(&gate, other, 2).await;
        let last = waits!(gate, other);
        drop((waiting, last, others, held));
        assert_empty(&gate);
    }

    #[tokio::test]
    async fn a_permit_goes_to_the_workspace_with_the_least_in_progress_and_then_to_the_first_request() {
        let (gate, [greedy, modest]) = (gate(8, 8), workspaces());
        let (mut held, of_modest) = (take(&gate, greedy, 6).await, take(&gate, modest, 2).await);
        let (mut first, mut second) = (waits!(gate, greedy), waits!(gate, greedy));
        let mut late = waits!(gate, modest);
        held.pop();
        assert!(poll!(&mut first).is_pending());
        let Poll::Ready(Ok(permit)) = poll!(&mut late) else { panic!("the workspace with less in progress is next") };
        held.pop();
        assert!(poll!(&mut second).is_pending());
        let Poll::Ready(Ok(next)) = poll!(&mut first) else { panic!("the request that arrived first is next") };
        drop((held, of_modest, permit, next, second));
        drop((first, late));
        assert_empty(&gate);
    }

    #[tokio::test]
    async fn the_workspace_with_the_longest_queue_makes_room_when_the_queue_is_full() {
        let (gate, [greedy, modest, third]) = (gate(4, 12), workspaces());
        let held = (take(&gate, greedy, 3).await, take(&gate, modest, 1).await);
        let mut waiting = Vec::new();
        for _ in 0..12 {
            waiting.push(waits!(gate, greedy));
        }
        // The queue is short from now on: three requests.
        let of_modest = waits!(gate, modest);
        for displaced in waiting.drain(2..) {
            assert_eq!(displaced.await.err(), Some(Rejection::Displaced));
        }
        assert_eq!(gate.admit(greedy, 1).await.err(), Some(Rejection::QueueFull));
        for first in &mut waiting {
            assert!(poll!(first).is_pending());
        }
        let of_third = waits!(gate, third);
        let displaced = waiting.pop().expect("the second");
        assert_eq!(displaced.await.err(), Some(Rejection::Displaced));
        // Each workspace has one request in the queue: a fourth workspace displaces no request.
        let [fourth] = workspaces::<4>()[3..] else { panic!("a fourth") };
        assert_eq!(gate.admit(fourth, 1).await.err(), Some(Rejection::QueueFull));
        drop((waiting, of_modest, of_third, held));
        assert_empty(&gate);
    }

    #[tokio::test]
    async fn the_queue_is_short_for_a_while_after_an_overflow() {
        let (gate, [workspace_id]) = (gate(2, 8), workspaces());
        let mut held = take(&gate, workspace_id, 1).await;
        let mut waiting = Vec::new();
        for _ in 0..8 {
            waiting.push(waits!(gate, workspace_id));
        }
        assert_eq!(gate.admit(workspace_id, 1).await.err(), Some(Rejection::QueueFull));
        for displaced in waiting.drain(2..) {
            assert_eq!(displaced.await.err(), Some(Rejection::Displaced));
        }
        held.pop();
        let Poll::Ready(Ok(permit)) = poll!(&mut waiting[0]) else { panic!("the first request is next") };
        let third = waits!(gate, workspace_id);
        assert_eq!(gate.admit(workspace_id, 1).await.err(), Some(Rejection::QueueFull));
        sleep(SHORT_QUEUE_PERIOD).await;
        let fourth = waits!(gate, workspace_id);
        drop((waiting, third, fourth, permit));
        assert_empty(&gate);
    }

    #[tokio::test]
    async fn the_last_request_is_rejected_when_no_workspace_has_more_of_the_queue() {
        let (gate, [busy, late, ids @ ..]) = (gate(4, 8), workspaces::<10>());
        let held = [take(&gate, busy, 3).await, take(&gate, late, 1).await];
        let mut waiting = Vec::new();
        for workspace_id in ids {
            waiting.push(waits!(gate, workspace_id));
        }
        assert_eq!(gate.admit(late, 1).await.err(), Some(Rejection::QueueFull));
        for displaced in waiting.drain(2..) {
            assert_eq!(displaced.await.err(), Some(Rejection::Displaced));
        }
        assert_eq!(gate.state().workspaces.len(), 4, "workspaces without requests are forgotten");
        drop((waiting, held));
        assert_empty(&gate);
    }

    #[tokio::test]
    async fn a_request_that_needs_many_permits_is_not_overtaken_forever() {
        let (gate, [large, small]) = (gate(8, 8), workspaces());
        let mut held = take(&gate, small, 6).await;
        let mut bulk = waits!(gate, large, 4);
        let mut next = waits!(gate, small);
        held.pop();
        assert!(poll!(&mut bulk).is_pending() && poll!(&mut next).is_pending());
        held.pop();
        let Poll::Ready(Ok(bulk)) = poll!(&mut bulk) else { panic!("four are free") };
        assert!(poll!(&mut next).is_pending());
        drop(bulk);
        assert!(matches!(poll!(&mut next), Poll::Ready(Ok(_))));
        // A request for more permits than a workspace may have gets the workspace's share.
        drop(held);
        assert!(timeout(MOMENT, gate.admit(large, 100)).await.is_ok());
        assert_empty(&gate);
    }

    #[tokio::test]
    async fn no_request_waits_longer_than_the_queue_timeout() {
        let gate = Gate::new(Limits { in_progress: 1, waiting: 10, queue_timeout: MOMENT });
        let [workspace_id] = workspaces();
        let held = take(&gate, workspace_id, 1).await;
        let begin = Instant::now();
        assert_eq!(gate.admit(workspace_id, 1).await.err(), Some(Rejection::WaitedTooLong));
        assert!(begin.elapsed() >= MOMENT);
        drop(held);
        assert_empty(&gate);
    }

    #[tokio::test]
    async fn a_request_that_goes_away_leaves_the_queue() {
        let (gate, [workspace_id]) = (gate(1, 8), workspaces());
        let held = take(&gate, workspace_id, 1).await;
        let (first, second, third) =
            (waits!(gate, workspace_id), waits!(gate, workspace_id), waits!(gate, workspace_id));
        drop(second);
        let left: Vec<_> = gate.state().workspaces[&workspace_id].waiting.iter().map(|waiter| waiter.ticket).collect();
        assert_eq!((left, gate.state().waiting), (vec![1, 3], 2));
        drop((first, third, held));
        assert_empty(&gate);
    }

    /// Requests that arrive, work, wait, are given up while they wait, and get a permit just after they were given up.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_permit_is_lost_and_none_is_given_twice() {
        let (gate, ids) = (gate(8, 6), workspaces::<5>());
        let most = Arc::new(Mutex::new((0_usize, 0_usize)));
        let requests = (0..4_000_usize).map(|turn| {
            let (gate, most, workspace_id) = (Arc::clone(&gate), Arc::clone(&most), ids[turn * 7 % 11 % 5]);
            tokio::spawn(async move {
                sleep(Duration::from_micros(turn as u64 * 130)).await;
                let given_up = Duration::from_micros(turn as u64 * 31 % 15_000);
                let admitted = timeout(given_up, gate.admit(workspace_id, 1 + turn % 3)).await;
                let Ok(Ok(permit)) = admitted else { return 0 };
                {
                    let state = gate.state();
                    let own = state.workspaces[&workspace_id].in_progress;
                    let mut most = most.lock().unwrap();
                    *most = (most.0.max(state.in_progress), most.1.max(own));
                }
                sleep(Duration::from_micros(turn as u64 * 17 % 3_000)).await;
                drop(permit);
                1
            })
        });
        let admitted: usize = join_all(requests).await.into_iter().map(Result::unwrap).sum();
        assert!((100..4_000).contains(&admitted), "{admitted}");
        let (in_progress, own) = *most.lock().unwrap();
        assert!(in_progress <= 8 && own <= 6, "{in_progress} in progress, {own} of one workspace");
        assert_empty(&gate);
    }
}
