use std::io::Cursor;

use super::*;
use crate::fs::Seekable;

fn known(name: &[u8], argc: usize) -> bool {
    matches!((name, argc), (b"SET", 3) | (b"MULTI" | b"EXEC" | b"FLUSHALL", 1) | (b"SELECT", 2))
}

fn encode(words: &str) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    let args: Vec<String> = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    format!("*{}\r\n{}", words.len(), args.concat())
}

fn log(commands: &[&str]) -> String {
    commands.iter().map(|words| encode(words)).collect()
}

fn search(data: &str, from: u64, beyond: u64) -> Sought {
    let mut source = Box::new(Seekable(Cursor::new(data.as_bytes().to_vec())));
    let end = Resync::end_of(&mut *source, data.len() as u64).unwrap();
    let mut resync = Resync::new(source, from, beyond, end, 1 << 20, known);
    loop {
        match resync.step().unwrap() {
            Sought::Going => {}
            sought => return sought,
        }
    }
}

fn run(data: &str, from: u64, beyond: u64) -> (u64, u64, u64) {
    match search(data, from, beyond) {
        Sought::Found(run) => (run.start, run.end, run.commands),
        other => panic!("{other:?}"),
    }
}

#[test]
fn commands_go_on_behind_junk_and_up_to_the_next() {
    let good = log(&["SET a 1", "SET b 2"]);
    let data = format!("junk*3\r\n{good}#line\r\njunk");
    let start = 8;
    assert_eq!(run(&data, 0, 0), (start, start + good.len() as u64 + 7, 2));
    assert_eq!(search("junk", 0, 0), Sought::Nothing);
    assert_eq!(search("", 0, 0), Sought::Nothing);
}

#[test]
fn a_line_end_that_was_damaged_hides_no_command() {
    let good = log(&["SET a 1"]);
    assert_eq!(run(&format!("x\rZ{good}"), 0, 0).0, 3);
}

#[test]
fn commands_inside_a_value_are_text() {
    let inner = encode("FLUSHALL");
    let outer = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{inner}\r\n", inner.len());
    let behind = encode("SET a 1");
    let data = format!("{}{behind}", outer.replace("*3", "x3"));
    assert_eq!(run(&data, 1, 0), (outer.len() as u64, data.len() as u64, 1));
    // Its own line end is what is damaged.
    let data = format!("{}\rZ{behind}", outer.strip_suffix("\r\n").unwrap());
    assert_eq!(run(&data, 1, outer.len() as u64 - 1).0, outer.len() as u64);
}

#[test]
fn zeros_at_the_end_end_a_run() {
    let good = log(&["SET a 1", "SET b 2"]);
    let data = format!("junk{good}\0\0\0\0");
    assert_eq!(run(&data, 0, 0), (4, 4 + good.len() as u64, 2));
}

#[test]
fn what_matters_of_transactions_is_noted() {
    let data = format!("x{}", log(&["SET a 1", "EXEC", "SET a 1", "MULTI", "SELECT 3", "SET b 2", "EXEC"]));
    let Sought::Found(run) = search(&data, 0, 0) else { panic!() };
    assert_eq!((run.exec.unwrap().before, run.multi.unwrap().before), (1, 3));
    assert_eq!((run.select, run.select_behind.unwrap().before), (None, 3));
    let data = format!("x{}", log(&["MULTI", "SET b 2", "SELECT 3", "EXEC", "SELECT 1"]));
    let Sought::Found(run) = search(&data, 0, 0) else { panic!() };
    assert_eq!((run.exec, run.select.unwrap().before), (None, 4));
}

#[test]
fn any_bytes_end_the_search() {
    let data = "*1\r\n$3\r\nSET\r\n*3\r\n$3\r\nSET\r\n".repeat(5000);
    assert_eq!(search(&data, 0, 0), Sought::Nothing);
}
