//! The grammar, one sentence a rule, and properties of reading and writing.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

const BASE: &str = "file appendonly.aof.1.base.rdb seq 1 type b\n";
const INCR: &str = "file appendonly.aof.1.incr.aof seq 1 type i\n";

fn parse(text: impl AsRef<[u8]>) -> Result<Manifest> {
    Manifest::parse(text.as_ref(), Path::new("/d/appendonlydir/appendonly.aof.manifest"))
}

/// The offset of the error, and its text.
fn refused(text: impl AsRef<[u8]>) -> (u64, String) {
    match parse(text).expect_err("refused") {
        Error::Load { kind: LoadKind::Manifest, offset, message, path, .. } => {
            assert!(path.ends_with("appendonly.aof.manifest") && message.contains("/d/appendonlydir/"));
            assert!(message.contains(&format!("(offset {offset})")), "{message}");
            (offset, message)
        }
        other => panic!("{other:?}"),
    }
}

fn one(line: &str) -> Entry {
    let manifest = parse(format!("{line}\n")).expect("taken");
    manifest.all().next().cloned().expect("one entry")
}

#[test]
fn redis_s_own_manifest_is_read_and_written_as_it_was() {
    let text = format!(
        "{BASE}file appendonly.aof.1.incr.aof seq 1 type h\nfile appendonly.aof.2.incr.aof seq 2 type i\n"
    );
    let manifest = parse(&text).unwrap();
    let live: Vec<_> = manifest.live().map(|entry| (entry.name.as_str(), entry.seq)).collect();
    assert_eq!(live, [("appendonly.aof.1.base.rdb", 1), ("appendonly.aof.2.incr.aof", 2)]);
    assert_eq!(manifest.history[0].name, "appendonly.aof.1.incr.aof");
    assert_eq!(manifest.render().unwrap(), text.as_bytes());
}

#[test]
fn an_empty_manifest_is_an_error() {
    assert!(refused("").1.contains("empty"));
}

#[test]
fn a_manifest_of_comments_lists_no_data() {
    let manifest = parse("# one\n#two").unwrap();
    assert!(manifest.is_empty());
    assert_eq!(manifest.render().unwrap(), b"# one\n#two\n");
}

#[test]
fn comments_of_others_are_kept_but_not_a_checksum_of_the_manifest_before() {
    let manifest = parse(format!("# mine\n{BASE}# manifest-checksum: 17\n# end\n{INCR}")).unwrap();
    assert_eq!(manifest.comments.len(), 3);
    assert_eq!(manifest.render().unwrap(), format!("# mine\n# end\n{BASE}{INCR}").as_bytes());
}

#[test]
fn unknown_pairs_are_kept_and_offsets_go_when_the_file_is_appended_to() {
    let line = "file a seq 1 type i startoffset 5 endoffset 9 Later \"x y\"\n";
    let mut manifest = parse(line).unwrap();
    assert_eq!(manifest.render().unwrap(), line.as_bytes());
    assert!(manifest.incrs[0].appended_to() && !manifest.incrs[0].appended_to());
    assert_eq!(manifest.render().unwrap(), b"file a seq 1 type i startoffset 5 Later \"x y\"\n");
}

#[test]
fn keys_come_in_any_order_and_case() {
    assert_eq!(
        one("TYPE base Seq 7 x y FILE f"),
        Entry { others: vec![(b"x".into(), b"y".into())], ..Entry::new("f", 7) }
    );
}

#[test]
fn blanks_around_a_line_and_carriage_returns_do_not_matter() {
    assert_eq!(one(" \t file  f \t seq 1 type b \r"), Entry::new("f", 1));
}

#[test]
fn names_are_quoted_as_redis_quotes_them() {
    assert_eq!(one(r#"file "a b\x41\n\"\\c" seq 1 type b"#.replace("\\\\", "").as_str()).name, "a bA\n\"c");
    assert_eq!(one(r"file 'it\'s \n' seq 1 type b".replace("\\n", "n").as_str()).name, "it's n");
    assert_eq!(one(r#"file pre"fix " seq 1 type b"#).name, "prefix ");
    for (name, quoted) in
        [("plain.aof", "plain.aof"), ("it's", "\"it's\""), ("a b", "\"a b\""), ("ü", "\"\\xc3\\xbc\"")]
    {
        let manifest = Manifest { base: Some(Entry::new(name, 1)), ..Manifest::default() };
        let text = manifest.render().unwrap();
        assert_eq!(String::from_utf8(text.clone()).unwrap(), format!("file {quoted} seq 1 type b\n"));
        assert_eq!(parse(text).unwrap(), manifest);
    }
}

#[test]
fn a_quotation_mark_must_be_closed_and_end_its_word() {
    for line in ["file \"a seq 1 type b", "file 'a seq 1 type b", "file \"a\"b seq 1 type b"] {
        assert!(refused(format!("{BASE}{line}\n")).1.contains("quotation mark"), "{line}");
    }
}

#[test]
fn the_last_line_must_end() {
    let text = format!("{BASE}{}", INCR.trim_end());
    let (offset, message) = refused(text);
    assert_eq!(offset, BASE.len() as u64);
    assert!(message.contains("line 2") && message.contains("line feed"), "{message}");
}

#[test]
fn an_empty_line_is_an_error() {
    assert_eq!(refused(format!("{BASE}\n{INCR}")).0, BASE.len() as u64);
    refused(" \r\n");
}

#[test]
fn words_come_in_at_least_three_pairs() {
    for line in ["file f seq 1", "file f seq 1 type", "file f seq 1 type b more", "x"] {
        assert!(refused(format!("{line}\n")).1.contains("words"), "{line}");
    }
    for line in ["a f seq 1 type b", "file f a 1 type b", "file f seq 1 a b", "file f seq 1 type \"\""] {
        refused(format!("{line}\n"));
    }
}

#[test]
fn a_line_has_at_most_1024_bytes_with_its_end() {
    let line = |length: usize| {
        let head = "file f seq 1 type b x ";
        format!("{head}{}\n", "y".repeat(length - head.len() - 1))
    };
    assert_eq!(one(line(1024).trim_end()).name, "f");
    assert!(refused(line(1025)).1.contains("longer than 1024"));
    let comment = |length: usize| format!("#{}\n{BASE}", "c".repeat(length - 2));
    parse(comment(1024)).unwrap();
    assert!(refused(comment(1025)).1.contains("longer than 1024"));
}

#[test]
fn a_line_that_would_be_too_long_is_written_without_what_others_added_or_not_at_all() {
    let mut entry = Entry::new("f", 1);
    entry.others.push((b"x".to_vec(), vec![b'y'; 1010]));
    let manifest = Manifest { base: Some(entry), ..Manifest::default() };
    assert_eq!(manifest.render().unwrap(), b"file f seq 1 type b\n");
    let name = "\u{1}".repeat(255);
    let manifest = Manifest { base: Some(Entry::new(&name, 1)), ..Manifest::default() };
    assert_eq!(manifest.render(), Err(name));
}

#[test]
fn a_number_is_read_as_atoll_reads_it() {
    for (text, seq) in [("12x", 12), ("+3", 3), ("-4", -4), ("\" 5\"", 5), ("99999999999999999999", i64::MAX)]
    {
        assert_eq!(one(&format!("file f seq {text} type b")).seq, seq);
    }
    for text in ["0", "x", "-0", "\"\""] {
        assert!(refused(format!("file f seq {text} type b\n")).1.contains("seq"), "{text}");
    }
}

#[test]
fn only_the_first_letter_of_a_type_counts_and_it_is_small() {
    assert_eq!(one("file f seq 1 type history"), Entry::new("f", 1));
    for kind in ["B", "x", "\\"] {
        assert!(refused(format!("file f seq 1 type {kind}\n")).1.contains("type"), "{kind}");
    }
}

#[test]
fn there_is_one_base_and_it_may_come_last() {
    assert!(refused(format!("{BASE}file g seq 2 type b\n")).1.contains("second base"));
    assert_eq!(parse(format!("{INCR}{BASE}")).unwrap(), parse(format!("{BASE}{INCR}")).unwrap());
}

#[test]
fn numbers_of_increments_rise_with_gaps() {
    parse("file a seq 2 type i\nfile b seq 9 type i\n").unwrap();
    for (first, second) in [(2, 2), (2, 1)] {
        assert!(
            refused(format!("file a seq {first} type i\nfile b seq {second} type i\n")).1.contains("rise")
        );
    }
    refused("file a seq -1 type i\n");
}

#[test]
fn a_file_is_listed_once() {
    for kind in ["b", "h", "i"] {
        assert!(refused(format!("file f seq 1 type i\nfile f seq 2 type {kind}\n")).1.contains("twice"));
    }
}

#[test]
fn a_name_is_a_file_beside_the_manifest() {
    for name in ["a/b", "/etc/passwd", "..", ".", "\"\"", "\"a\\\\b\"", "appendonly.aof.manifest"] {
        refused(format!("file {name} seq 1 type b\n"));
    }
    assert!(refused(b"file \xff seq 1 type b\n").1.contains("UTF-8"));
    refused(b"file a\0b seq 1 type b\n");
}

fn entry() -> impl Strategy<Value = Entry> {
    let word = || vec(any::<u8>(), 0..12);
    let key = word().prop_filter("a key of ours", |key| {
        ![&b"file"[..], b"seq", b"type"].iter().any(|own| key.eq_ignore_ascii_case(own))
    });
    let seq = any::<i64>().prop_filter("never 0", |seq| *seq != 0);
    ("[^/\\\\\0]{1,20}", seq, vec((key, word()), 0..4))
        .prop_filter("a name", |(name, ..)| name != "." && name != "..")
        .prop_map(|(name, seq, others)| Entry { name, seq, others })
}

fn manifest() -> impl Strategy<Value = Manifest> {
    let comment =
        vec(any::<u8>().prop_filter("one line", |byte| *byte != b'\n'), 0..40).prop_map(|mut text| {
            text.insert(0, b'#');
            text
        });
    (proptest::option::of(entry()), vec(entry(), 0..5), vec(entry(), 0..5), vec(comment, 0..3)).prop_map(
        |(base, history, incrs, comments)| {
            let mut manifest = Manifest { base, history, incrs, comments };
            for (number, incr) in manifest.incrs.iter_mut().enumerate() {
                incr.seq = number as i64 * 3 + 1;
            }
            let names: Vec<_> = manifest.all().map(|entry| entry.name.clone()).collect();
            let twice = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
            manifest.history.retain(|entry| !twice(&entry.name));
            manifest.incrs.retain(|entry| !twice(&entry.name));
            manifest
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(manifest in manifest()) {
        let text = manifest.render().unwrap();
        if text.is_empty() {
            prop_assert!(parse(&text).is_err());
        } else {
            prop_assert_eq!(parse(&text).unwrap(), manifest);
        }
    }

    #[test]
    fn whatever_is_read_is_written_so_that_it_reads_the_same(text in vec(prop::sample::select(b"file seq type bhi 12\\\"'\r\n\t#x\0\xc3".to_vec()), 0..200)) {
        if let Ok(manifest) = parse(&text) {
            let again = manifest.render().unwrap();
            prop_assert!(again.is_empty() || parse(&again).unwrap().all().eq(manifest.all()));
        }
    }

    #[test]
    fn every_prefix_of_a_manifest_is_read_or_refused_and_never_mistaken(manifest in manifest()) {
        let text = manifest.render().unwrap();
        for cut in 0..text.len() {
            if let Ok(prefix) = parse(&text[..cut]) {
                prop_assert!(prefix.all().all(|entry| manifest.all().any(|whole| whole == entry)));
            }
        }
    }
}
