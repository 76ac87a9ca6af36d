//! What a session log still knows after every kind of end.

use std::path::PathBuf;

use touchline_session::MessageStore;
use touchline_types::{Command, CommandKind};

use crate::session_log::{LogError, Place, SessionLog};
use crate::session_store::SessionStore;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("touchline-session-log-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        Self(path)
    }

    fn log(&self) -> SessionLog {
        SessionLog::open(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn message(log: &SessionLog, number: u64) -> Option<String> {
    let mut out = Vec::new();
    log.read(number, &mut out).unwrap().then(|| String::from_utf8(out).unwrap())
}

fn place(seq: u64, index: u32) -> Place {
    Place { seq, index }
}

#[test]
fn what_was_written_is_there_again() {
    let scratch = Scratch::new("again");
    let mut log = scratch.log();
    assert_eq!((log.next_in(), log.next_out(), log.place()), (1, 1, place(0, 0)));
    log.use_number(1);
    log.set_place(place(4, 1));
    log.keep(2, b"two");
    log.set_next_in(9);
    log.keep(3, b"three");
    assert_eq!(message(&log, 3).as_deref(), Some("three"), "before it is written");
    log.write().unwrap();
    assert!(!log.is_dirty());
    log.set_place(place(7, 0));
    log.set_next_in(10);
    log.write().unwrap();
    drop(log);
    let log = scratch.log();
    assert_eq!((log.next_in(), log.next_out(), log.place()), (10, 4, place(7, 0)));
    assert_eq!(message(&log, 1), None);
    assert_eq!(message(&log, 2).as_deref(), Some("two"));
    assert_eq!(message(&log, 3).as_deref(), Some("three"));
    assert_eq!(message(&log, 4), None);
    assert_eq!(log.cut_bytes(), 0);
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_the_log_goes_on() {
    let scratch = Scratch::new("torn");
    let mut log = scratch.log();
    log.keep(1, b"one");
    log.write().unwrap();
    let whole_bytes = std::fs::metadata(&scratch.0).unwrap().len();
    log.set_place(place(2, 0));
    log.keep(2, b"two");
    log.write().unwrap();
    drop(log);
    let bytes = std::fs::read(&scratch.0).unwrap();
    for end in whole_bytes as usize..bytes.len() {
        std::fs::write(&scratch.0, &bytes[..end]).unwrap();
        let mut log = scratch.log();
        assert_eq!((log.next_out(), log.place()), (2, place(0, 0)), "{end}");
        assert_eq!(log.cut_bytes(), end as u64 - whole_bytes);
        log.keep(2, b"another");
        log.write().unwrap();
        drop(log);
        let log = scratch.log();
        assert_eq!(message(&log, 1).as_deref(), Some("one"));
        assert_eq!(message(&log, 2).as_deref(), Some("another"));
    }
}

#[test]
fn a_flipped_bit_ends_the_log_before_its_record() {
    let scratch = Scratch::new("bit");
    let mut log = scratch.log();
    log.keep(1, b"one");
    log.keep(2, b"two");
    log.write().unwrap();
    drop(log);
    let mut bytes = std::fs::read(&scratch.0).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&scratch.0, &bytes).unwrap();
    let log = scratch.log();
    assert_eq!(log.next_out(), 2);
    assert_eq!(log.cut_bytes(), 43);
}

#[test]
fn a_file_that_is_no_log_is_refused_and_left_alone() {
    let scratch = Scratch::new("other");
    let other = vec![7_u8; 200];
    std::fs::write(&scratch.0, &other).unwrap();
    assert!(matches!(
        SessionLog::open(&scratch.0),
        Err(LogError::NotALog { field: "magic", found: 0x0707_0707_0707_0707, .. })
    ));
    assert_eq!(std::fs::read(&scratch.0).unwrap(), other);
}

#[test]
fn a_reset_keeps_the_place_and_the_token_and_nothing_else() {
    let scratch = Scratch::new("reset");
    let mut log = scratch.log();
    log.set_place(place(5, 2));
    log.keep(1, b"one");
    log.set_next_in(8);
    log.write().unwrap();
    log.reset(77).unwrap();
    log.keep(1, b"new one");
    log.write().unwrap();
    drop(log);
    let log = scratch.log();
    assert_eq!((log.next_in(), log.next_out(), log.place()), (1, 2, place(5, 2)));
    assert_eq!(log.reset_token(), 77);
    assert_eq!(message(&log, 1).as_deref(), Some("new one"));
}

fn command(token: u64, msg_seq_num: u32) -> Command {
    Command { token, msg_seq_num, ..Command::of(CommandKind::NewOrder) }
}

#[test]
fn a_reset_of_the_numbers_keeps_orders_under_way_without_their_numbers() {
    let scratch = Scratch::new("reset under way");
    let mut store = SessionStore::open(&scratch.0).unwrap();
    store.set_next_inbound(5);
    store.command_sent(&command(100, 4));
    store.reset();
    store.set_next_inbound(3);
    store.command_sent(&command(101, 2));
    assert_eq!(store.log().next_in(), 2);
    assert_eq!(store.unanswered().map(|command| command.token).collect::<Vec<_>>(), [100, 101]);
    store.command_released(100);
    assert_eq!((store.under_way(), store.log().next_in()), (1, 2));
}

#[test]
fn the_log_claims_no_inbound_number_beyond_the_oldest_order_under_way() {
    let scratch = Scratch::new("claim");
    let mut store = SessionStore::open(&scratch.0).unwrap();
    store.set_next_inbound(5);
    store.command_sent(&command(100, 4));
    store.set_next_inbound(6);
    store.set_next_inbound(7);
    store.command_sent(&command(101, 6));
    assert_eq!(store.log().next_in(), 4);
    store.command_released(100);
    assert_eq!(store.log().next_in(), 6);
    store.command_released(101);
    assert_eq!(store.log().next_in(), 7);
    assert_eq!(store.under_way(), 0);
}

#[test]
fn session_messages_use_numbers_and_keep_no_bytes() {
    let scratch = Scratch::new("kinds");
    let mut store = SessionStore::open(&scratch.0).unwrap();
    for (number, msg_type) in [(1, "A"), (2, "8"), (3, "0"), (4, "3"), (5, "AE")] {
        let bytes = format!("8=FIX.4.4\x019=000000\x0135={msg_type}\x0134={number}\x01");
        store.append(number, bytes.as_bytes());
    }
    store.write().unwrap();
    let kept: Vec<bool> = (1..=6).map(|number| store.get(number).is_some()).collect();
    assert_eq!(kept, [false, true, false, true, true, false]);
}
