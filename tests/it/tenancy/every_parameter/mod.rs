//! Every operation and every parameter of openapi.yaml with values of another workspace, alone and in random
//! combinations: the answer is the same whether a value belongs to another workspace or to nobody.
//!
//! Two applications with the same history get the same requests. Where the first application gets a value of the other
//! workspace, the second gets a similar value that nobody has. The answers must be the same and without data of the
//! other workspace, and the rows of the other workspace must not change. No parameter needs a separate expectation, and
//! no parameter is forgotten, because the parameters come from openapi.yaml.

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

/// The maximum number of random requests to one pair of applications.
const LENGTH: usize = 100;

/// The number of requests between two lines about the progress.
const PROGRESS_INTERVAL: usize = 5_000;

/// Each parameter that names something, with each value of the other workspace that it could name.
#[tokio::test]
async fn value_of_another_workspace_is_unknown_in_every_parameter() {
    let mut twins = Box::pin(Twins::start()).await;
    let requests = twins.one_for_each_parameter();
    assert!(requests.len() > 250, "only {} requests", requests.len());
    for request in requests {
        twins.send(&request).await;
        twins.assert_the_other_workspace_is_unchanged(&request).await;
    }
}

/// `TENANCY_CASES` sets the number of requests, `TENANCY_SEED` chooses them. Prints the progress.
#[test]
fn value_of_another_workspace_is_unknown_in_random_combinations() {
    let (cases, first_seed) = (asked_for("TENANCY_CASES", 300), u64::try_from(asked_for("TENANCY_SEED", 1)).unwrap());
    let config = ProptestConfig {
        // A list has half of the maximum on average.
        cases: u32::try_from(cases * 2 / LENGTH).unwrap(),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(first_seed),
        max_shrink_time: 30_000,
        ..ProptestConfig::default()
    };
    let sent = Cell::new(0_usize);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // One number determines a whole request.
    let lists = vec(any::<u64>().no_shrink(), 1..=LENGTH);
    let tried = TestRunner::new(config).run(&lists, |list| {
        runtime.block_on(async {
            let mut twins = Box::pin(Twins::start()).await;
            for seed in list {
                let request = twins.random(&mut StdRng::seed_from_u64(seed));
                twins.send(&request).await;
                sent.set(sent.get() + 1);
                if sent.get().is_multiple_of(PROGRESS_INTERVAL) {
                    eprintln!("{} requests, seed {first_seed}", sent.get());
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
#[should_panic(expected = "reveals whether another workspace has a value")]
async fn count_that_depends_on_another_workspace_is_noticed() {
    let mut twins = Box::pin(Twins::start()).await;
    twins.swap_callers();
    let count = twins.one_for_each_parameter().into_iter().find(|request| request.is("countPartners", "tenantId"));
    twins.send(&count.unwrap()).await;
}
