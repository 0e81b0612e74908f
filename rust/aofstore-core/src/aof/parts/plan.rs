//! What a rewrite needs before it begins, and how its result becomes the log.
//!
//! Two kinds. *Next*: the log is sound, so it goes on in the next increment, and only a base is made. *Anew*: what is
//! there cannot be continued (the log failed, or is off), so a base and its own increment take the place of all.

use std::io;
use std::sync::Arc;

use super::publish::Proof;
use super::{Done, Failed, Parts, State};
use crate::aof::manifest::{Entry, Manifest};
use crate::aof::names::{Form, Part};
use crate::aof::write::Control;
use crate::fs::{Create, File};

const PRIVATE_FILE: u32 = 0o600;
/// Numbers that are tried before it is taken for hopeless.
const MOST_TRIES: u32 = 10_000;

/// For a log that goes on.
pub struct Next {
    pub base: Entry,
    /// Where the log goes on; None: in the file it has, which is empty.
    pub incr: Option<(Entry, Arc<dyn File>)>,
}

/// For a new beginning.
pub struct Anew {
    pub base: Entry,
    pub incr: Option<Entry>,
}

impl Parts {
    /// The log appends to `current`; `fresh`: that is empty, and the log may stay there.
    pub fn begin_next(&self, form: Form, current: &str, fresh: bool) -> Done<Next> {
        let mut state = self.state();
        let base = self.new_base(&mut state, form)?;
        let mut next = state.manifest.clone();
        let mut made = None;
        let incr = if fresh {
            None
        } else if let Some(spare) = self.spare(&next, current)? {
            Some(spare)
        } else {
            let incr = self.new_incr(&mut state)?;
            next.incrs.push(incr.0.clone());
            made = Some(incr.0.name.clone());
            Some(incr)
        };
        match self.publish(&mut state, next, vec![base.clone()]) {
            Ok(proof) => proof.certain()?,
            Err(failed) => {
                if let (Some(made), Some(dir)) = (made, self.dir()) {
                    let _ = dir.unlink(&made);
                }
                return Err(failed);
            }
        }
        Ok(Next { base, incr })
    }

    /// An increment behind `current` that a rewrite which failed has left: empty, since nobody was told to write there.
    fn spare(&self, manifest: &Manifest, current: &str) -> Done<Option<(Entry, Arc<dyn File>)>> {
        let Some(last) = manifest.incrs.last().filter(|last| last.name != current) else { return Ok(None) };
        let dir = self.make_dir()?;
        let failed = || Failed::to(format!("open {}", last.name));
        if dir.size(&last.name).map_err(failed())? != Some(0) {
            return Ok(None);
        }
        let file = dir.open_append(&last.name, Create::Never).map_err(failed())?;
        Ok(Some((last.clone(), file)))
    }

    /// For a base that takes the place of everything, with an increment behind it unless the log is off.
    pub fn begin_anew(&self, form: Form, with_incr: bool) -> Done<Anew> {
        self.make_dir()?;
        let mut state = self.state();
        if !state.ours {
            // What was not loaded is not taken for true: nothing of it is listed by ours, and nothing removed.
            state.manifest = Manifest::default();
        }
        let base = self.new_base(&mut state, form)?;
        let incr = if with_incr { Some(self.free_incr(&mut state)?) } else { None };
        if state.ours || self.has_no_manifest()? {
            let next = state.manifest.clone();
            let planned = [Some(&base), incr.as_ref()].into_iter().flatten().cloned().collect();
            self.publish(&mut state, next, planned)?.certain()?;
        }
        Ok(Anew { base, incr })
    }

    fn has_no_manifest(&self) -> Done<bool> {
        let (dir, name) = (self.make_dir()?, self.names.manifest());
        Ok(dir.size(&name).map_err(Failed::to(format!("look at {name}")))?.is_none())
    }

    /// The base has its name; the log goes on in `first` and what comes behind it.
    pub fn finish_next(&self, base: Entry, first: &str) -> Done<Proof> {
        let mut state = self.state();
        let mut next = state.manifest.clone();
        let keep = next.incrs.iter().position(|incr| incr.name == first).unwrap_or(0);
        let old = next.base.replace(base);
        next.history.extend(old.into_iter().chain(next.incrs.drain(..keep)));
        self.publish(&mut state, next, Vec::new())
    }

    /// Base and increment have their names. A manifest that was never loaded is kept under one with the time `now_ms`.
    pub fn finish_anew(&self, anew: Anew, now_ms: i64) -> Done<Proof> {
        let mut state = self.state();
        let mut next = state.manifest.clone();
        if !state.ours {
            self.keep_manifest(now_ms)?;
        }
        let old = next.base.replace(anew.base);
        next.history.extend(old.into_iter().chain(next.incrs.drain(..)));
        next.incrs.extend(anew.incr);
        self.publish(&mut state, next, Vec::new())
    }

    /// A name and number that no file and no line has.
    fn new_base(&self, state: &mut State, form: Form) -> Done<Entry> {
        let listed = state.manifest.base.as_ref().map_or(0, |base| base.seq);
        let there = self.highest(state, |part| matches!(part, Part::Base { .. }))?;
        let from = listed.max(there).max(state.used.0);
        let taken = |seq| [Form::Rdb, Form::Resp].map(|form| self.names.base(seq, form)).to_vec();
        let seq = self.free(from, taken)?;
        state.used.0 = from;
        Ok(Entry::new(self.names.base(seq, form), seq))
    }

    fn free_incr(&self, state: &mut State) -> Done<Entry> {
        let listed = state.manifest.incrs.last().map_or(0, |incr| incr.seq);
        let there = self.highest(state, |part| matches!(part, Part::Incr { .. }))?;
        let from = listed.max(there).max(state.used.1);
        let seq = self.free(from, |seq| vec![self.names.incr(seq)])?;
        state.used.1 = from;
        Ok(Entry::new(self.names.incr(seq), seq))
    }

    /// The highest number in the names that are listed, or, of files that are not ours, that are there.
    fn highest(&self, state: &State, wanted: fn(Part) -> bool) -> Done<i64> {
        let seq = |name: &str| self.names.part(name).filter(|part| wanted(*part)).map_or(0, Part::seq);
        let listed = state.manifest.all().map(|entry| seq(&entry.name)).max().unwrap_or(0);
        if state.ours {
            return Ok(listed);
        }
        let names = self.make_dir()?.names().map_err(Failed::to("list the directory of the log"))?;
        let there = names.iter().map(|name| seq(name)).max().unwrap_or(0);
        // One that cannot be read is kept all the same; the names say enough.
        let theirs = self.read().ok().flatten().unwrap_or_default();
        Ok(theirs.live().map(|entry| entry.seq).chain([there, listed]).max().unwrap_or(0))
    }

    fn free(&self, from: i64, names: impl Fn(i64) -> Vec<String>) -> Done<i64> {
        let dir = self.make_dir()?;
        let mut seq = from.max(0);
        for _ in 0..MOST_TRIES {
            let Some(next) = seq.checked_add(1) else { break };
            seq = next;
            let mut free = true;
            for name in names(seq) {
                free &= dir.size(&name).map_err(Failed::to(format!("look at {name}")))?.is_none();
            }
            if free {
                return Ok(seq);
            }
        }
        Err(Failed::to(format!("find a free number for a file above {from}"))(
            io::ErrorKind::AlreadyExists.into(),
        ))
    }

    /// An empty increment whose name is durable; not listed yet.
    fn new_incr(&self, state: &mut State) -> Done<(Entry, Arc<dyn File>)> {
        let entry = self.free_incr(state)?;
        let dir = self.make_dir()?;
        let failed = || Failed::to(format!("make {}", entry.name));
        let made = dir.open_append(&entry.name, Create::New { mode: PRIVATE_FILE });
        let file = made.inspect_err(|error| self.undo(&entry.name, error)).map_err(failed())?;
        if self.control != Control::SkipDirSync {
            dir.sync().inspect_err(|error| self.undo(&entry.name, error)).map_err(failed())?;
        }
        Ok((entry, file))
    }

    /// A file that may have been made all the same is removed; one that was there before is not ours.
    fn undo(&self, name: &str, error: &io::Error) {
        if error.kind() != io::ErrorKind::AlreadyExists
            && let Some(dir) = self.dir()
        {
            let _ = dir.unlink(name);
        }
    }

    /// The first increment of a log that has none.
    pub(super) fn first_incr(&self, state: &mut State) -> Done<Entry> {
        self.new_incr(state).map(|(entry, _)| entry)
    }
}
