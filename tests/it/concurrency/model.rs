//! The model that the chaos tests check histories against rejects impossible histories.

use std::time::{Duration, Instant};

use crate::enrollment_model::{Ask, Event, Saw, is_linearizable};

/// A call with the milliseconds of its beginning and end.
type Call = (Ask, Saw, u64, u64);

fn token(tenant: u8, email: u8) -> Ask {
    Ask::Token { tenant: Some(tenant), email: Some(email) }
}

fn partner(tenant: u8, email: u8) -> Ask {
    Ask::Partner { tenant: Some(tenant), email }
}

fn find(tenant: u8) -> Ask {
    Ask::Token { tenant: Some(tenant), email: None }
}

fn saw(id: &str) -> Saw {
    Saw::Partner(id.to_owned())
}

fn history(calls: &[Call]) -> Vec<Event> {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    calls
        .iter()
        .map(|(ask, saw, begin, end)| Event { ask: *ask, saw: saw.clone(), begin: at(*begin), end: at(*end) })
        .collect()
}

#[test]
fn only_histories_with_a_sequential_order_are_linearizable() {
    let rows: &[(&str, bool, &[Call])] = &[
        ("nothing", true, &[]),
        ("created once, found after that", true, &[(token(0, 0), saw("a"), 0, 1), (token(0, 0), saw("a"), 2, 3)]),
        ("created twice", false, &[(token(0, 0), saw("a"), 0, 9), (token(0, 0), saw("b"), 0, 9)]),
        ("two people of one id", false, &[(token(0, 0), saw("a"), 0, 1), (token(1, 1), saw("a"), 2, 3)]),
        (
            "found before it was created, at the same time",
            true,
            &[(token(0, 0), saw("a"), 0, 9), (find(0), Saw::NotFound, 0, 9)],
        ),
        ("not found after it was created", false, &[(token(0, 0), saw("a"), 0, 1), (find(0), Saw::NotFound, 2, 3)]),
        (
            "row 3, a token",
            true,
            &[(token(0, 0), saw("a"), 0, 1), (token(1, 1), saw("b"), 2, 3), (token(0, 1), saw("a"), 4, 5)],
        ),
        (
            "row 3, a partner",
            true,
            &[(token(0, 0), saw("a"), 0, 1), (token(1, 1), saw("b"), 2, 3), (partner(0, 1), Saw::Conflict, 4, 5)],
        ),
        (
            "row 3, a partner that was let in",
            false,
            &[(token(0, 0), saw("a"), 0, 1), (token(1, 1), saw("b"), 2, 3), (partner(0, 1), saw("a"), 4, 5)],
        ),
        ("row 5, a token", true, &[(token(0, 0), saw("a"), 0, 1), (token(1, 0), Saw::Conflict, 2, 3)]),
        ("row 5, a token that was let in", false, &[(token(0, 0), saw("a"), 0, 1), (token(1, 0), saw("a"), 2, 3)]),
        (
            "row 5, a partner",
            true,
            &[
                (token(0, 0), saw("a"), 0, 1),
                (partner(1, 0), saw("a"), 2, 3),
                (find(0), Saw::NotFound, 4, 5),
                (find(1), saw("a"), 4, 5),
            ],
        ),
        (
            "row 5, a partner whose old id stays",
            false,
            &[(token(0, 0), saw("a"), 0, 1), (partner(1, 0), saw("a"), 2, 3), (find(0), saw("a"), 4, 5)],
        ),
        ("a conflict without a reason", false, &[(token(0, 0), Saw::Conflict, 0, 1)]),
    ];
    for (what, linearizable, calls) in rows {
        assert_eq!(is_linearizable(&history(calls)), *linearizable, "{what}");
    }
}
