//! What the system says of the host process and the machine. Figures of the whole process, not of a store.
#![expect(clippy::disallowed_methods, reason = "the kernel's word on this process, not a file of a store")]

use crate::encoding::huge;

/// Processor time in seconds.
pub(super) struct Cpu {
    pub user: f64,
    pub system: f64,
    pub children_user: f64,
    pub children_system: f64,
}

/// What Linux counts processor time in, on every machine, as far as programs can see it.
const TICKS_A_SECOND: f64 = 100.0;

/// None where the system does not tell.
pub(super) fn cpu() -> Option<Cpu> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the name, may hold anything.
    let mut ticks = stat.rsplit_once(')')?.1.split_whitespace().skip(11).map_while(|n| n.parse::<f64>().ok());
    let mut next = || ticks.next().map(|ticks| ticks / TICKS_A_SECOND);
    Some(Cpu { user: next()?, system: next()?, children_user: next()?, children_system: next()? })
}

/// Bytes that the process has in memory.
pub(super) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Bytes of memory that the machine has.
pub(super) fn total_memory() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let system = rustix::system::sysinfo();
        Some(system.totalram as u64 * u64::from(system.mem_unit))
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Whether the system gives huge pages of the size that the keyspace is gathered into, to whoever asks for them.
pub(super) fn has_huge_pages() -> bool {
    let says = |name| std::fs::read_to_string(format!("/sys/kernel/mm/transparent_hugepage/{name}"));
    let size = says("hpage_pmd_size").ok().and_then(|size| size.trim().parse().ok());
    size == Some(huge::REGION) && says("enabled").is_ok_and(|enabled| !enabled.contains("[never]"))
}

/// `Linux 6.1.0 x86_64`.
pub(super) fn system() -> String {
    let name = rustix::system::uname();
    let words = [name.sysname(), name.release(), name.machine()].map(|word| word.to_string_lossy());
    words.join(" ")
}

/// The program that the host process runs.
pub(super) fn executable() -> String {
    std::env::current_exe().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_all_of_it() {
        let began = std::time::Instant::now();
        while began.elapsed().as_millis() < 30 {}
        let cpu = cpu().expect("told");
        assert!(cpu.user + cpu.system > 0.0 && cpu.children_user >= 0.0 && cpu.children_system >= 0.0);
        assert!(resident_bytes() < total_memory() && resident_bytes() > Some(0));
        assert!(system().starts_with("Linux ") && executable().starts_with('/'));
    }
}
