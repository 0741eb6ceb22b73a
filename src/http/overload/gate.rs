//! A bounded number of requests in progress, and a short queue in front of them that is fair to the workspaces.
//!
//! The scarce resource are the sessions to the database, so there are as many permits as sessions. A request with a
//! permit has a session without waiting, and the order of requests is decided here, where the workspace of each request
//! is known, and not by the order in which sessions are requested. More requests in progress would not finish sooner;
//! they would only share the processor among more.
//!
//! - A workspace has at most three quarters of the permits, even when no other workspace wants them. Slow requests
//!   cannot be taken back, so only permits that were kept free let another workspace in while all requests of one
//!   workspace wait for the same lock.
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
//! - When requests are slow, the queue is slow: no request waits in the queue longer than [`Limits::queue_timeout`].
//!
//! Wakers run outside of the lock. A waker is code of the runtime, and a runtime that shuts down may drop the woken
//! future on the spot, whose destructor locks again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::values::id::WorkspaceId;

/// The number of requests that a server works on, and the length of the queue in front of them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Permits: requests in progress at the same time.
    pub in_progress: usize,
    /// Requests that wait for a permit.
    pub waiting: usize,
    /// The longest wait for a permit.
    pub queue_timeout: Duration,
}

impl Limits {
    /// Long enough for a database that pauses for a moment.
    pub const QUEUE_TIMEOUT: Duration = Duration::from_secs(1);

    /// Returns the length of the queue after an overflow.
    fn short_queue(&self) -> usize {
        (self.waiting / 4).max(2).min(self.waiting)
    }

    /// Returns the most permits of one workspace.
    fn share(&self) -> usize {
        (self.in_progress * 3 / 4).max(1)
    }
}

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

/// The time for which the queue stays short after an overflow. Much longer than a full queue takes to drain: under a
/// lasting overload, few requests meet the long queue.
const SHORT_QUEUE_PERIOD: Duration = Duration::from_secs(2);

/// The gate that requests pass before they use the database.
pub struct Gate {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    in_progress: usize,
    waiting: usize,
    tickets: u64,
    /// The time of the last overflow of the queue.
    full_since: Option<Instant>,
    /// The workspaces with requests in progress or waiting.
    workspaces: HashMap<WorkspaceId, Workspace>,
}

#[derive(Default)]
struct Workspace {
    in_progress: usize,
    waiting: VecDeque<Waiter>,
}

/// A request in the queue. Dropping the waiter wakes the request, so waiters are dropped outside of the lock.
struct Waiter {
    ticket: u64,
    permits: usize,
    wake: oneshot::Sender<Permit>,
}

/// A waiter whose turn has come, with its permits counted as in progress.
struct Granted {
    workspace_id: WorkspaceId,
    waiter: Waiter,
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

/// The decision about a request that arrives.
enum Arrival {
    Admitted,
    Rejected,
    Queued(u64, oneshot::Receiver<Permit>),
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Admits, queues or rejects a request. Waiters that lose their place are moved to `displaced`.
    fn arrive(
        &mut self,
        limits: &Limits,
        workspace_id: WorkspaceId,
        permits: usize,
        displaced: &mut Vec<Waiter>,
    ) -> Arrival {
        if self.next(limits.share()).is_none() && self.has_room(limits, workspace_id, permits) {
            self.begin(workspace_id, permits);
            return Arrival::Admitted;
        }
        if self.waiting >= limits.waiting && !self.has_overflowed() {
            self.full_since = Some(Instant::now());
            self.shorten(limits.short_queue(), displaced);
        }
        if self.has_overflowed() && self.waiting >= limits.short_queue() {
            match self.make_room(workspace_id) {
                Some(waiter) => displaced.push(waiter),
                None => return Arrival::Rejected,
            }
        }
        let (ticket, permit) = self.queue(workspace_id, permits);
        Arrival::Queued(ticket, permit)
    }

    fn has_room(&self, limits: &Limits, workspace_id: WorkspaceId, permits: usize) -> bool {
        let own = self.workspaces.get(&workspace_id).map_or(0, |workspace| workspace.in_progress);
        self.in_progress + permits <= limits.in_progress && own + permits <= limits.share()
    }

    /// Takes permits back and returns the waiters whose turn has come, with their permits counted as in progress.
    fn release(&mut self, limits: &Limits, workspace_id: WorkspaceId, permits: usize) -> Vec<Granted> {
        self.end(workspace_id, permits);
        let mut granted = Vec::new();
        while let Some(workspace_id) = self.next(limits.share())
            && let Some(waiter) = self.take_waiter(limits, workspace_id)
        {
            self.begin(workspace_id, waiter.permits);
            granted.push(Granted { workspace_id, waiter });
        }
        granted
    }

    /// Returns the first waiter of a workspace if there is room for it. No other request goes first: a request that
    /// needs many permits would never get them.
    fn take_waiter(&mut self, limits: &Limits, workspace_id: WorkspaceId) -> Option<Waiter> {
        let free = limits.in_progress - self.in_progress;
        let waiting = &mut self.workspaces.get_mut(&workspace_id)?.waiting;
        let waiter = waiting.pop_front_if(|first| first.permits <= free);
        self.waiting -= usize::from(waiter.is_some());
        waiter
    }

    /// Returns the workspace whose turn is next, of the workspaces that wait and have not their whole share.
    fn next(&self, share: usize) -> Option<WorkspaceId> {
        if self.waiting == 0 {
            return None;
        }
        let candidates = self.workspaces.iter().filter_map(|(id, workspace)| {
            let first = workspace.waiting.front()?;
            (workspace.in_progress + first.permits <= share).then_some((workspace.in_progress, first.ticket, *id))
        });
        candidates.min_by_key(|(in_progress, ticket, _)| (*in_progress, *ticket)).map(|(_, _, id)| id)
    }

    fn has_overflowed(&self) -> bool {
        self.full_since.is_some_and(|at| at.elapsed() < SHORT_QUEUE_PERIOD)
    }

    fn begin(&mut self, workspace_id: WorkspaceId, permits: usize) {
        self.in_progress += permits;
        self.workspaces.entry(workspace_id).or_default().in_progress += permits;
    }

    fn end(&mut self, workspace_id: WorkspaceId, permits: usize) {
        self.in_progress -= permits;
        if let Some(workspace) = self.workspaces.get_mut(&workspace_id) {
            workspace.in_progress -= permits;
        }
        self.forget_if_idle(workspace_id);
    }

    fn queue(&mut self, workspace_id: WorkspaceId, permits: usize) -> (u64, oneshot::Receiver<Permit>) {
        let (wake, permit) = oneshot::channel();
        self.tickets += 1;
        self.waiting += 1;
        let waiter = Waiter { ticket: self.tickets, permits, wake };
        self.workspaces.entry(workspace_id).or_default().waiting.push_back(waiter);
        (self.tickets, permit)
    }

    /// Removes the waiter with this ticket from the queue, if it is still there.
    fn leave_queue(&mut self, workspace_id: WorkspaceId, ticket: u64) -> Option<Waiter> {
        let left = self.workspaces.get_mut(&workspace_id).and_then(|workspace| {
            let position = workspace.waiting.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()?;
            workspace.waiting.remove(position)
        });
        self.waiting -= usize::from(left.is_some());
        self.forget_if_idle(workspace_id);
        left
    }

    /// Removes the last waiter of a workspace that has more of the queue than this workspace will have.
    fn make_room(&mut self, workspace_id: WorkspaceId) -> Option<Waiter> {
        let own = self.workspaces.get(&workspace_id).map_or(0, |workspace| workspace.waiting.len());
        self.displace_one(own + 1)
    }

    /// Moves the waiters that arrived last and no longer have a place to `displaced`.
    fn shorten(&mut self, waiting: usize, displaced: &mut Vec<Waiter>) {
        while self.waiting > waiting
            && let Some(waiter) = self.displace_one(0)
        {
            displaced.push(waiter);
        }
    }

    /// Removes the last waiter of the workspace with the most waiters, if these are more than `more_than`. Of workspaces
    /// with equally many, the one whose last waiter arrived last loses it.
    fn displace_one(&mut self, more_than: usize) -> Option<Waiter> {
        let longest = self.workspaces.values_mut().max_by_key(|workspace| {
            let last = workspace.waiting.back().map(|waiter| waiter.ticket);
            (workspace.waiting.len(), last)
        });
        let last =
            longest.filter(|longest| longest.waiting.len() > more_than).and_then(|longest| longest.waiting.pop_back());
        self.waiting -= usize::from(last.is_some());
        last
    }

    fn forget_if_idle(&mut self, workspace_id: WorkspaceId) {
        let idle = |workspace: &Workspace| workspace.in_progress == 0 && workspace.waiting.is_empty();
        if self.workspaces.get(&workspace_id).is_some_and(idle) {
            self.workspaces.remove(&workspace_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::future::join_all;
    use futures_util::poll;
    use time::macros::datetime;
    use tokio::time::sleep;

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
        // Each workspace has one request in the queue: a fourth workspace has no more right to a place.
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
