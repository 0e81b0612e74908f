//! What the files of a multi-part log are called.
//!
//! All of them begin with `appendfilename`. The manifest may list files of any name (others do), but those made here,
//! and those taken for a log's when the manifest is lost, are these.

/// The names of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    stem: String,
}

/// How a base is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Rdb,
    Resp,
}

/// What a name says of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Base { seq: i64, form: Form },
    Incr { seq: i64 },
}

impl Part {
    pub const fn seq(self) -> i64 {
        match self {
            Self::Base { seq, .. } | Self::Incr { seq } => seq,
        }
    }
}

impl Form {
    /// A snapshot, or commands.
    pub const fn of(snapshot: bool) -> Self {
        if snapshot { Self::Rdb } else { Self::Resp }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Rdb => ".base.rdb",
            Self::Resp => ".base.aof",
        }
    }
}

const INCR: &str = ".incr.aof";

impl Names {
    /// Of the log whose `appendfilename` is `stem`.
    pub fn new(stem: impl Into<String>) -> Self {
        Self { stem: stem.into() }
    }

    /// Also the name that a single-file log has, and has as a base once it was taken over.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    pub fn base(&self, seq: i64, form: Form) -> String {
        format!("{}.{seq}{}", self.stem, form.suffix())
    }

    pub fn incr(&self, seq: i64) -> String {
        format!("{}.{seq}{INCR}", self.stem)
    }

    pub fn manifest(&self) -> String {
        format!("{}.manifest", self.stem)
    }

    /// What the manifest of a log that was never loaded is called once another takes its place.
    pub fn kept_manifest(&self, ms: i64) -> String {
        format!("{}.old-{ms}", self.manifest())
    }

    pub fn is_kept_manifest(&self, name: &str) -> bool {
        name.strip_prefix(&self.manifest()).is_some_and(|rest| rest.starts_with(".old-"))
    }

    /// What a manifest is called until it is whole.
    pub fn temp_manifest(&self) -> String {
        format!("temp-{}", self.manifest())
    }

    /// What an increment is called until its base is there: while the log is being switched on, or replaced.
    pub fn temp_incr(&self) -> String {
        format!("temp-{}.incr", self.stem)
    }

    /// Which part of this log a file would be by its name.
    pub fn part(&self, name: &str) -> Option<Part> {
        let rest = name.strip_prefix(&self.stem)?.strip_prefix('.')?;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<i64>().ok().filter(|seq| digits && *seq > 0)
        };
        if let Some(seq) = rest.strip_suffix(INCR) {
            return Some(Part::Incr { seq: number(seq)? });
        }
        [Form::Rdb, Form::Resp].into_iter().find_map(|form| {
            rest.strip_suffix(form.suffix()).and_then(number).map(|seq| Part::Base { seq, form })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_as_redis_calls_them() {
        let names = Names::new("appendonly.aof");
        assert_eq!(names.base(1, Form::Rdb), "appendonly.aof.1.base.rdb");
        assert_eq!(names.base(12, Form::Resp), "appendonly.aof.12.base.aof");
        assert_eq!(names.incr(3), "appendonly.aof.3.incr.aof");
        assert_eq!(names.manifest(), "appendonly.aof.manifest");
        assert_eq!(names.temp_manifest(), "temp-appendonly.aof.manifest");
        assert_eq!(names.temp_incr(), "temp-appendonly.aof.incr");
    }

    #[test]
    fn a_name_tells_which_part_the_file_is() {
        let names = Names::new("a.b");
        for part in [
            Part::Base { seq: 1, form: Form::Rdb },
            Part::Base { seq: 907, form: Form::Resp },
            Part::Incr { seq: i64::MAX },
        ] {
            let name = match part {
                Part::Base { seq, form } => names.base(seq, form),
                Part::Incr { seq } => names.incr(seq),
            };
            assert_eq!(names.part(&name), Some(part));
        }
    }

    #[test]
    fn other_names_are_no_part() {
        let names = Names::new("a");
        for name in [
            "a",
            "a.",
            "a.1",
            "a.1.base",
            "a.base.aof",
            "a..base.aof",
            "a.-1.base.aof",
            "a.+1.incr.aof",
            "a.0.incr.aof",
            "a.1x.incr.aof",
            "a.1.incr.rdb",
            "b.1.incr.aof",
            "ab.1.incr.aof",
            "a.manifest",
            "temp-a.incr",
            "a.99999999999999999999.incr.aof",
        ] {
            assert_eq!(names.part(name), None, "{name}");
        }
    }
}
