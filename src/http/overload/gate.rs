//! A bounded number of requests in work, and a short queue in front of it that is fair to the workspaces.
//!
//! What is scarce are the sessions to the database, so that there are as many places as sessions: then a request that
//! has a place has a session without waiting, and who comes next is decided here, where it is known for whom, and not
//! by the order in which sessions are asked for. More work at once would not be done sooner; it would only share the
//! processor among more.
//!
//! - A workspace has at most three quarters of the places, also when nobody else wants them: slow work cannot be taken
//!   back, so that only places which were kept free let a newcomer in while somebody else's requests all wait for one
//!   lock.
//! - A place that becomes free goes to the workspace with the least work of those that wait, and in it to who came
//!   first. A workspace that asks for ten times its part gets its part, and who asks for less gets all of it.
//! - The queue is as long as what the places can do in a moment. When it is full, who comes is sent away, unless another
//!   workspace has more of the queue: then who came last of that one makes room.
//! - For two seconds from then on the queue is short, so that nobody who is let in has waited for long, and who is not is
//!   told at once. Then it is tried as before: a short queue sends clients away that the long one has room for, and who
//!   asks again at once would keep it full for ever.
//! - When work is slow, so is the queue: nobody stays in it for longer than [`Limits::patience`].

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::values::id::WorkspaceId;

/// How much work there may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests in work at the same time.
    pub in_work: usize,
    /// Requests that wait.
    pub waiting: usize,
    /// How long each of them may.
    pub patience: Duration,
}

impl Limits {
    /// Long enough for a database that pauses for a moment.
    pub const PATIENCE: Duration = Duration::from_secs(1);

    /// Requests that wait while it is crowded.
    fn short_queue(&self) -> usize {
        (self.waiting / 4).max(2).min(self.waiting)
    }

    /// The most places that one workspace has.
    fn share(&self) -> usize {
        (self.in_work * 3 / 4).max(1)
    }
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The queue is full, and no other workspace has more of it.
    QueueFull,
    /// It had a place in the queue, which a workspace that had less of it got, or which is no more.
    Displaced,
    /// It has waited for long enough.
    WaitedTooLong,
}

impl Refusal {
    pub fn reason(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Displaced => "displaced",
            Self::WaitedTooLong => "waited_too_long",
        }
    }
}

/// How long it is crowded once the queue was full. Much longer than a full queue takes to be worked off: of those who
/// come under a lasting overload, few meet the long queue.
const CROWDED: Duration = Duration::from_secs(2);

/// The gate.
pub struct Gate {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    in_work: usize,
    waiting: usize,
    tickets: u64,
    /// When the queue was last found to be full.
    full_since: Option<Instant>,
    /// Those with requests in work or waiting.
    workspaces: HashMap<WorkspaceId, Workspace>,
}

#[derive(Default)]
struct Workspace {
    in_work: usize,
    waiting: VecDeque<Waiter>,
}

struct Waiter {
    ticket: u64,
    places: usize,
    wake: oneshot::Sender<Place>,
}

/// The right to work on a request, for as long as it lives.
pub struct Place {
    /// `None` where it is given to nobody.
    gate: Option<Arc<Gate>>,
    workspace_id: WorkspaceId,
    places: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.leave(self.workspace_id, self.places);
        }
    }
}

/// A request in the queue. Who is dropped there (the client went away) leaves it.
struct InQueue<'g> {
    gate: &'g Gate,
    workspace_id: WorkspaceId,
    ticket: u64,
}

impl Drop for InQueue<'_> {
    fn drop(&mut self) {
        let state = &mut *self.gate.state();
        if let Some(workspace) = state.workspaces.get_mut(&self.workspace_id)
            && let Ok(position) = workspace.waiting.binary_search_by_key(&self.ticket, |waiter| waiter.ticket)
        {
            workspace.waiting.remove(position);
            state.waiting -= 1;
        }
        state.forget_if_idle(self.workspace_id);
    }
}

impl Gate {
    /// Nobody is in it.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// Waits for so many places, not for long.
    pub async fn enter(self: &Arc<Self>, workspace_id: WorkspaceId, places: usize) -> Result<Place, Refusal> {
        // No request wants more than there can be.
        let places = places.min(self.limits.share());
        let (ticket, woken) = {
            let state = &mut *self.state();
            if state.next(self.limits.share()).is_none() && self.has_room(state, workspace_id, places) {
                state.begin(workspace_id, places);
                return Ok(Place { gate: Some(Arc::clone(self)), workspace_id, places });
            }
            if state.waiting >= self.limits.waiting && !state.is_crowded() {
                state.full_since = Some(Instant::now());
                state.shorten(self.limits.short_queue());
            }
            if state.is_crowded() && state.waiting >= self.limits.short_queue() && !state.make_room(workspace_id) {
                return Err(Refusal::QueueFull);
            }
            state.queue(workspace_id, places)
        };
        let _in_queue = InQueue { gate: self, workspace_id, ticket };
        match timeout(self.limits.patience, woken).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(Refusal::Displaced),
            Err(_) => Err(Refusal::WaitedTooLong),
        }
    }

    fn has_room(&self, state: &State, workspace_id: WorkspaceId, places: usize) -> bool {
        let own = state.workspaces.get(&workspace_id).map_or(0, |workspace| workspace.in_work);
        state.in_work + places <= self.limits.in_work && own + places <= self.limits.share()
    }

    fn leave(self: &Arc<Self>, workspace_id: WorkspaceId, places: usize) {
        let state = &mut *self.state();
        state.end(workspace_id, places);
        while let Some(next) = state.next(self.limits.share()) {
            let Some(waiter) = self.take_waiter(state, next) else { return };
            let (places, gate) = (waiter.places, Some(Arc::clone(self)));
            state.begin(next, places);
            if let Err(mut unwanted) = waiter.wake.send(Place { gate, workspace_id: next, places }) {
                // Its request has just gone.
                unwanted.gate = None;
                state.end(next, places);
            }
        }
    }

    /// The next of a workspace, if there is room for it. Nobody else goes before it: one that needs many places would
    /// never get them.
    fn take_waiter(&self, state: &mut State, workspace_id: WorkspaceId) -> Option<Waiter> {
        let free = self.limits.in_work - state.in_work;
        let waiting = &mut state.workspaces.get_mut(&workspace_id)?.waiting;
        let waiter = waiting.pop_front_if(|first| first.places <= free);
        state.waiting -= usize::from(waiter.is_some());
        waiter
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The workspace whose turn it is, of those that wait and have not their whole share.
    fn next(&self, share: usize) -> Option<WorkspaceId> {
        if self.waiting == 0 {
            return None;
        }
        let candidates = self.workspaces.iter().filter_map(|(id, workspace)| {
            let first = workspace.waiting.front()?;
            (workspace.in_work + first.places <= share).then_some((workspace.in_work, first.ticket, *id))
        });
        candidates.min_by_key(|(in_work, ticket, _)| (*in_work, *ticket)).map(|(_, _, id)| id)
    }

    fn is_crowded(&self) -> bool {
        self.full_since.is_some_and(|at| at.elapsed() < CROWDED)
    }

    fn begin(&mut self, workspace_id: WorkspaceId, places: usize) {
        self.in_work += places;
        self.workspaces.entry(workspace_id).or_default().in_work += places;
    }

    fn end(&mut self, workspace_id: WorkspaceId, places: usize) {
        self.in_work -= places;
        if let Some(workspace) = self.workspaces.get_mut(&workspace_id) {
            workspace.in_work -= places;
        }
        self.forget_if_idle(workspace_id);
    }

    fn queue(&mut self, workspace_id: WorkspaceId, places: usize) -> (u64, oneshot::Receiver<Place>) {
        let (wake, woken) = oneshot::channel();
        self.tickets += 1;
        self.waiting += 1;
        let waiter = Waiter { ticket: self.tickets, places, wake };
        self.workspaces.entry(workspace_id).or_default().waiting.push_back(waiter);
        (self.tickets, woken)
    }

    /// Sends the last of a workspace away that has more of the queue than this one will have.
    fn make_room(&mut self, workspace_id: WorkspaceId) -> bool {
        let own = self.workspaces.get(&workspace_id).map_or(0, |workspace| workspace.waiting.len());
        self.displace_one(own + 1)
    }

    /// Sends those away who came last and for whom there is no room any more.
    fn shorten(&mut self, waiting: usize) {
        while self.waiting > waiting && self.displace_one(0) {}
    }

    /// Sends the last of the workspace away that has most of the queue, if that is more than so many; of equal ones who
    /// came last of all.
    fn displace_one(&mut self, more_than: usize) -> bool {
        let longest = self.workspaces.values_mut().max_by_key(|workspace| {
            let last = workspace.waiting.back().map(|waiter| waiter.ticket);
            (workspace.waiting.len(), last)
        });
        let last =
            longest.filter(|longest| longest.waiting.len() > more_than).and_then(|longest| longest.waiting.pop_back());
        self.waiting -= usize::from(last.is_some());
        last.is_some()
    }

    fn forget_if_idle(&mut self, workspace_id: WorkspaceId) {
        let idle = |workspace: &Workspace| workspace.in_work == 0 && workspace.waiting.is_empty();
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

    fn gate(in_work: usize, waiting: usize) -> Arc<Gate> {
        Gate::new(Limits { in_work, waiting, patience: Duration::from_secs(30) })
    }

    fn workspaces<const N: usize>() -> [WorkspaceId; N] {
        let ids = Ids::seeded(1);
        std::array::from_fn(|_| ids.next(Timestamp::from(datetime!(2026-03-01 0:00 UTC))))
    }

    async fn take(gate: &Arc<Gate>, workspace_id: WorkspaceId, count: usize) -> Vec<Place> {
        let mut places = Vec::new();
        for _ in 0..count {
            places.push(timeout(MOMENT, gate.enter(workspace_id, 1)).await.expect("room").expect("room"));
        }
        places
    }

    /// Puts a request into the queue.
    macro_rules! waits {
        ($gate:expr, $workspace:expr) => {
            waits!($gate, $workspace, 1)
        };
        ($gate:expr, $workspace:expr, $places:expr) => {{
            let mut waiting = Box::pin($gate.enter($workspace, $places));
            assert!(poll!(&mut waiting).is_pending());
            waiting
        }};
    }

    fn assert_empty(gate: &Gate) {
        let state = gate.state();
        assert_eq!((state.in_work, state.waiting, state.workspaces.len()), (0, 0, 0));
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
    async fn a_place_goes_to_who_has_the_least_work_and_then_to_who_came_first() {
        let (gate, [greedy, modest]) = (gate(8, 8), workspaces());
        let (mut held, of_modest) = (take(&gate, greedy, 6).await, take(&gate, modest, 2).await);
        let (mut first, mut second) = (waits!(gate, greedy), waits!(gate, greedy));
        let mut late = waits!(gate, modest);
        held.pop();
        assert!(poll!(&mut first).is_pending());
        let Poll::Ready(Ok(place)) = poll!(&mut late) else { panic!("the turn of who has less") };
        held.pop();
        assert!(poll!(&mut second).is_pending());
        let Poll::Ready(Ok(next)) = poll!(&mut first) else { panic!("the turn of who came first") };
        drop((held, of_modest, place, next, second));
        drop((first, late));
        assert_empty(&gate);
    }

    #[tokio::test]
    async fn when_the_queue_is_full_who_has_most_of_it_makes_room() {
        let (gate, [greedy, modest, third]) = (gate(4, 12), workspaces());
        let held = (take(&gate, greedy, 3).await, take(&gate, modest, 1).await);
        let mut waiting = Vec::new();
        for _ in 0..12 {
            waiting.push(waits!(gate, greedy));
        }
        // It is short from now on: three.
        let of_modest = waits!(gate, modest);
        for displaced in waiting.drain(2..) {
            assert_eq!(displaced.await.err(), Some(Refusal::Displaced));
        }
        assert_eq!(gate.enter(greedy, 1).await.err(), Some(Refusal::QueueFull));
        for first in &mut waiting {
            assert!(poll!(first).is_pending());
        }
        let of_third = waits!(gate, third);
        let displaced = waiting.pop().expect("the second");
        assert_eq!(displaced.await.err(), Some(Refusal::Displaced));
        // One each: a fourth has no more right than they.
        let [fourth] = workspaces::<4>()[3..] else { panic!("a fourth") };
        assert_eq!(gate.enter(fourth, 1).await.err(), Some(Refusal::QueueFull));
        drop((waiting, of_modest, of_third, held));
        assert_empty(&gate);
    }

    #[tokio::test]
    async fn once_the_queue_was_full_it_is_short_for_a_while() {
        let (gate, [workspace_id]) = (gate(2, 8), workspaces());
        let mut held = take(&gate, workspace_id, 1).await;
        let mut waiting = Vec::new();
        for _ in 0..8 {
            waiting.push(waits!(gate, workspace_id));
        }
        assert_eq!(gate.enter(workspace_id, 1).await.err(), Some(Refusal::QueueFull));
        for displaced in waiting.drain(2..) {
            assert_eq!(displaced.await.err(), Some(Refusal::Displaced));
        }
        held.pop();
        let Poll::Ready(Ok(place)) = poll!(&mut waiting[0]) else { panic!("the first one's turn") };
        let third = waits!(gate, workspace_id);
        assert_eq!(gate.enter(workspace_id, 1).await.err(), Some(Refusal::QueueFull));
        sleep(CROWDED).await;
        let fourth = waits!(gate, workspace_id);
        drop((waiting, third, fourth, place));
        assert_empty(&gate);
    }

    #[tokio::test]
    async fn when_nobody_has_more_of_the_queue_who_came_last_is_sent_away() {
        let (gate, [busy, late, ids @ ..]) = (gate(4, 8), workspaces::<10>());
        let held = [take(&gate, busy, 3).await, take(&gate, late, 1).await];
        let mut waiting = Vec::new();
        for workspace_id in ids {
            waiting.push(waits!(gate, workspace_id));
        }
        assert_eq!(gate.enter(late, 1).await.err(), Some(Refusal::QueueFull));
        for displaced in waiting.drain(2..) {
            assert_eq!(displaced.await.err(), Some(Refusal::Displaced));
        }
        assert_eq!(gate.state().workspaces.len(), 4, "who was sent away is forgotten");
        drop((waiting, held));
        assert_empty(&gate);
    }

    #[tokio::test]
    async fn who_needs_many_places_is_not_overtaken_for_ever() {
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
        // More than anybody has is as many as one has.
        drop(held);
        assert!(timeout(MOMENT, gate.enter(large, 100)).await.is_ok());
        assert_empty(&gate);
    }

    #[tokio::test]
    async fn nobody_waits_for_longer_than_patience_lasts() {
        let gate = Gate::new(Limits { in_work: 1, waiting: 10, patience: MOMENT });
        let [workspace_id] = workspaces();
        let held = take(&gate, workspace_id, 1).await;
        let begin = Instant::now();
        assert_eq!(gate.enter(workspace_id, 1).await.err(), Some(Refusal::WaitedTooLong));
        assert!(begin.elapsed() >= MOMENT);
        drop(held);
        assert_empty(&gate);
    }

    #[tokio::test]
    async fn who_goes_away_leaves_the_queue() {
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

    /// Requests that come, work, wait, are given up while they wait, and are given a place when they are just gone.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_place_is_lost_and_none_is_given_twice() {
        let (gate, ids) = (gate(8, 6), workspaces::<5>());
        let most = Arc::new(Mutex::new((0_usize, 0_usize)));
        let requests = (0..4_000_usize).map(|turn| {
            let (gate, most, workspace_id) = (Arc::clone(&gate), Arc::clone(&most), ids[turn * 7 % 11 % 5]);
            tokio::spawn(async move {
                sleep(Duration::from_micros(turn as u64 * 130)).await;
                let given_up = Duration::from_micros(turn as u64 * 31 % 15_000);
                let entered = timeout(given_up, gate.enter(workspace_id, 1 + turn % 3)).await;
                let Ok(Ok(place)) = entered else { return 0 };
                {
                    let state = gate.state();
                    let own = state.workspaces[&workspace_id].in_work;
                    let mut most = most.lock().unwrap();
                    *most = (most.0.max(state.in_work), most.1.max(own));
                }
                sleep(Duration::from_micros(turn as u64 * 17 % 3_000)).await;
                drop(place);
                1
            })
        });
        let admitted: usize = join_all(requests).await.into_iter().map(Result::unwrap).sum();
        assert!((100..4_000).contains(&admitted), "{admitted}");
        let (in_work, own) = *most.lock().unwrap();
        assert!(in_work <= 8 && own <= 6, "{in_work} in work, {own} of one workspace");
        assert_empty(&gate);
    }
}
