//! Memory in huge pages. A node with much state spends more time on finding memory than on deciding: with a million contacts
//! a decision takes half the time where pages have 2 MiB (docs/PERFORMANCE.md).

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::env;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    /// Where glibc is told how it is to work; it reads that before a program begins.
    const TUNABLES: &str = "GLIBC_TUNABLES";
    const HUGE_PAGES: &str = "glibc.malloc.hugetlb";

    /// Starts this program again in the same process with an allocator that asks for huge pages, unless the environment
    /// says already whether it does.
    pub(crate) fn ask_for_huge_pages() {
        let told = env::var(TUNABLES).unwrap_or_default();
        if told.contains(HUGE_PAGES) {
            return;
        }
        let Ok(program) = env::current_exe() else { return };
        let tunables =
            if told.is_empty() { format!("{HUGE_PAGES}=1") } else { format!("{told}:{HUGE_PAGES}=1") };
        let mut arguments = env::args_os();
        let mut again = Command::new(program);
        if let Some(name) = arguments.next() {
            again.arg0(name);
        }
        // It returns only when it fails, and then the node goes on with small pages.
        let error = again.args(arguments).env(TUNABLES, tunables).exec();
        eprintln!("warning: no huge pages, which makes a node with much state slower: {error}");
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) use glibc::ask_for_huge_pages;

/// Other allocators have other ways, or none.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn ask_for_huge_pages() {}
