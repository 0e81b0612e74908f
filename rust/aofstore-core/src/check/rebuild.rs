//! A manifest made anew out of the names of the files that it must have listed.
//!
//! A rewrite takes the next number for its base and for its increment, a rewrite that failed only for the increment: so no
//! increment of a lower number follows a base. Which of the others do is a guess once a rewrite has failed, and is said.

use crate::aof::manifest::{Entry, Manifest};
use crate::aof::names::{Form, Names, Part};

/// A manifest, and what had to be guessed for it.
#[derive(Debug, PartialEq, Eq)]
pub struct Rebuilt {
    pub manifest: Manifest,
    pub guesses: Vec<String>,
}

/// Out of the names in the directory of the log `stem`. None if no file of it is there; the error says why it cannot be.
pub fn rebuild(files: &[String], stem: &str) -> Result<Option<Rebuilt>, String> {
    let names = Names::new(stem);
    let parts = || files.iter().filter_map(|file| names.part(file).map(|part| (part, file)));
    let mut bases: Vec<(i64, &String)> = Vec::new();
    let mut incrs: Vec<(i64, &String)> = Vec::new();
    for (part, file) in parts() {
        match part {
            Part::Base { seq, .. } => bases.push((seq, file)),
            Part::Incr { seq } => incrs.push((seq, file)),
        }
    }
    // A single file that was taken over.
    if bases.is_empty()
        && let Some(file) = files.iter().find(|file| *file == stem)
    {
        bases.push((1, file));
    }
    if bases.is_empty() && incrs.is_empty() {
        return Ok(None);
    }
    bases.sort_unstable();
    incrs.sort_unstable();
    choose(&names, &bases, &incrs).map(Some)
}

fn choose(names: &Names, bases: &[(i64, &String)], incrs: &[(i64, &String)]) -> Result<Rebuilt, String> {
    let mut guesses = Vec::new();
    let base = bases.last().copied();
    let first = base.map_or(1, |(seq, _)| seq);
    if let [.., (one, a), (other, b)] = bases
        && one == other
    {
        return Err(format!(
            "{a} and {b} are bases of the same number: move the one aside that is not meant"
        ));
    }
    let live: Vec<(i64, &String)> = incrs.iter().copied().filter(|(seq, _)| *seq >= first).collect();
    if base.is_none() && live.first().is_some_and(|(seq, _)| *seq > 1) {
        let wanted = names.base(1, Form::Resp);
        return Err(format!(
            "there is no base, such as {wanted}: what was before the first increment is lost"
        ));
    }
    for (_, file) in bases.iter().rev().skip(1) {
        guesses.push(format!("{file} is an older base and is left out"));
    }
    for (_, file) in incrs.iter().filter(|(seq, _)| *seq < first) {
        guesses.push(format!("{file} is older than the base and is left out"));
    }
    if let ([_, .., _], Some((_, base))) = (&*live, base) {
        let list: Vec<&str> = live.iter().map(|(_, file)| file.as_str()).collect();
        guesses.push(format!("{} were all written after {base}", list.join(", ")));
    }
    for pair in live.windows(2) {
        if let [(before, _), (after, _)] = pair
            && after - before > 1
        {
            guesses.push(format!("there was no increment between the numbers {before} and {after}"));
        }
    }
    let entry = |(seq, file): (i64, &String)| Entry::new(file.as_str(), seq);
    let manifest = Manifest {
        base: base.map(entry),
        incrs: live.into_iter().map(entry).collect(),
        ..Manifest::default()
    };
    Ok(Rebuilt { manifest, guesses })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[&str]) -> (String, Vec<String>) {
        let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
        let rebuilt = rebuild(&files, "a").unwrap().unwrap();
        (String::from_utf8(rebuilt.manifest.render().unwrap()).unwrap(), rebuilt.guesses)
    }

    #[test]
    fn the_newest_base_and_what_was_numbered_after_it() {
        let (text, guesses) = of(&["a.1.base.rdb", "a.1.incr.aof", "other", "temp-a.manifest"]);
        assert_eq!(text, "file a.1.base.rdb seq 1 type b\nfile a.1.incr.aof seq 1 type i\n");
        assert_eq!(guesses, Vec::<String>::new());
        let (text, guesses) = of(&[
            "a.10.incr.aof",
            "a.9.incr.aof",
            "a.7.base.aof",
            "a.6.base.rdb",
            "a.6.incr.aof",
            "a.7.incr.aof",
        ]);
        assert_eq!(
            text,
            "file a.7.base.aof seq 7 type b\nfile a.7.incr.aof seq 7 type i\nfile a.9.incr.aof seq 9 type i\n\
             file a.10.incr.aof seq 10 type i\n"
        );
        assert_eq!(guesses.len(), 4, "{guesses:?}");
    }

    #[test]
    fn a_file_that_was_taken_over_is_a_base() {
        assert_eq!(of(&["a", "a.1.incr.aof"]).0, "file a seq 1 type b\nfile a.1.incr.aof seq 1 type i\n");
        assert_eq!(of(&["a", "a.2.base.aof"]).0, "file a.2.base.aof seq 2 type b\n");
    }

    #[test]
    fn without_a_base_only_a_log_from_its_begin_is_whole() {
        assert_eq!(of(&["a.1.incr.aof", "a.2.incr.aof"]).0.lines().count(), 2);
        let failed =
            |files: &[&str]| rebuild(&files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>(), "a");
        assert!(failed(&["a.2.incr.aof"]).is_err());
        assert!(failed(&["a.2.base.aof", "a.2.base.rdb"]).is_err());
        assert_eq!(failed(&["b.1.base.aof"]), Ok(None));
    }
}
