//! What operators ask of the account of a member, out of JSON. One line changes one thing, and so
//! either all of it happens or nothing: a deposit that is sent again adds again.

use serde_json::Value;
use touchline_matcher::{FEE_MAX, Fees};

use super::{AdminRequest, AdminServer, number_of};

/// What a line may change, and with which keys.
const CHANGES: [&[&str]; 4] =
    [&["maker_fee", "taker_fee"], &["close"], &["cash"], &["instrument", "lots"]];

impl AdminServer {
    pub(super) fn account_of(&self, request: &Value) -> Result<AdminRequest, String> {
        let keys: Vec<&str> = request
            .as_object()
            .into_iter()
            .flat_map(|fields| fields.keys().map(String::as_str))
            .filter(|key| !["command", "member"].contains(key))
            .collect();
        if let Some(key) = keys.iter().find(|key| !CHANGES.concat().contains(key)) {
            return Err(format!("an account has no {key:?}, only {}", CHANGES.concat().join(", ")));
        }
        let Some(name) = request.get("member") else {
            return Err("name one member".into());
        };
        let member_id = number_of(&self.members, "member", name)?;
        if keys.is_empty() {
            return Ok(AdminRequest::Account(member_id));
        }
        let asked = |change: &[&str]| {
            change.len() == keys.len() && keys.iter().all(|key| change.contains(key))
        };
        if !CHANGES.iter().any(|change| asked(change)) {
            return Err(format!(
                "one change at a time: maker_fee and taker_fee, or \"close\":true, or cash, or \
                 instrument and lots; not {}",
                keys.join(", ")
            ));
        }
        if let Some(closes) = request.get("close") {
            return match closes {
                Value::Bool(true) => Ok(AdminRequest::CloseAccount(member_id)),
                other => Err(format!("close is {other}, must be true")),
            };
        }
        if let Some(fee) = request.get("maker_fee") {
            let maker_fee = between("maker_fee", fee, -FEE_MAX, FEE_MAX)?;
            let taker_fee = between("taker_fee", &request["taker_fee"], -FEE_MAX, FEE_MAX)?;
            return Ok(AdminRequest::SetAccount(member_id, Fees { maker_fee, taker_fee }));
        }
        let (instrument_id, what) = match request.get("instrument") {
            Some(symbol) => (number_of(&self.instruments, "instrument", symbol)?, "lots"),
            None => (0, "cash"),
        };
        match between(what, &request[what], i64::MIN, i64::MAX)? {
            0 => {
                Err(format!("{what} is 0, must be above it for a deposit, below for a withdrawal"))
            }
            amount => Ok(AdminRequest::Deposit { member_id, instrument_id, amount }),
        }
    }
}

/// A number of a request.
fn between(name: &str, value: &Value, least: i64, most: i64) -> Result<i64, String> {
    let number = value.as_i64().filter(|number| (least..=most).contains(number));
    number
        .ok_or_else(|| format!("{name} is {value}, must be a whole number from {least} to {most}"))
}
