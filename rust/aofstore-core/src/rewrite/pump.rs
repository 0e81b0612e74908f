//! The parent's half of the conversation with the child (theme 10): sends the difference, agrees on its end, waits
//! for the report.
//!
//! Runs in the thread that leads the rewrite, with no lock held, and needs nothing of the host's. INVARIANT: bytes
//! leave the outlet exactly when the pipe has taken them, so what the child got and what the outlet still has join to
//! the whole stream (P-18).

use super::pipes::ParentEnds;
use super::process::{Child, Reaped};
use super::report::Report;
use crate::aof::Outlet;
use crate::error::RewriteCause;
use crate::event::Events;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read, retry_on_intr, write};
use std::io;
use std::time::Duration;

/// How often new bytes, and a wish to stop, are looked for.
const TURN: Duration = Duration::from_millis(5);
/// As much as a pipe holds.
const PIECE: usize = 65536;
const ASK: u8 = b'!';

/// Why there will be no new file; the old one is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub cause: RewriteCause,
    pub what: String,
    /// Stopped on purpose, which is no error (S-05).
    pub deliberate: bool,
}

impl Failure {
    pub fn new(cause: RewriteCause, what: impl Into<String>) -> Self {
        Self { cause, what: what.into(), deliberate: false }
    }

    /// A call of the system's failed while doing `what`.
    pub fn system(what: &str, error: &io::Error) -> Self {
        Self::new(RewriteCause::Errno(crate::fs::errno(error)), format!("{what}: {error}"))
    }

    pub fn stopped(why: &str) -> Self {
        Self { deliberate: true, ..Self::new(RewriteCause::Signal(libc::SIGKILL), why) }
    }
}

/// Serves `child` until it is gone. `stop` says why it is to be killed, if it is.
pub fn pump(
    ends: &ParentEnds,
    outlet: &mut Outlet,
    child: &Child,
    events: &Events,
    stop: impl Fn() -> Option<Failure>,
) -> Result<Report, Failure> {
    let mut pump = Pump { ends, outlet, child, events, sending: true, listening: true, report: None };
    loop {
        let wish = stop().or_else(|| pump.outlet.diff().is_spoilt().then(no_memory));
        if let Some(failure) = wish {
            child.kill();
            child.reap(true);
            return Err(failure);
        }
        match pump.turn() {
            Ok(false) => {}
            Ok(true) => return pump.outcome(),
            Err(error) => {
                child.kill();
                child.reap(true);
                return Err(Failure::system("no room for what was changed meanwhile", &error));
            }
        }
    }
}

fn no_memory() -> Failure {
    let error = io::Error::from_raw_os_error(libc::ENOMEM);
    Failure::system("what was changed meanwhile does not fit into memory", &error)
}

struct Pump<'a> {
    ends: &'a ParentEnds,
    outlet: &'a mut Outlet,
    child: &'a Child,
    events: &'a Events,
    /// Until the child asked for the end, or is dead (P-13).
    sending: bool,
    listening: bool,
    report: Option<Report>,
}

impl Pump<'_> {
    /// Waits for a moment and does what is to be done; true when the child is gone. Its report is not enough: the
    /// end of file behind it may never come, since a forked copy of the host can hold the other end.
    fn turn(&mut self) -> io::Result<bool> {
        self.outlet.relieve()?;
        let wants = self.sending && !self.outlet.front()?.is_empty();
        let ready = Ready::wait(self.ends, self.child, self.listening, wants);
        if ready.asked {
            self.answer();
        }
        if ready.room && self.sending {
            self.send()?;
        }
        if (ready.report || ready.gone) && self.report.is_none() {
            // What was written before the end is still in the pipe.
            self.report = Report::read(&self.ends.report).ok().flatten();
        }
        Ok(ready.gone)
    }

    fn send(&mut self) -> io::Result<()> {
        let front = self.outlet.front()?;
        let piece = front.get(..PIECE).unwrap_or(front);
        match retry_on_intr(|| write(&self.ends.data, piece)) {
            Ok(taken) => self.outlet.advance(taken),
            Err(Errno::AGAIN) => {}
            // It is dead or dying; the report pipe tells.
            Err(_) => self.sending = false,
        }
        Ok(())
    }

    /// Whatever comes here, it comes once.
    fn answer(&mut self) {
        let mut byte = [0];
        let asked = retry_on_intr(|| read(&self.ends.asked, &mut byte));
        self.listening = false;
        if asked != Ok(1) || byte != [ASK] {
            return;
        }
        self.sending = false;
        self.events.notice("the rewrite child asks for the end of the difference");
        if let Err(errno) = retry_on_intr(|| write(&self.ends.answer, &[ASK])) {
            // It waits with a timeout of its own.
            let error = io::Error::from(errno);
            self.events.warning(format!("cannot answer the rewrite child: {error}"));
        }
    }

    fn outcome(&self) -> Result<Report, Failure> {
        let end = self.child.reap(true);
        let Some(report) = self.report else { return Err(silent(end)) };
        if !report.ok {
            let error = io::Error::from_raw_os_error(report.errno);
            let what = match report.errno {
                libc::ETIMEDOUT => "the rewrite child heard no answer in time".to_owned(),
                _ => format!("the rewrite child failed ({})", report.step.name()),
            };
            return Err(Failure::system(&what, &error));
        }
        // The status is only the second witness: the host may have taken it.
        if matches!(end, Reaped::Exited(0) | Reaped::Unknown) { Ok(report) } else { Err(silent(end)) }
    }
}

/// A child that ended otherwise than it should have, or said nothing.
fn silent(end: Reaped) -> Failure {
    match end {
        Reaped::Signalled(signal) => {
            let what = format!("the rewrite child was killed by signal {signal}");
            Failure::new(RewriteCause::Signal(signal), what)
        }
        Reaped::Exited(code) => {
            let what = format!("the rewrite child ended with status {code} and without a report");
            Failure::new(RewriteCause::Exit(code), what)
        }
        Reaped::Running | Reaped::Unknown => {
            Failure::new(RewriteCause::Other, "the rewrite child is gone without a report")
        }
    }
}

/// What a look at the pipes found.
#[derive(Default)]
struct Ready {
    report: bool,
    asked: bool,
    room: bool,
    gone: bool,
}

impl Ready {
    fn wait(ends: &ParentEnds, child: &Child, listening: bool, wants_room: bool) -> Self {
        let interest = |wanted, flags| if wanted { flags } else { PollFlags::empty() };
        let pidfd = child.pidfd();
        let mut fds = [
            PollFd::new(&ends.report, PollFlags::IN),
            PollFd::new(&ends.asked, interest(listening, PollFlags::IN)),
            PollFd::new(&ends.data, interest(wants_room, PollFlags::OUT)),
            pidfd.map_or(PollFd::new(&ends.report, PollFlags::empty()), |fd| {
                PollFd::from_borrowed_fd(fd, PollFlags::IN)
            }),
        ];
        let time = Timespec { tv_sec: 0, tv_nsec: TURN.subsec_nanos().into() };
        if poll(&mut fds, Some(&time)).is_err() {
            // Whatever it is, it must not make this a busy loop.
            std::thread::sleep(TURN);
            return Self::default();
        }
        let [report, asked, data, gone] = fds.map(|fd| fd.revents());
        Self {
            report: !report.is_empty(),
            asked: listening && !asked.is_empty(),
            room: wants_room && !data.is_empty(),
            gone: match pidfd {
                Some(_) => gone.contains(PollFlags::IN),
                None => child.reap(false) != Reaped::Running,
            },
        }
    }
}
