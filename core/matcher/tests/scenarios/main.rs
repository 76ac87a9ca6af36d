//! Runs `tests/scenarios/*.txt`. The format is explained in `tests/scenarios/README.txt`.
//!
//! `UPDATE=1` rewrites the events in the files, for a person to read the difference.
#![allow(clippy::print_stdout, missing_docs)]

mod notation;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use notation::{EPOCH, Venue, event_line, parse_capacity, parse_command, parse_instrument};
use touchline_matcher::{OrderView, OwnedMatcher};
use touchline_types::{Event, EventKind, Reason, Side, cl_ord_id_text};

/// What the scenarios brought up.
#[derive(Default)]
struct Met {
    reasons: BTreeSet<Reason>,
    kinds: BTreeSet<EventKind>,
    scenarios: usize,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios")
}

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("tests/scenarios is there");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files
}

/// A scenario that runs: its venue, and the matcher once the first command came.
struct Stage {
    file: Venue,
    venue: Venue,
    matcher: Option<OwnedMatcher>,
    seq: u64,
    timestamp: u64,
}

impl Stage {
    fn new(file: Venue) -> Self {
        Self { venue: file.clone(), file, matcher: None, seq: 0, timestamp: EPOCH }
    }

    /// Carries out a line that is a command; the lines of its events.
    fn play(&mut self, words: &[&str], met: &mut Met) -> Result<Vec<String>, String> {
        if self.matcher.is_none() {
            let made = OwnedMatcher::allocate(&self.venue.instruments, &self.venue.capacity());
            self.matcher = Some(made.map_err(|error| error.to_string())?);
        }
        let Some(matcher) = &mut self.matcher else { return Err("no matcher".into()) };
        if let ["book", instrument] = words {
            let instrument_id = instrument.parse().map_err(|_| "book of which instrument?")?;
            return Ok(book(matcher, instrument_id));
        }
        if let ["position", "session", session, on @ ..] = words {
            return position(matcher, session, on);
        }
        if let ["balance", rest @ ..] = words {
            return balance(matcher, rest);
        }
        if let ["wait", ns] = words {
            let ns: u64 = ns.replace('_', "").parse().map_err(|_| "wait how many ns?")?;
            // The command that follows takes the last of them.
            self.timestamp += ns.checked_sub(1).ok_or("time rises anyway by 1 ns")?;
            return Ok(Vec::new());
        }
        let mut command = parse_command(words)?;
        self.seq += 1;
        // The time rises by the least there is: it says nothing about priority.
        self.timestamp += 1;
        (command.seq, command.timestamp) = (self.seq, self.timestamp);
        let mut lines = Vec::new();
        matcher.apply(&command, &mut |event: &Event| {
            met.reasons.insert(event.reason);
            met.kinds.insert(event.kind);
            lines.push(event_line(event, &command));
        });
        matcher.check()?;
        if matcher.state_hash() != matcher.state_hash_slow() {
            return Err("the state hash is not that of the state".into());
        }
        Ok(lines)
    }
}

fn book(matcher: &OwnedMatcher, instrument_id: u32) -> Vec<String> {
    let mut lines = Vec::new();
    for (side, word) in [(Side::Buy, "bid"), (Side::Sell, "offer")] {
        for level in matcher.levels(instrument_id, side) {
            let at_level = matcher.orders(instrument_id, side).filter(|o| o.price == level.price);
            let name = |order: &OrderView| {
                let name = String::from_utf8_lossy(cl_ord_id_text(&order.cl_ord_id)).into_owned();
                format!("{name} {}", order.leaves_qty)
            };
            let orders: Vec<String> = at_level.map(|order| name(&order)).collect();
            lines.push(format!("{word:<10} {:>6}  {}", level.price, orders.join(", ")));
        }
    }
    for order in matcher.stops(instrument_id) {
        let name = String::from_utf8_lossy(cl_ord_id_text(&order.cl_ord_id)).into_owned();
        lines.push(format!("{:<10} {name} {}", "stop", order.leaves_qty));
    }
    if lines.is_empty() {
        lines.push("empty".to_owned());
    }
    lines
}

/// What a session with limits holds of instrument 1, or of the one that is named.
fn position(matcher: &OwnedMatcher, session: &str, on: &[&str]) -> Result<Vec<String>, String> {
    let number = |word: &str| word.parse().map_err(|_| format!("{word} is not a number"));
    let instrument_id = match on {
        [] => 1,
        ["on", instrument] => number(instrument)?,
        _ => return Err("position session N, or that and `on N`".into()),
    };
    Ok(vec![match matcher.position(number(session)?, instrument_id) {
        None => "no limits".to_owned(),
        Some(held) => format!(
            "{:<10} {}  bids {}  offers {}",
            "position", held.position, held.open_bid_qty, held.open_offer_qty
        ),
    }])
}

/// What a member with an account has, of cash or of an instrument, or what the others and the venue
/// have.
fn balance(matcher: &OwnedMatcher, words: &[&str]) -> Result<Vec<String>, String> {
    let number = |word: &str| word.parse().map_err(|_| format!("{word} is not a number"));
    let held =
        |member: &str, id: &str| Ok::<_, String>(matcher.holding(number(member)?, number(id)?));
    let line = match words {
        ["member", member] => matcher
            .account(number(member)?)
            .map(|account| format!("cash {}  reserved {}", account.cash, account.reserved)),
        ["member", member, "on", id] => held(member, id)?
            .map(|holding| format!("lots {}  reserved {}", holding.held, holding.reserved)),
        ["others"] => Some(format!("cash {}  fees {}", matcher.others_cash(), matcher.fees())),
        ["others", "on", id] => matcher.others_held(number(id)?).map(|lots| format!("lots {lots}")),
        _ => return Err("balance member N or others, and perhaps `on N`".into()),
    };
    let line = line.map_or("no account".to_owned(), |line| format!("{:<10} {line}", "balance"));
    Ok(vec![line])
}

fn same(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}

/// Runs a file. Returns it with the events as they are, and what differs from what it says.
fn run(path: &Path, met: &mut Met) -> (String, Vec<String>) {
    let text = std::fs::read_to_string(path).expect("a scenario file can be read");
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (mut now, mut wrong) = (String::new(), Vec::new());
    let mut stage = Stage::new(Venue::default());
    let mut title = String::new();
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let place = format!("{name}:{}", at + 1);
        at += 1;
        now.push_str(line);
        now.push('\n');
        let words: Vec<&str> =
            line.split('#').next().unwrap_or_default().split_whitespace().collect();
        let made = match words.as_slice() {
            [] => continue,
            ["instrument", rest @ ..] => parse_instrument(rest).map(|limits| {
                stage.venue.set(limits);
                if title.is_empty() {
                    stage.file.set(limits);
                }
            }),
            ["capacity", rest @ ..] => parse_capacity(rest).map(|tables| {
                stage.venue.tables = tables;
                if title.is_empty() {
                    stage.file.tables = tables;
                }
            }),
            ["scenario", rest @ ..] => {
                title = rest.join(" ");
                stage = Stage::new(stage.file);
                met.scenarios += 1;
                Ok(())
            }
            command => match stage.play(command, met) {
                Ok(events) => {
                    let mut expected = Vec::new();
                    while let Some(line) = lines.get(at).and_then(|line| line.strip_prefix('>')) {
                        expected.push(line);
                        at += 1;
                    }
                    let equal = expected.len() == events.len()
                        && expected.iter().zip(&events).all(|(a, b)| same(a, b));
                    if !equal {
                        let (is, says) = (events.join("\n    "), expected.join("\n   "));
                        wrong.push(format!(
                            "{place}: {title}\n  {line}\n  makes\n    {is}\n  and not\n   {says}"
                        ));
                    }
                    for event in events {
                        now.push_str(&format!("> {event}\n"));
                    }
                    Ok(())
                }
                Err(error) => Err(error),
            },
        };
        if let Err(error) = made {
            wrong.push(format!("{place}: {error}: {line}"));
        }
    }
    (now, wrong)
}

#[test]
fn every_scenario_makes_the_events_that_it_says() {
    let mut met = Met::default();
    let mut wrong = Vec::new();
    let update = std::env::var("UPDATE").is_ok_and(|value| value == "1");
    for path in files() {
        let (now, differences) = run(&path, &mut met);
        if update && !differences.is_empty() {
            std::fs::write(&path, now).expect("a scenario file can be written");
            println!("rewrote {}", path.display());
        }
        wrong.extend(differences);
    }
    println!("{} scenarios", met.scenarios);
    assert!(wrong.is_empty() || update, "\n{}", wrong.join("\n\n"));
    assert!(met.scenarios > 50, "the scenarios are found");
    for reason in Reason::ALL {
        assert!(met.reasons.contains(&reason), "no scenario shows {reason:?}");
    }
    // A snapshot is the engine's: no matcher makes one (strategy/client/tests/snapshots.rs).
    let of_engine = [
        EventKind::SnapshotStart,
        EventKind::SnapshotInstrument,
        EventKind::SnapshotOrder,
        EventKind::SnapshotEnd,
    ];
    for kind in EventKind::ALL.into_iter().filter(|kind| !of_engine.contains(kind)) {
        assert!(met.kinds.contains(&kind), "no scenario shows {kind:?}");
    }
}

#[test]
fn a_scenario_that_says_something_else_fails() {
    let path = std::env::temp_dir().join(format!("touchline-{}.txt", std::process::id()));
    let text = "instrument 1 prices 1..9 max 5 phase continuous\nscenario one\n\
                new m1 A1 buy 1 @ 5 day\n> accepted A1 buy 2 @ 5 day leaves 2 #1\n";
    std::fs::write(&path, text).expect("a file can be written");
    let (_, wrong) = run(&path, &mut Met::default());
    std::fs::remove_file(&path).expect("a file can be removed");
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].contains("new m1 A1") && wrong[0].contains("leaves 2"), "{wrong:?}");
}
