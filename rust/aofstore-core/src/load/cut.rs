//! Cutting a torn tail off a log, so that nothing of it is lost.

use std::io;

use crate::error::{Error, Result, shown};
use crate::fs::{self, Create, Dir, ReadFile};

/// Cuts `name` back to `valid_to` and syncs it; what is cut is first saved in a file beside, whose name is given.
pub fn cut_tail(dir: &dyn Dir, name: &str, valid_to: u64) -> Result<String> {
    let saved = format!("{name}.truncated-{valid_to}");
    let path = dir.path().join(name);
    let cut = || -> io::Result<String> {
        let saved = save_tail(dir, name, valid_to, &saved)?;
        let file = dir.open_append(name, Create::Never)?;
        file.set_len(valid_to)?;
        file.sync_data()?;
        Ok(saved)
    };
    cut().map_err(|error| Error::Open {
        errno: fs::errno(&error),
        message: format!("cannot cut the torn tail of {} at {valid_to}: {error}", shown(&path)),
        path,
    })
}

/// Copies what lies behind `valid_to` into a new file; a number is added to its name if that is taken.
fn save_tail(dir: &dyn Dir, name: &str, valid_to: u64, wanted: &str) -> io::Result<String> {
    let from = dir.open_read(name)?;
    let (mut saved, mut tries) = (wanted.to_owned(), 0);
    while dir.size(&saved)?.is_some() {
        tries += 1;
        saved = format!("{wanted}-{tries}");
    }
    let copied = copy_tail(dir, &*from, valid_to, &saved);
    if copied.is_err() {
        // A part of the tail saves nothing, and on a full disk every try would leave another.
        drop(dir.unlink(&saved));
    }
    copied.map(|()| saved)
}

fn copy_tail(dir: &dyn Dir, from: &dyn ReadFile, valid_to: u64, saved: &str) -> io::Result<()> {
    const BLOCK: usize = 1 << 20;
    let into = dir.open_append(saved, Create::New { mode: 0o600 })?;
    let mut block = vec![0; BLOCK];
    let mut at = valid_to;
    loop {
        let got = from.read_at(at, &mut block)?;
        if got == 0 {
            break;
        }
        fs::write_all(&*into, block.get(..got).unwrap_or_default())?;
        at += got as u64;
    }
    into.sync_data()?;
    dir.sync()
}
