//! The parent's half of the conversation with the child: sends the difference and agrees on its end, if there is one
//! (theme 10), and waits for the report.
//!
//! Runs in the thread that leads the child, with no lock held, and needs nothing of the host's. INVARIANT: bytes
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
use std::os::fd::OwnedFd;
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

/// A child that somebody waits for.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    pub child: &'a Child,
    /// The parent's end of its report.
    pub report: &'a OwnedFd,
    pub events: &'a Events,
}

/// Serves a child that takes a difference until it is gone. `stop` says why it is to be killed, if it is.
pub fn pump(
    watch: Watch<'_>,
    ends: &ParentEnds,
    outlet: &mut Outlet,
    stop: impl Fn() -> Option<Failure>,
) -> Result<Report, Failure> {
    let speech = Speech { ends, outlet, sending: true, listening: true };
    Pump { watch, speech: Some(speech), report: None }.run(stop)
}

/// The same for a child that is told nothing.
pub fn wait(watch: Watch<'_>, stop: impl Fn() -> Option<Failure>) -> Result<Report, Failure> {
    Pump { watch, speech: None, report: None }.run(stop)
}

/// Records of the difference went missing.
pub fn no_memory() -> Failure {
    let error = io::Error::from_raw_os_error(libc::ENOMEM);
    Failure::system("what was changed meanwhile does not fit into memory", &error)
}

struct Pump<'a> {
    watch: Watch<'a>,
    speech: Option<Speech<'a>>,
    report: Option<Report>,
}

/// What the child is told.
struct Speech<'a> {
    ends: &'a ParentEnds,
    outlet: &'a mut Outlet,
    /// Until the child asked for the end, or is dead (P-13).
    sending: bool,
    listening: bool,
}

impl Pump<'_> {
    fn run(mut self, stop: impl Fn() -> Option<Failure>) -> Result<Report, Failure> {
        loop {
            let spoilt = self.speech.as_ref().is_some_and(|speech| speech.outlet.diff().is_spoilt());
            let wish = stop().or_else(|| spoilt.then(no_memory));
            let failure = match wish {
                Some(wish) => wish,
                None => match self.turn() {
                    Ok(false) => continue,
                    Ok(true) => return self.outcome(),
                    Err(error) => Failure::system("no room for what was changed meanwhile", &error),
                },
            };
            self.watch.child.kill();
            self.watch.child.reap(true);
            return Err(failure);
        }
    }

    /// Waits for a moment and does what is to be done; true when the child is gone. Its report is not enough: the
    /// end of file behind it may never come, since a forked copy of the host can hold the other end.
    fn turn(&mut self) -> io::Result<bool> {
        let wants_room = match &mut self.speech {
            Some(speech) => speech.has_more()?,
            None => false,
        };
        let ready = Ready::wait(self.watch, self.speech.as_ref(), wants_room);
        if let Some(speech) = &mut self.speech {
            speech.go_on(&ready, self.watch.events)?;
        }
        if (ready.report || ready.gone) && self.report.is_none() {
            // What was written before the end is still in the pipe.
            self.report = Report::read(self.watch.report).ok().flatten();
        }
        Ok(ready.gone)
    }

    fn outcome(&self) -> Result<Report, Failure> {
        let child = self.watch.child;
        let (end, who) = (child.reap(true), child.role.child());
        let Some(report) = self.report else { return Err(silent(who, end)) };
        if !report.ok {
            let error = io::Error::from_raw_os_error(report.errno);
            let what = match report.errno {
                libc::ETIMEDOUT => format!("the {who} heard no answer in time"),
                _ => format!("the {who} failed ({})", report.step.name()),
            };
            return Err(Failure::system(&what, &error));
        }
        // The status is only the second witness: the host may have taken it.
        if matches!(end, Reaped::Exited(0) | Reaped::Unknown) { Ok(report) } else { Err(silent(who, end)) }
    }
}

impl Speech<'_> {
    fn has_more(&mut self) -> io::Result<bool> {
        self.outlet.relieve()?;
        Ok(self.sending && !self.outlet.front()?.is_empty())
    }

    fn go_on(&mut self, ready: &Ready, events: &Events) -> io::Result<()> {
        if ready.asked {
            self.answer(events);
        }
        if ready.room && self.sending { self.send() } else { Ok(()) }
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
    fn answer(&mut self, events: &Events) {
        let mut byte = [0];
        let asked = retry_on_intr(|| read(&self.ends.asked, &mut byte));
        self.listening = false;
        if asked != Ok(1) || byte != [ASK] {
            return;
        }
        self.sending = false;
        events.notice("the rewrite child asks for the end of the difference");
        if let Err(errno) = retry_on_intr(|| write(&self.ends.answer, &[ASK])) {
            // It waits with a timeout of its own.
            let error = io::Error::from(errno);
            events.warning(format!("cannot answer the rewrite child: {error}"));
        }
    }
}

/// A child that ended otherwise than it should have, or said nothing.
fn silent(who: &str, end: Reaped) -> Failure {
    match end {
        Reaped::Signalled(signal) => {
            let what = format!("the {who} was killed by signal {signal}");
            Failure::new(RewriteCause::Signal(signal), what)
        }
        Reaped::Exited(code) => {
            let what = format!("the {who} ended with status {code} and without a report");
            Failure::new(RewriteCause::Exit(code), what)
        }
        Reaped::Running | Reaped::Unknown => {
            Failure::new(RewriteCause::Other, format!("the {who} is gone without a report"))
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
    fn wait(watch: Watch<'_>, speech: Option<&Speech<'_>>, wants_room: bool) -> Self {
        let Watch { child, report, .. } = watch;
        let listening = speech.is_some_and(|speech| speech.listening);
        let interest = |fd, wanted, flags| match fd {
            Some(fd) if wanted => PollFd::new(fd, flags),
            _ => PollFd::new(report, PollFlags::empty()),
        };
        let pidfd = child.pidfd();
        let mut fds = [
            PollFd::new(report, PollFlags::IN),
            interest(speech.map(|speech| &speech.ends.asked), listening, PollFlags::IN),
            interest(speech.map(|speech| &speech.ends.data), wants_room, PollFlags::OUT),
            pidfd.map_or(PollFd::new(report, PollFlags::empty()), |fd| {
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
