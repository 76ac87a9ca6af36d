//! The operators' socket: one JSON object a line in, one out. It has a thread of its own and
//! reaches the engine through a channel that the engine looks at once a pass.
//!
//! ```text
//! {"command":"status"}
//! {"command":"phase","instrument":"ESH4","phase":"continuous"}     instrument "all" for every one
//! {"command":"halt","instrument":"all"}                            the same with phase halt
//! {"command":"kill","session":"ALPHA1"}      blocks order entry of a FIX session or a strategy and
//!                                            cancels what is open; or
//! {"command":"kill","member":"ALPHA"}        of all sessions of a member,
//! {"command":"kill","venue":true}            or of everybody
//! {"command":"resume","session":"ALPHA1"}    takes that block back; member and venue likewise
//! {"command":"limits","session":"ALPHA1","order_qty":10,"position":50,"rate_per_s":20,"burst":5}
//! {"command":"account","member":"ALPHA"}     tells fees, cash and lots, null without an account
//! {"command":"account","member":"ALPHA","maker_fee":-1,"taker_fee":3}   opens it, or changes fees
//! {"command":"account","member":"ALPHA","cash":1000}                  a withdrawal is below 0
//! {"command":"account","member":"ALPHA","instrument":"ESH4","lots":-5}
//! {"command":"account","member":"ALPHA","close":true}
//! ```
//!
//! Limits: the largest order and the largest position of an instrument in lots, and new orders and
//! replaces a second with how many of them at once. They take the place of the session's earlier
//! ones; what is 0 or not named is no limit, and `"order_qty":0` alone takes them all away.
//!
//! Accounts: cash in cash units, a price unit times a lot each; fees in cash units for each lot
//! that executes, a rebate is below 0. A number that 64 bits do not hold is told as text.
//!
//! The answer holds `"ok":true` and what was asked for, or `"ok":false` and `"error"`.

mod account;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};
use touchline_config::Venue;
use touchline_matcher::{Fees, LimitsView};
use touchline_sys::Ringer;
use touchline_types::{Scope, TradingPhase};

/// Longest line that an operator may send, bytes.
const LINE_BYTES_MAX: u64 = 4096;

/// What an operator asks of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminRequest {
    /// How the venue is.
    Status,
    /// Move instruments (numbers) to a phase.
    Phase(Vec<u32>, TradingPhase),
    /// Block order entry of a scope (number of its session or member, 0 for the venue), and cancel
    /// its orders.
    Kill(Scope, u32),
    /// Take the block of a scope back.
    Resume(Scope, u32),
    /// Set the limits of a session (number).
    Limits(u32, LimitsView),
    /// What the account of a member (number) holds.
    Account(u32),
    /// Open the account of a member, or change its fees.
    SetAccount(u32, Fees),
    /// Close the account of a member.
    CloseAccount(u32),
    /// Add to the account of a member, or take from it.
    Deposit {
        /// Number of the member.
        member_id: u32,
        /// Number of the instrument; 0 is cash.
        instrument_id: u32,
        /// Lots or cash units; below 0 is a withdrawal.
        amount: i64,
    },
}

/// The engine's answer.
pub type AdminReply = Value;

/// The engine's end of the channel.
#[derive(Debug)]
pub struct Operator(pub(crate) Receiver<(AdminRequest, Sender<AdminReply>)>);

/// The server's end.
#[derive(Debug)]
pub struct AdminServer {
    requests: Sender<(AdminRequest, Sender<AdminReply>)>,
    engine: Ringer,
    listener: UnixListener,
    path: PathBuf,
    instruments: Vec<(u32, String)>,
    members: Vec<(u32, String)>,
    /// Numbers of the firms that members have.
    firms: Vec<u32>,
    sessions: Vec<(u32, String)>,
}

/// Opens the socket and makes both ends. `engine` rings the engine's bell.
///
/// # Errors
///
/// Whatever the system says to bind.
pub fn operator(
    venue: &Venue,
    path: &Path,
    engine: Ringer,
) -> std::io::Result<(AdminServer, Operator)> {
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    let (requests, received) = channel();
    let instruments = venue
        .instruments
        .iter()
        .map(|instrument| (instrument.id, instrument.symbol.clone()))
        .collect();
    let members = venue.members.iter().map(|member| (member.id, member.name.clone())).collect();
    let sessions = venue
        .sessions
        .iter()
        .map(|session| (session.id, session.comp_id.clone()))
        .chain(venue.strategies.iter().map(|strategy| (strategy.id, strategy.name.clone())))
        .collect();
    let firms = venue.members.iter().map(|member| member.firm_id).filter(|id| *id > 0).collect();
    let path = path.to_path_buf();
    let server =
        AdminServer { requests, engine, listener, path, instruments, members, firms, sessions };
    Ok((server, Operator(received)))
}

impl AdminServer {
    /// Serves operators, one at a time, until `stop` is set; then removes the socket.
    pub fn run(self, stop: &Arc<AtomicBool>) {
        while !stop.load(Ordering::Acquire) {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    // An operator that goes away in the middle is no fault of the venue.
                    let _ = self.serve(&stream, stop);
                }
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        let _ = std::fs::remove_file(&self.path);
    }

    fn serve(&self, stream: &UnixStream, stop: &Arc<AtomicBool>) -> std::io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.set_write_timeout(Some(Duration::from_secs(2)))?;
        let mut lines = BufReader::new(std::io::Read::take(stream, LINE_BYTES_MAX));
        let mut line = String::new();
        while !stop.load(Ordering::Acquire) {
            line.clear();
            lines.get_mut().set_limit(LINE_BYTES_MAX);
            if lines.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let reply = match self.parse(&line) {
                Ok(request) => self.ask(request),
                Err(error) => json!({"ok": false, "error": error}),
            };
            let mut writer = stream;
            writer.write_all(format!("{reply}\n").as_bytes())?;
        }
        Ok(())
    }

    fn parse(&self, line: &str) -> Result<AdminRequest, String> {
        let request: Value =
            serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
        match request.get("command").and_then(Value::as_str) {
            Some("status") => Ok(AdminRequest::Status),
            Some("phase") => {
                let phase = request.get("phase").and_then(Value::as_str).unwrap_or("");
                let phase = match phase {
                    "call" => TradingPhase::Call,
                    "continuous" => TradingPhase::Continuous,
                    "halt" => TradingPhase::Halt,
                    "closed" => TradingPhase::Closed,
                    other => {
                        return Err(format!(
                            "phase is {other:?}, must be call, continuous, halt or closed"
                        ));
                    }
                };
                Ok(AdminRequest::Phase(self.instruments_of(&request)?, phase))
            }
            Some("halt") => {
                Ok(AdminRequest::Phase(self.instruments_of(&request)?, TradingPhase::Halt))
            }
            Some("kill") => {
                let (scope, id) = self.scope_of(&request)?;
                Ok(AdminRequest::Kill(scope, id))
            }
            Some("resume") => {
                let (scope, id) = self.scope_of(&request)?;
                Ok(AdminRequest::Resume(scope, id))
            }
            Some("limits") => self.limits_of(&request),
            Some("account") => self.account_of(&request),
            other => Err(format!(
                "command is {other:?}, must be status, phase, halt, kill, resume, limits or account"
            )),
        }
    }

    fn limits_of(&self, request: &Value) -> Result<AdminRequest, String> {
        const NUMBERS: [&str; 4] = ["order_qty", "position", "rate_per_s", "burst"];
        let keys = || request.as_object().into_iter().flat_map(|fields| fields.keys());
        let known = |key: &str| ["command", "session"].contains(&key) || NUMBERS.contains(&key);
        if let Some(key) = keys().find(|key| !known(key)) {
            return Err(format!("limits have no {key:?}, only {}", NUMBERS.join(", ")));
        }
        let Some(name) = request.get("session") else {
            return Err("name one session".into());
        };
        let session_id = number_of(&self.sessions, "session", name)?;
        if !keys().any(|key| NUMBERS.contains(&key.as_str())) {
            return Err(format!("name at least one of {}", NUMBERS.join(", ")));
        }
        let limits = LimitsView {
            max_order_qty: whole(request, "order_qty", u64::MAX)?,
            max_position: whole(request, "position", i64::MAX)?,
            rate_per_s: whole(request, "rate_per_s", u32::MAX)?,
            rate_burst: whole(request, "burst", u32::MAX)?,
        };
        if (limits.rate_per_s == 0) != (limits.rate_burst == 0) {
            return Err(format!(
                "rate_per_s is {}, burst is {}: both must be 0, or neither",
                limits.rate_per_s, limits.rate_burst
            ));
        }
        Ok(AdminRequest::Limits(session_id, limits))
    }

    fn instruments_of(&self, request: &Value) -> Result<Vec<u32>, String> {
        let symbol = request.get("instrument").and_then(Value::as_str).unwrap_or("");
        let ids: Vec<u32> = self
            .instruments
            .iter()
            .filter(|(_, known)| symbol == "all" || symbol == known)
            .map(|(id, _)| *id)
            .collect();
        if ids.is_empty() {
            return Err(format!("no instrument {symbol:?}; name one, or \"all\""));
        }
        Ok(ids)
    }

    /// Whose order entry is meant: exactly one of `session`, `member`, `firm` and `venue` says so.
    fn scope_of(&self, request: &Value) -> Result<(Scope, u32), String> {
        let [session, member, firm, venue] =
            ["session", "member", "firm", "venue"].map(|name| request.get(name));
        match (session, member, firm, venue) {
            (Some(name), None, None, None) => {
                Ok((Scope::Session, number_of(&self.sessions, "session", name)?))
            }
            (None, Some(name), None, None) => {
                Ok((Scope::Member, number_of(&self.members, "member", name)?))
            }
            (None, None, Some(number), None) => {
                let known = |id: &u32| Some(u64::from(*id)) == number.as_u64();
                let found = self.firms.iter().copied().find(known);
                found.map(|id| (Scope::Firm, id)).ok_or_else(|| format!("no firm {number}"))
            }
            (None, None, None, Some(Value::Bool(true))) => Ok((Scope::Venue, 0)),
            _ => Err("name one session, one member, one firm, or \"venue\":true".into()),
        }
    }

    fn ask(&self, request: AdminRequest) -> AdminReply {
        let (reply, answered) = channel();
        if self.requests.send((request, reply)).is_err() {
            return json!({"ok": false, "error": "the engine has stopped"});
        }
        self.engine.ring();
        answered
            .recv_timeout(Duration::from_secs(5))
            .unwrap_or_else(|_| json!({"ok": false, "error": "the engine did not answer in 5 s"}))
    }
}

/// The number of a session, member or instrument by its name.
fn number_of(all: &[(u32, String)], what: &str, name: &Value) -> Result<u32, String> {
    let known = all.iter().find(|(_, known)| Some(known.as_str()) == name.as_str());
    known.map(|(id, _)| *id).ok_or_else(|| format!("no {what} {name}"))
}

/// A number of a request from 0 to `most`; 0 where it is not named.
fn whole<T>(request: &Value, name: &str, most: T) -> Result<T, String>
where
    T: TryFrom<u64> + Default + std::fmt::Display,
{
    let Some(value) = request.get(name) else { return Ok(T::default()) };
    let number = value.as_u64().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| format!("{name} is {value}, must be a whole number from 0 to {most}"))
}
