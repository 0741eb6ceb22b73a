//! Every operation and every parameter of openapi.yaml with what another workspace has, alone and in random
//! combinations: to whoever asks it is all the same whether a value is another workspace's or nobody's.
//!
//! Two applications with one history get the same requests; where the first gets a value of the other workspace, the
//! second gets one like it that nobody has. Their answers must be the same, nothing of the other workspace may be in
//! them, and its rows must stay as they are. So no parameter needs an expectation of its own, and none is forgotten:
//! they are those of openapi.yaml.

mod names;
mod requests;
mod twins;
mod values;

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::runtime;

use self::twins::Twins;
use crate::support::asked_for;

/// The most random requests to one pair of applications.
const LENGTH: usize = 100;

/// Requests between two lines about how many it was.
const TOLD_AFTER: usize = 5_000;

/// Each parameter that names something, with each value of the other workspace that it could name.
#[tokio::test]
async fn what_another_workspace_has_is_nobodys_in_every_parameter() {
    let mut twins = Box::pin(Twins::start()).await;
    let requests = twins.one_for_each_parameter();
    assert!(requests.len() > 250, "only {} requests", requests.len());
    for request in requests {
        twins.ask(&request).await;
        twins.assert_the_other_workspace_is_unchanged(&request).await;
    }
}

/// `TENANCY_CASES` is how many requests, `TENANCY_SEED` which ones. Tells from time to time how many it was.
#[test]
fn what_another_workspace_has_is_nobodys_in_any_combination() {
    let (cases, first_seed) = (asked_for("TENANCY_CASES", 300), u64::try_from(asked_for("TENANCY_SEED", 1)).unwrap());
    let config = ProptestConfig {
        // The lists have half of it on average.
        cases: u32::try_from(cases * 2 / LENGTH).unwrap(),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(first_seed),
        max_shrink_time: 30_000,
        ..ProptestConfig::default()
    };
    let asked = Cell::new(0_usize);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // A request is all that follows from one number.
    let lists = vec(any::<u64>().no_shrink(), 1..=LENGTH);
    let tried = TestRunner::new(config).run(&lists, |list| {
        runtime.block_on(async {
            let mut twins = Box::pin(Twins::start()).await;
            for seed in list {
                let request = twins.random(&mut StdRng::seed_from_u64(seed));
                twins.ask(&request).await;
                asked.set(asked.get() + 1);
                if asked.get().is_multiple_of(TOLD_AFTER) {
                    eprintln!("{} requests, seed {first_seed}", asked.get());
                }
            }
            twins.assert_the_other_workspace_is_unchanged(&"these requests").await;
        });
        Ok(())
    });
    if let Err(error) = tried {
        panic!("TENANCY_SEED={first_seed}: {error}");
    }
}

/// The comparison can fail: here the caller has a key of the other workspace.
#[tokio::test]
#[should_panic(expected = "tells whether another workspace has what it names")]
async fn a_number_that_depends_on_another_workspace_is_noticed() {
    let mut twins = Box::pin(Twins::start()).await;
    twins.let_the_other_ask();
    let count = twins.one_for_each_parameter().into_iter().find(|request| request.is("countPartners", "tenantId"));
    twins.ask(&count.unwrap()).await;
}
