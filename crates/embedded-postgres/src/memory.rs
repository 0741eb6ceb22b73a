//! The size of PostgreSQL's page cache, `shared_buffers`.

use std::fs;

/// The default of PostgreSQL, in MiB.
const MIN_MIB: u64 = 128;
/// The upper limit, in MiB: enough for the indexes of tables with millions of rows. PostgreSQL prepares the whole cache
/// at the start, so a larger cache delays each start.
const MAX_MIB: u64 = 4096;
/// Files with the memory limit of a container: cgroups version 2 and version 1.
const CONTAINER_LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// Returns `shared_buffers` in MiB: a quarter of the memory, as the manual of PostgreSQL advises ("Resource
/// Consumption"). The operating system provides the memory as the database grows. Returns `None` when the size of the
/// memory is unknown.
pub(crate) fn shared_buffers() -> Option<u64> {
    let limits = CONTAINER_LIMITS.into_iter().filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
    limits.fold(total_memory(), |memory, limit| memory.map(|memory| memory.min(limit))).map(quarter_in_mib)
}

fn quarter_in_mib(memory: u64) -> u64 {
    (memory / 4 / (1 << 20)).clamp(MIN_MIB, MAX_MIB)
}

/// Returns the memory of the machine in bytes.
#[cfg(target_os = "linux")]
fn total_memory() -> Option<u64> {
    nix::sys::sysinfo::sysinfo().ok().map(|info| info.ram_total())
}

#[cfg(not(target_os = "linux"))]
fn total_memory() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_is_a_quarter_of_the_memory_within_bounds() {
        assert_eq!(quarter_in_mib(2 << 30), 512);
        assert_eq!(quarter_in_mib(256 << 20), MIN_MIB);
        assert_eq!(quarter_in_mib(64 << 30), MAX_MIB);
        assert!(shared_buffers().is_none_or(|size| (MIN_MIB..=MAX_MIB).contains(&size)));
    }
}
