//! The data of a store as files somewhere else: for copies as of a moment, and other layouts.
//!
//! Nothing here touches the store's own directory, so a store that is only read can be exported too. Every call makes
//! its files durable with their names; putting them where they are looked for is the caller's.

use super::core::Engine;
use super::settings::Settings;
use super::snapshot;
use crate::aof::Control;
use crate::aof::manifest::{Entry, Manifest};
use crate::aof::names::Names;
use crate::error::{Error, Result, shown};
use crate::fs::{Dir, errno};
use crate::rdb::value::Version;
use crate::rewrite::{Form, Head, Role, dump, keys};
use std::io;

/// A file that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    pub keys: u64,
    pub bytes: u64,
}

/// How the data is written.
#[derive(Debug, Clone, Copy)]
pub enum Base {
    Resp(Head),
    Rdb {
        version: Version,
        /// The moment that it is of, in Unix seconds; `None` is now.
        second: Option<i64>,
    },
}

const PRIVATE_FILE: u32 = 0o600;

impl Base {
    fn form(self, settings: &Settings, used_memory: u64) -> Form {
        match self {
            Self::Resp(head) => Form::Resp(head),
            Self::Rdb { version, second } => snapshot::form(settings, version, second, used_memory, true),
        }
    }
}

impl Engine {
    /// Writes all data into the new file `name`. The store stands still meanwhile; `watch` hears of keys done, all keys
    /// and bytes, and stops it by answering false.
    pub fn export(
        &self,
        dir: &dyn Dir,
        name: &str,
        base: Base,
        mut watch: impl FnMut(u64, u64, u64) -> bool,
    ) -> Result<Exported> {
        let mut core = self.shared.enter()?;
        core.guarded(|core| {
            let all = keys(&core.space);
            let form = base.form(&core.settings, core.space.memory() as u64);
            let place =
                dump::Place { dir, name, mode: PRIVATE_FILE, role: Role::Copy, control: Control::None };
            let dumped = dump::dump(&core.space, place, form, true, |keys, bytes| watch(keys, all, bytes))
                .map_err(|failed| failure(dir, name, failed.errno, failed.message))?;
            dir.sync().map_err(|error| refused(dir, name, &error))?;
            Ok(Exported { keys: dumped.keys, bytes: dumped.bytes })
        })
    }
}

/// Writes the manifest of a multi-part log that is the one base `base`, and the increment that a store will append to.
pub fn write_manifest(dir: &dyn Dir, names: &Names, base: &str) -> Result<()> {
    let (incr, path) = (names.incr(1), names.manifest());
    let manifest = Manifest {
        base: Some(Entry::new(base, 1)),
        incrs: vec![Entry::new(incr.clone(), 1)],
        ..Manifest::default()
    };
    let text = manifest.render().map_err(|name| {
        failure(dir, &path, libc::ENAMETOOLONG, format!("no manifest has room for the name {name}"))
    })?;
    let write = || {
        dir.write_new(&incr, b"")?;
        dir.sync()?;
        // ORDER: whoever finds the manifest finds what it names.
        dir.write_new(&path, &text)?;
        dir.sync()
    };
    write().map_err(|error| refused(dir, &path, &error))
}

fn refused(dir: &dyn Dir, name: &str, error: &io::Error) -> Error {
    let path = dir.path().join(name);
    failure(dir, name, errno(error), format!("cannot write {}: {error}", shown(&path)))
}

fn failure(dir: &dyn Dir, name: &str, errno: i32, message: String) -> Error {
    Error::Write { path: dir.path().join(name), errno, pending_bytes: 0, message }
}
