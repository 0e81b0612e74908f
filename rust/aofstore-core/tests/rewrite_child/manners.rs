//! What a child keeps of its host, and what the host notices of it (findings 8 and 9, `reliability` 2.3).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aofstore_core::rewrite::{Plan, Reaped, Step, in_child};

use crate::failures::signal;
use crate::rig::{Rig, Running, raw};

fn paused(rig: &Rig) -> Running {
    let running = rig.fork();
    running.await_step(Step::Dumping);
    running
}

fn pausing() -> Rig {
    Rig::new(Plan { pause: Some(Step::Dumping), ..Plan::default() })
}

#[test]
fn it_has_its_own_six_descriptors_and_no_other() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let rig = pausing();
    let running = paused(&rig);
    let fds = running.fds();
    assert_eq!(fds.len(), 6, "{fds:?}");
    assert_eq!(fds.iter().filter(|(_, link)| link.starts_with("pipe:")).count(), 4, "{fds:?}");
    for file in [&rig.temp, &rig.spool] {
        assert!(fds.iter().any(|(fd, _)| *fd == raw(file)));
    }
    let port = listener.local_addr().unwrap();
    drop(listener);
    std::net::TcpListener::bind(port).unwrap();
}

#[test]
fn no_handler_of_the_host_is_left_and_nothing_is_blocked() {
    extern "C" fn handler(_: i32) {}
    // SAFETY: a handler that does nothing, for a signal that nobody here uses.
    unsafe { libc::signal(libc::SIGUSR2, handler as extern "C" fn(i32) as libc::sighandler_t) };
    let rig = pausing();
    let running = paused(&rig);
    let set = |label: &str| u64::from_str_radix(&running.status(label), 16).unwrap();
    assert_eq!((set("SigCgt"), set("SigBlk")), (0, 0));
    let ignored = [libc::SIGHUP, libc::SIGINT, libc::SIGPIPE, libc::SIGXFSZ];
    let ignored = ignored.iter().fold(0, |set, signal| set | 1 << (signal - 1));
    let own = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    // A shell may have started this process with more of them ignored, and those may stay.
    let hosts = own.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    let hosts = u64::from_str_radix(hosts, 16).unwrap() & !(1 << (libc::SIGTERM - 1));
    assert_eq!((set("SigIgn") & ignored, set("SigIgn") & !ignored & !hosts), (ignored, 0));
    // The parent's own mask is as before.
    assert!(own.lines().any(|line| line.split_whitespace().eq(["SigBlk:", "0000000000000000"])));
    assert!(!in_child());
}

#[test]
fn a_ctrl_c_is_the_hosts_and_a_sigterm_ends_it() {
    let rig = pausing();
    let running = paused(&rig);
    signal(running.child.pid(), libc::SIGINT);
    signal(running.child.pid(), libc::SIGHUP);
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!(running.child.reap(false), Reaped::Running);
    signal(running.child.pid(), libc::SIGTERM);
    assert_eq!(running.child.reap(true), Reaped::Signalled(libc::SIGTERM));
}

#[test]
fn it_has_a_name_and_goes_before_the_host_when_memory_runs_out() {
    let rig = pausing();
    let running = paused(&rig);
    assert_eq!(running.status("Name"), "aofstore-rewrit");
    let score = std::fs::read_to_string(running.proc("oom_score_adj")).unwrap();
    assert_eq!(score.trim(), "800");
    let own = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    assert_ne!(own.trim(), "800");
}

#[test]
fn it_dies_with_the_thread_that_forked_it() {
    let rig = pausing();
    let running = std::thread::scope(|scope| scope.spawn(|| paused(&rig)).join().unwrap());
    assert_eq!(running.child.reap(true), Reaped::Signalled(libc::SIGKILL));
}

#[test]
fn a_pidfd_tells_of_its_end() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let rig = pausing();
    let running = paused(&rig);
    let Some(pidfd) = running.child.pidfd() else { return };
    let ready = |ms: i64| {
        let time = Timespec { tv_sec: 0, tv_nsec: ms * 1_000_000 };
        poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&time)).unwrap() == 1
    };
    assert!(!ready(1));
    running.child.kill();
    assert!(ready(900));
    assert_eq!(running.child.reap(false), Reaped::Signalled(libc::SIGKILL));
}

#[test]
fn no_child_hangs_while_eight_threads_allocate() {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let stop = &stop;
            scope.spawn(move || {
                let mut kept = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    for size in 0..200 {
                        kept.push(vec![0_u8; 1 << ((size + n) % 18)]);
                    }
                    kept.clear();
                }
            });
        }
        let begun = Instant::now();
        for _ in 0..50 {
            let rig = Rig::over(crate::rig::space_of(b""), Plan::default());
            let mut running = rig.fork();
            running.feed(b"*1\r\n$4\r\nPING\r\n");
            let reaped = running.finish();
            if reaped != Reaped::Exited(0) {
                stop.store(true, Ordering::Relaxed);
            }
            assert_eq!(reaped, Reaped::Exited(0));
            rig.check(&running, running.report.unwrap());
        }
        stop.store(true, Ordering::Relaxed);
        assert!(begun.elapsed() < Duration::from_secs(60));
    });
}

/// Runs `body` in a process of its own, for what concerns the whole process: this test again, told apart by a variable.
fn alone(name: &str, body: impl FnOnce()) {
    const MARK: &str = "AOFSTORE_TEST_ALONE";
    if std::env::var_os(MARK).is_some() {
        return body();
    }
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    let output = again.args(["--exact", name, "--nocapture"]).env(MARK, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_host_that_ignores_sigchld_takes_the_status_and_nothing_else() {
    alone("manners::a_host_that_ignores_sigchld_takes_the_status_and_nothing_else", || {
        // SAFETY: an action without a handler.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        let rig = Rig::new(Plan::default());
        let mut running = rig.fork();
        running.feed(b"abc");
        assert_eq!(running.finish(), Reaped::Unknown);
        rig.check(&running, running.report.unwrap());
        let rig = pausing();
        let running = paused(&rig);
        running.child.kill();
        assert_eq!(running.child.reap(true), Reaped::Unknown);
    });
}

#[test]
fn a_limit_of_file_sizes_is_an_error_and_no_death() {
    alone("manners::a_limit_of_file_sizes_is_an_error_and_no_death", || {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = Rlimit { current: Some(8192), ..getrlimit(Resource::Fsize) };
        setrlimit(Resource::Fsize, limit).unwrap();
        let rig = Rig::new(Plan::default());
        let mut running = rig.fork();
        assert_eq!(running.finish(), Reaped::Exited(1));
        let report = running.report.unwrap();
        assert_eq!((report.ok, report.errno, report.bytes), (false, libc::EFBIG, 8192));
    });
}

#[test]
fn nothing_is_left_behind_by_a_hundred_rewrites() {
    alone("manners::nothing_is_left_behind_by_a_hundred_rewrites", || {
        let fds = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let children = || std::fs::read_to_string("/proc/thread-self/children").unwrap();
        let before = fds();
        for n in 0..100_u32 {
            let kill = (n % 3 == 0).then(|| Step::ALL[n as usize % Step::ALL.len()]);
            let rig = Rig::over(crate::rig::space_of(b""), Plan { kill, ..Plan::default() });
            let mut running = rig.fork();
            running.finish();
            drop(running);
            drop(rig);
            assert_eq!((fds(), children().as_str()), (before, ""));
        }
    });
}
