//! Files that lost their names: their bytes go when they are closed, which takes long for a large one (D-07).

use crate::fs::ReadFile;

/// Smaller files are gone in no time.
const LARGE: u64 = 1 << 20;

/// Large files to be closed when nobody waits for it. Dropping it closes them.
#[derive(Default)]
#[must_use = "they are closed where it is dropped"]
pub(super) struct Remains(Vec<Box<dyn ReadFile>>);

impl Remains {
    /// A small file is closed at once.
    pub fn leave(&mut self, files: impl IntoIterator<Item = Box<dyn ReadFile>>) {
        let files = files.into_iter();
        self.0.extend(files.filter(|file| file.size().is_ok_and(|size| size >= LARGE)));
    }

    /// What there is, which leaves nothing.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Puts what another holds to this.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use crate::aof::Control;
    use crate::aof::manifest::Manifest;
    use crate::aof::parts::Parts;
    use crate::command::Reply;
    use crate::engine::core::{Core, Engine};
    use crate::engine::rewrite::tests::{Rig, until};
    use crate::engine::{Session, Settings};
    use crate::fs::os::{Access, OsDir};
    use crate::fs::scratch::Scratch;
    use std::sync::Arc;

    fn fill(engine: &Engine) {
        let value = vec![b'v'; LARGE as usize];
        let argv: [&[u8]; 3] = [b"SET", b"k", &value];
        engine.execute(&mut Session::view(0), &argv, &mut Reply::new()).unwrap().outcome.unwrap();
        engine.flush(false).unwrap();
    }

    /// Whether `work` leaves something, which the timer closes then.
    fn leaves(engine: &Engine, work: impl FnOnce(&mut Core)) -> bool {
        let mut core = engine.shared.lock();
        work(&mut core);
        let left = !core.remains.0.is_empty();
        drop(core);
        until(|| engine.shared.lock().remains.0.is_empty());
        left
    }

    #[test]
    fn d07_the_timer_closes_what_had_the_name_of_a_file_that_was_made_without_a_child() {
        let rig = Rig::with(&[("rdbcompression", "no")]);
        fill(&rig.engine);
        let save = |core: &mut Core| core.save(&mut Reply::new()).unwrap();
        assert_eq!([leaves(&rig.engine, save), leaves(&rig.engine, save)], [false, true]);
        let rewrite = |core: &mut Core| {
            core.rewrite_at_once().unwrap();
        };
        assert_eq!([leaves(&rig.engine, rewrite), leaves(&rig.engine, rewrite)], [false, true]);
    }

    #[test]
    fn d07_the_timer_closes_the_history_of_a_log_that_began_anew() {
        let (scratch, engine) = (Scratch::new(), Engine::new(Settings::default()));
        let home = Arc::new(OsDir::open(scratch.path(), Access::Exclusive).unwrap());
        let parts = Parts::new(home, "dir", "log", Control::None, Arc::clone(engine.events())).unwrap();
        engine.start_parts(parts, Manifest::default()).unwrap();
        fill(&engine);
        assert!(leaves(&engine, |core| {
            core.rewrite_at_once().unwrap();
        }));
        engine.close().unwrap();
    }
}
