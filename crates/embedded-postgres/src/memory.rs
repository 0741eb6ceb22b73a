//! How much memory PostgreSQL gets for the pages of the database.

use std::fs;

/// What PostgreSQL takes without a setting.
const LEAST: u64 = 128;
/// The index pages that millions of enrollments use. More makes each start slower: PostgreSQL prepares all of it.
const MOST: u64 = 4096;
/// The limit of a container, by the version of cgroups.
const LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// `shared_buffers` in MiB: a quarter of the memory, as PostgreSQL's manual advises ("Resource Consumption"). It is
/// used as the database grows. `None` where the memory is not known.
pub(super) fn shared_buffers() -> Option<u64> {
    let limits = LIMITS.into_iter().filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
    limits.fold(total(), |memory, limit| memory.map(|memory| memory.min(limit))).map(part)
}

fn part(memory: u64) -> u64 {
    (memory / 4 / (1 << 20)).clamp(LEAST, MOST)
}

/// In bytes.
#[cfg(target_os = "linux")]
fn total() -> Option<u64> {
    nix::sys::sysinfo::sysinfo().ok().map(|info| info.ram_total())
}

#[cfg(not(target_os = "linux"))]
fn total() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_quarter_of_the_memory_within_bounds() {
        assert_eq!(part(2 << 30), 512);
        assert_eq!(part(256 << 20), LEAST);
        assert_eq!(part(64 << 30), MOST);
        assert!(shared_buffers().is_none_or(|size| (LEAST..=MOST).contains(&size)));
    }
}
