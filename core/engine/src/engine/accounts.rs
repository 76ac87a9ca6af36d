//! Accounts of members: what operators change, and what they are told.

use std::sync::mpsc::Sender;

use serde_json::{Map, Number, Value, json};
use touchline_matcher::{AccountView, Fees};
use touchline_sys::now_ns;
use touchline_types::{AccountChange, Command, CommandKind, Scope};

use super::Engine;
use crate::admin::AdminReply;

impl Engine {
    pub(super) fn set_account(&mut self, member_id: u32, fees: Fees, reply: Sender<AdminReply>) {
        self.change_account(
            Command {
                price: fees.maker_fee,
                stop_px: fees.taker_fee,
                account_change: AccountChange::Set,
                ..Command::of(CommandKind::SetAccount)
            },
            member_id,
            reply,
        );
    }

    pub(super) fn close_account(&mut self, member_id: u32, reply: Sender<AdminReply>) {
        self.change_account(
            Command {
                account_change: AccountChange::Close,
                ..Command::of(CommandKind::SetAccount)
            },
            member_id,
            reply,
        );
    }

    /// Adds so many lots of an instrument, or so much cash where that is 0; below 0 takes them.
    pub(super) fn deposit(
        &mut self,
        member_id: u32,
        instrument_id: u32,
        amount: i64,
        reply: Sender<AdminReply>,
    ) {
        self.change_account(
            Command { price: amount, instrument_id, ..Command::of(CommandKind::Deposit) },
            member_id,
            reply,
        );
    }

    fn change_account(&mut self, command: Command, member_id: u32, reply: Sender<AdminReply>) {
        if self.admit_request(command.kind, 1, reply) {
            self.sequence(Command {
                scope: Scope::Member,
                scope_id: member_id,
                recv_time: now_ns(),
                ..command
            });
        }
    }

    /// The account of a member, with the instruments of which it holds any; null without one.
    pub(super) fn account(&self, member_id: u32) -> Value {
        let told = self.matcher.account(member_id).map(|account| {
            let AccountView { cash, reserved, fees } = account;
            json!({
                "maker_fee": fees.maker_fee,
                "taker_fee": fees.taker_fee,
                "cash": exact(cash),
                "reserved": exact(reserved),
                "holdings": self.holdings(member_id),
            })
        });
        json!({"ok": true, "account": told})
    }

    fn holdings(&self, member_id: u32) -> Map<String, Value> {
        let instruments = self.venue.instruments.iter();
        let held = instruments.filter_map(|instrument| {
            let holding = self.matcher.holding(member_id, instrument.id)?;
            let told = json!({"lots": exact(holding.held), "reserved": holding.reserved});
            (holding.held != 0).then(|| (instrument.symbol.clone(), told))
        });
        held.collect()
    }

    /// Who has an account, and the cash that has left all of them: to the venue as fees, and to
    /// the members without one.
    pub(super) fn accounts(&self) -> Value {
        let members = self.venue.members.iter();
        let members = members.filter(|member| self.matcher.account(member.id).is_some());
        json!({
            "members": members.map(|member| &member.name).collect::<Vec<_>>(),
            "fees": exact(self.matcher.fees()),
            "others_cash": exact(self.matcher.others_cash()),
        })
    }
}

/// A number of JSON, or its digits as text where 64 bits do not hold it.
fn exact(number: i128) -> Value {
    Number::from_i128(number).map_or_else(|| number.to_string().into(), Value::Number)
}
