//! The enrollment rule for one tenant id and e-mail pair as a sequential program, and a check whether the answers to
//! concurrent calls could be the answers to sequential calls.

use std::time::Instant;

/// A call. Small numbers represent tenant ids and e-mail addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// `POST /tokens/embed/referrals`.
    Token { tenant: Option<u8>, email: Option<u8> },
    /// `POST /partners`.
    Partner { tenant: Option<u8>, email: u8 },
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Saw {
    /// The partner with this id.
    Partner(String),
    Conflict,
    NotFound,
}

/// A call of a history.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) ask: Ask,
    pub(crate) saw: Saw,
    pub(crate) begin: Instant,
    pub(crate) end: Instant,
}

#[derive(Debug, Clone)]
struct Enrollment {
    id: String,
    email: u8,
    tenant: Option<u8>,
}

/// Returns whether some order of the calls gives every call its answer. The order keeps calls that did not overlap in
/// their real order.
pub(crate) fn is_linearizable(history: &[Event]) -> bool {
    search(&history.iter().collect::<Vec<_>>(), &[])
}

fn search(left: &[&Event], enrollments: &[Enrollment]) -> bool {
    let Some(first_end) = left.iter().map(|event| event.end).min() else { return true };
    let could_be_next = |event: &Event| event.begin <= first_end;
    left.iter().enumerate().filter(|(_, event)| could_be_next(event)).any(|(number, event)| {
        let Some(after) = step(event, enrollments) else { return false };
        let mut rest = left.to_vec();
        rest.remove(number);
        search(&rest, &after)
    })
}

/// Returns the enrollments after a call. Returns `None` when the call could not have got its answer.
fn step(event: &Event, enrollments: &[Enrollment]) -> Option<Vec<Enrollment>> {
    let (tenant, email) = match event.ask {
        Ask::Token { tenant, email } => (tenant, email),
        Ask::Partner { tenant, email } => (tenant, Some(email)),
    };
    let by_tenant = tenant.and_then(|tenant| enrollments.iter().position(|known| known.tenant == Some(tenant)));
    let by_email = email.and_then(|email| enrollments.iter().position(|known| known.email == email));
    let trusted = matches!(event.ask, Ask::Partner { .. });
    let mut after = enrollments.to_vec();
    let expected = match (by_tenant, by_email) {
        (Some(a), Some(b)) if a != b && trusted => Saw::Conflict,
        (Some(a), _) => Saw::Partner(enrollments[a].id.clone()),
        (None, Some(b)) => match (tenant, enrollments[b].tenant) {
            (Some(_), Some(_)) if !trusted => Saw::Conflict,
            _ => {
                after[b].tenant = tenant.or(after[b].tenant);
                Saw::Partner(enrollments[b].id.clone())
            }
        },
        (None, None) => match (email, &event.saw) {
            (Some(email), Saw::Partner(id)) if enrollments.iter().all(|known| known.id != *id) => {
                after.push(Enrollment { id: id.clone(), email, tenant });
                event.saw.clone()
            }
            (Some(_), _) => return None,
            (None, _) => Saw::NotFound,
        },
    };
    (expected == event.saw).then_some(after)
}
