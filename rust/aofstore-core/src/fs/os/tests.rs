use super::*;
use crate::error::Error;
use crate::fs::scratch::Scratch;
use crate::fs::{Create, Dir};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn mode_of(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn directories_are_made_0700_and_files_0600() {
    let scratch = Scratch::new();
    let path = scratch.join("a/b/c");
    let dir = OsDir::open(&path, Access::Exclusive).unwrap();
    assert_eq!(mode_of(&path), 0o700);
    dir.open_append("log", Create::Missing).unwrap().write(b"abc").unwrap();
    assert_eq!(mode_of(&path.join("log")), 0o600);
    assert_eq!((dir.size("log").unwrap(), dir.mode("log").unwrap()), (Some(3), Some(0o600)));
    dir.open_append("kept", Create::New { mode: 0o664 }).unwrap();
    assert_eq!(dir.mode("kept").unwrap(), Some(0o664));
    assert_eq!((dir.size("none").unwrap(), dir.mode("none").unwrap()), (None, None));
}

#[test]
fn the_second_open_names_the_holder() {
    let scratch = Scratch::new();
    let first = OsDir::open(scratch.path(), Access::Exclusive).unwrap();
    let Err(Error::Locked { pid, message, .. }) = OsDir::open(scratch.path(), Access::Exclusive) else {
        panic!("a locked directory was opened twice");
    };
    if cfg!(target_os = "linux") {
        assert_eq!(pid, Some(std::process::id().cast_signed()));
        let holder = format!("another store in this process ({})", std::process::id());
        assert!(message.contains(&holder), "{message}");
    }
    assert!(matches!(OsDir::open(scratch.path(), Access::Shared), Err(Error::Locked { .. })));
    OsDir::open(scratch.path(), Access::Unlocked).unwrap();
    first.unlock().unwrap();
    let readers = (OsDir::open(scratch.path(), Access::Shared), OsDir::open(scratch.path(), Access::Shared));
    assert!(readers.0.is_ok() && readers.1.is_ok());
    assert!(matches!(OsDir::open(scratch.path(), Access::Exclusive), Err(Error::Locked { .. })));
}

#[cfg(target_os = "linux")]
#[test]
fn the_lock_table_is_read_by_inode_and_skips_waiters() {
    let table = "1: POSIX  ADVISORY  WRITE 7 fe:00:11 0 EOF\n2: FLOCK  ADVISORY  WRITE 8 fe:00:12 0 EOF\n\
                 2: -> FLOCK  ADVISORY  WRITE 9 fe:00:13 0 EOF\n3: FLOCK  ADVISORY  READ -1 fe:00:13 0 EOF\n";
    assert_eq!(lock::parse_holder(table, "fe:00:12"), Some(8));
    assert_eq!(lock::parse_holder(table, "fe:00:11"), None);
    assert_eq!(lock::parse_holder(table, "fe:00:13"), None);
}

#[test]
fn what_is_not_a_directory_is_a_clear_open_error() {
    let scratch = Scratch::new();
    std::fs::write(scratch.join("plain"), b"x").unwrap();
    let Err(Error::Open { errno, message, .. }) = OsDir::open(&scratch.join("plain"), Access::Exclusive)
    else {
        panic!("a file was opened as a directory");
    };
    assert_eq!(errno, libc::ENOTDIR);
    assert!(message.contains("is not a directory"), "{message}");
    let missing = OsDir::open(&scratch.join("missing"), Access::Shared);
    assert!(matches!(missing, Err(Error::Open { errno: libc::ENOENT, .. })));
}

#[test]
fn nothing_but_regular_files_is_opened() {
    let scratch = Scratch::new();
    let dir = OsDir::open(scratch.path(), Access::Exclusive).unwrap();
    std::fs::write(scratch.join("real"), b"x").unwrap();
    std::os::unix::fs::symlink("real", scratch.join("link")).unwrap();
    std::fs::create_dir(scratch.join("sub")).unwrap();
    assert_eq!(dir.open_append("link", Create::Missing).err().unwrap().raw_os_error(), Some(libc::ELOOP));
    assert_eq!(dir.open_read("link").err().unwrap().raw_os_error(), Some(libc::ELOOP));
    assert_eq!(dir.open_append("sub", Create::Missing).err().unwrap().raw_os_error(), Some(libc::EISDIR));
    assert_eq!(dir.open_read("sub").err().unwrap().raw_os_error(), Some(libc::EISDIR));
    assert_eq!(dir.open_append("none", Create::Never).err().unwrap().raw_os_error(), Some(libc::ENOENT));
    let made = std::process::Command::new("mkfifo").arg(scratch.join("pipe")).status().unwrap();
    assert!(made.success());
    assert_eq!(dir.open_read("pipe").err().unwrap().raw_os_error(), Some(libc::EINVAL));
    assert_eq!(dir.open_append("pipe", Create::Missing).err().unwrap().raw_os_error(), Some(libc::EINVAL));
    let taken = dir.open_append("real", Create::New { mode: 0o600 });
    assert_eq!(taken.err().unwrap().raw_os_error(), Some(libc::EEXIST));
}

#[test]
fn appends_land_at_the_end_after_a_cut() {
    let scratch = Scratch::new();
    let dir = OsDir::open(scratch.path(), Access::Exclusive).unwrap();
    let file = dir.open_append("log", Create::Missing).unwrap();
    assert_eq!(file.write(b"0123456789").unwrap(), 10);
    file.set_len(4).unwrap();
    assert_eq!(file.write(b"ab").unwrap(), 2);
    file.sync_data().unwrap();
    assert_eq!((file.size().unwrap(), file.links().unwrap()), (6, 1));
    assert_eq!(std::fs::read(scratch.join("log")).unwrap(), b"0123ab");
    dir.hard_link("log", "twin").unwrap();
    dir.rename("log", "renamed").unwrap();
    dir.sync().unwrap();
    let mut names = dir.names().unwrap();
    names.sort();
    assert_eq!(names, ["renamed", "twin"]);
    dir.unlink("renamed").unwrap();
    dir.unlink("twin").unwrap();
    assert_eq!(file.links().unwrap(), 0);
}

#[test]
fn write_new_never_replaces() {
    let scratch = Scratch::new();
    let dir = OsDir::open(scratch.path(), Access::Exclusive).unwrap();
    dir.write_new("tail", b"cut bytes").unwrap();
    assert_eq!(dir.write_new("tail", b"x").err().unwrap().raw_os_error(), Some(libc::EEXIST));
    let file = dir.open_read("tail").unwrap();
    let mut bytes = [0; 32];
    let read = file.read_at(0, &mut bytes).unwrap();
    assert_eq!((&bytes[..read], file.size().unwrap()), (&b"cut bytes"[..], 9));
    assert_eq!(file.read_at(read as u64, &mut bytes).unwrap(), 0);
}

#[test]
fn signals_are_blocked_for_the_body_only() {
    fn blocked() -> bool {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap().trim();
        u64::from_str_radix(mask, 16).unwrap() & (1 << (libc::SIGXFSZ - 1)) != 0
    }
    if cfg!(target_os = "linux") {
        let before = blocked();
        let inside = with_signals_blocked(|| std::thread::spawn(blocked).join().unwrap());
        assert!(inside);
        assert_eq!(blocked(), before);
    }
}
