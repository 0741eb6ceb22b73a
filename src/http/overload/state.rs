//! The state of the gate: permits in use, waiting requests, and the order of the next requests. All decisions are made
//! here, under the gate's lock.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::limits::Limits;
use crate::values::id::WorkspaceId;

/// The time for which the queue stays short after an overflow. Much longer than a full queue takes to drain: under a
/// lasting overload, few requests meet the long queue.
pub(super) const SHORT_QUEUE_PERIOD: Duration = Duration::from_secs(2);

/// `P` is the permit that a waiting request receives.
pub(super) struct State<P> {
    pub(super) in_progress: usize,
    pub(super) waiting: usize,
    tickets: u64,
    /// The time of the last overflow of the queue.
    full_since: Option<Instant>,
    /// The workspaces with requests in progress or waiting.
    pub(super) workspaces: HashMap<WorkspaceId, Workspace<P>>,
}

pub(super) struct Workspace<P> {
    pub(super) in_progress: usize,
    pub(super) waiting: VecDeque<Waiter<P>>,
}

impl<P> Default for State<P> {
    fn default() -> Self {
        Self { in_progress: 0, waiting: 0, tickets: 0, full_since: None, workspaces: HashMap::new() }
    }
}

impl<P> Default for Workspace<P> {
    fn default() -> Self {
        Self { in_progress: 0, waiting: VecDeque::new() }
    }
}

/// A request in the queue. Dropping the waiter wakes the request, so waiters are dropped outside of the lock.
pub(super) struct Waiter<P> {
    pub(super) ticket: u64,
    pub(super) permits: usize,
    pub(super) wake: oneshot::Sender<P>,
}

/// A waiter whose turn has come, with its permits counted as in progress.
pub(super) struct Granted<P> {
    pub(super) workspace_id: WorkspaceId,
    pub(super) waiter: Waiter<P>,
}

/// The decision about a request that arrives.
pub(super) enum Arrival<P> {
    Admitted,
    Rejected,
    Queued(u64, oneshot::Receiver<P>),
}

impl<P> State<P> {
    /// Admits, queues or rejects a request. Waiters that lose their place in the queue are moved to `displaced`.
    pub(super) fn arrive(
        &mut self,
        limits: &Limits,
        workspace_id: WorkspaceId,
        permits: usize,
        displaced: &mut Vec<Waiter<P>>,
    ) -> Arrival<P> {
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
    pub(super) fn release(&mut self, limits: &Limits, workspace_id: WorkspaceId, permits: usize) -> Vec<Granted<P>> {
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

    /// Returns the first waiter of a workspace if enough permits are free. Later requests do not overtake the first
    /// waiter; otherwise a request that needs many permits would never get its permits.
    fn take_waiter(&mut self, limits: &Limits, workspace_id: WorkspaceId) -> Option<Waiter<P>> {
        let free = limits.in_progress - self.in_progress;
        let waiting = &mut self.workspaces.get_mut(&workspace_id)?.waiting;
        let waiter = waiting.pop_front_if(|first| first.permits <= free);
        self.waiting -= usize::from(waiter.is_some());
        waiter
    }

    /// Returns the workspace whose turn is next, among the waiting workspaces that hold less than their share.
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

    fn queue(&mut self, workspace_id: WorkspaceId, permits: usize) -> (u64, oneshot::Receiver<P>) {
        let (wake, permit) = oneshot::channel();
        self.tickets += 1;
        self.waiting += 1;
        let waiter = Waiter { ticket: self.tickets, permits, wake };
        self.workspaces.entry(workspace_id).or_default().waiting.push_back(waiter);
        (self.tickets, permit)
    }

    /// Removes the waiter with this ticket from the queue, if it is still there.
    pub(super) fn leave_queue(&mut self, workspace_id: WorkspaceId, ticket: u64) -> Option<Waiter<P>> {
        let left = self.workspaces.get_mut(&workspace_id).and_then(|workspace| {
            let position = workspace.waiting.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()?;
            workspace.waiting.remove(position)
        });
        self.waiting -= usize::from(left.is_some());
        self.forget_if_idle(workspace_id);
        left
    }

    /// Removes the last waiter of a workspace that has more waiters than this workspace will have.
    fn make_room(&mut self, workspace_id: WorkspaceId) -> Option<Waiter<P>> {
        let own = self.workspaces.get(&workspace_id).map_or(0, |workspace| workspace.waiting.len());
        self.displace_one(own + 1)
    }

    /// Moves the last waiters, for which a shorter queue has no place, to `displaced`.
    fn shorten(&mut self, waiting: usize, displaced: &mut Vec<Waiter<P>>) {
        while self.waiting > waiting
            && let Some(waiter) = self.displace_one(0)
        {
            displaced.push(waiter);
        }
    }

    /// Removes the last waiter of the workspace with the most waiters, if that workspace has more than `more_than`
    /// waiters. Among workspaces with equally many waiters, the last waiter to arrive is removed.
    fn displace_one(&mut self, more_than: usize) -> Option<Waiter<P>> {
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
        let idle = |workspace: &Workspace<P>| workspace.in_progress == 0 && workspace.waiting.is_empty();
        if self.workspaces.get(&workspace_id).is_some_and(idle) {
            self.workspaces.remove(&workspace_id);
        }
    }
}
