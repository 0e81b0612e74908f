//! The file a rewrite or a save works on, until it takes its target's place (R-01, R-20, D-19).
//!
//! Its name tells whose it is; nobody else's file is ever touched. INVARIANT: dropped before it was placed, the file
//! is removed, by the process that made it and by no copy of that process.

use super::form::Role;
use crate::event::Events;
use crate::fs::owner::Owner;
use crate::fs::{Create, Dir, File, SPOOL_PREFIX};
use std::io;
use std::sync::Arc;

/// Begin and end of the names; between them stand the pid and eight hexadecimal digits.
const fn affixes(role: Role) -> (&'static str, &'static str) {
    match role {
        // A copy has no file but the one that is asked for.
        Role::Rewrite | Role::Copy => ("temp-rewriteaof-bg-", ".aof"),
        Role::Save => ("temp-", ".rdb"),
    }
}

const PRIVATE_FILE: u32 = 0o600;

/// A new file in the directory of its target.
pub struct Temp {
    dir: Arc<dyn Dir>,
    name: String,
    file: Arc<dyn File>,
    owner: Owner,
    events: Arc<Events>,
    placed: bool,
}

impl Temp {
    /// Makes the file, with the mode of `target` if there is one.
    pub fn create(dir: &Arc<dyn Dir>, target: &str, role: Role, events: &Arc<Events>) -> io::Result<Self> {
        let (name, mode) = Self::plan(&**dir, target, role)?;
        let opened = dir.open_append(&name, Create::New { mode });
        let file = opened.inspect_err(|error| {
            // It may have been made all the same; a file of this name that was there before is not ours.
            if error.kind() != io::ErrorKind::AlreadyExists {
                let _ = dir.unlink(&name);
            }
        })?;
        Ok(Self::adopt(dir, name, file, events))
    }

    /// A fresh name, and the mode that the file is to have.
    pub fn plan(dir: &dyn Dir, target: &str, role: Role) -> io::Result<(String, u32)> {
        let mode = dir.mode(target)?.unwrap_or(PRIVATE_FILE);
        let (prefix, suffix) = affixes(role);
        Ok((format!("{prefix}{}-{:08x}{suffix}", std::process::id(), fastrand::u32(..)), mode))
    }

    /// A file that was made as [planned](Self::plan).
    pub fn adopt(dir: &Arc<dyn Dir>, name: String, file: Arc<dyn File>, events: &Arc<Events>) -> Self {
        let (dir, events) = (Arc::clone(dir), Arc::clone(events));
        Self { dir, name, file, owner: Owner::new(), events, placed: false }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    pub fn dir(&self) -> &Arc<dyn Dir> {
        &self.dir
    }

    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Gives the file the name `target`, whatever had it before.
    pub fn rename(&mut self, target: &str) -> io::Result<()> {
        let renamed = self.dir.rename(&self.name, target);
        // An error that comes after the effect must not leave the store writing to a file without a name.
        self.placed = renamed.is_ok() || self.moved();
        if self.placed { Ok(()) } else { renamed }
    }

    /// Whether the file still is, but not under its own name.
    fn moved(&self) -> bool {
        matches!(self.dir.size(&self.name), Ok(None)) && self.file.links().is_ok_and(|links| links > 0)
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if self.placed || !self.owner.is_here() {
            return;
        }
        match self.dir.unlink(&self.name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.events
                    .warning(format!("cannot remove {}: {error}; the next open tries again", self.name));
            }
            _ => {}
        }
    }
}

/// Removes what rewrites and saves of dead processes left behind. Only for who has the directory's lock: then no other store
/// can be at work here.
pub fn sweep(dir: &dyn Dir, events: &Events) {
    let Ok(names) = dir.names() else { return };
    for name in names.iter().filter(|name| is_temp(name)) {
        match dir.unlink(name) {
            Ok(()) => {
                events.notice(format!("removed {name}, left behind by a {} that never ended", maker(name)));
            }
            Err(error) => {
                events.warning(format!("cannot remove {name}, left behind by a {}: {error}", maker(name)));
            }
        }
    }
}

fn is_temp(name: &str) -> bool {
    let between = |role| {
        let (prefix, suffix) = affixes(role);
        name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix))
    };
    let numbers = between(Role::Rewrite).or_else(|| between(Role::Save));
    let numbers = numbers.or_else(|| name.strip_prefix(SPOOL_PREFIX));
    numbers.and_then(|numbers| numbers.split_once('-')).is_some_and(|(pid, random)| {
        !pid.is_empty()
            && pid.bytes().all(|byte| byte.is_ascii_digit())
            && random.len() == 8
            && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// What made a temp of this name.
fn maker(name: &str) -> &'static str {
    if name.ends_with(affixes(Role::Save).1) { "save" } else { "rewrite" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_ours_are_swept() {
        for ours in
            ["temp-rewriteaof-bg-12-0123abcd.aof", "temp-12-0123abcd.rdb", "temp-rewriteaof-spool-1-00000000"]
        {
            assert!(is_temp(ours), "{ours}");
        }
        // The second and third are other programs' names for the same things.
        for foreign in [
            "dump.rdb",
            "temp-12.rdb",
            "temp-rewriteaof-bg-12.aof",
            "temp-12-0123abcd.aof",
            "temp--0123abcd.rdb",
        ] {
            assert!(!is_temp(foreign), "{foreign}");
        }
        assert_eq!(
            (maker("temp-12-0123abcd.rdb"), maker("temp-rewriteaof-bg-1-00000000.aof")),
            ("save", "rewrite")
        );
    }
}
