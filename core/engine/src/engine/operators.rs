//! What operators ask of the engine. Their commands are sequenced like everybody's; they are
//! answered when the last of them is released.

use std::collections::BTreeSet;
use std::sync::mpsc::Sender;

use serde_json::{Value, json};
use touchline_matcher::LimitsView;
use touchline_sys::now_ns;
use touchline_types::{Command, CommandKind, Event, EventKind, Reason, Scope, TradingPhase};

use super::Engine;
use crate::admin::{AdminReply, AdminRequest};

/// An operator's request that is on its way; there is one at a time.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) waiting: u32,
    /// Of its first command.
    kind: CommandKind,
    reply: Sender<AdminReply>,
    refused: Vec<String>,
    /// Orders that a kill has cancelled so far.
    canceled: u64,
}

impl Engine {
    /// Serves operators. Their commands are sequenced like everybody's.
    pub(super) fn serve_operators(&mut self) -> usize {
        let mut served = 0;
        while let Some((request, reply)) =
            self.operator.as_ref().and_then(|operator| operator.0.try_recv().ok())
        {
            served += 1;
            match request {
                AdminRequest::Status => drop(reply.send(self.status())),
                AdminRequest::Phase(ids, phase) => self.change_phase(&ids, phase, reply),
                AdminRequest::Kill(scope, id) => {
                    self.change_entry(
                        &[CommandKind::BlockEntry, CommandKind::MassCancel],
                        scope,
                        id,
                        reply,
                    );
                }
                AdminRequest::Resume(scope, id) => {
                    self.change_entry(&[CommandKind::AdmitEntry], scope, id, reply);
                }
                AdminRequest::Limits(id, limits) => self.set_limits(id, &limits, reply),
                AdminRequest::Account(id) => drop(reply.send(self.account(id))),
                AdminRequest::SetAccount(id, fees) => self.set_account(id, fees, reply),
                AdminRequest::CloseAccount(id) => self.close_account(id, reply),
                AdminRequest::Deposit { member_id, instrument_id, amount } => {
                    self.deposit(member_id, instrument_id, amount, reply);
                }
            }
        }
        served
    }

    /// Makes room for so many commands of an operator, or tells him that there is none.
    pub(super) fn admit_request(
        &mut self,
        kind: CommandKind,
        commands: usize,
        reply: Sender<AdminReply>,
    ) -> bool {
        let busy = !self.asked.is_empty() || self.unfinished.is_some();
        if busy || self.journal.room() < commands {
            let error = "the engine is busy with the journal or another operator; try again";
            drop(reply.send(json!({"ok": false, "error": error})));
            return false;
        }
        let waiting = u32::try_from(commands).unwrap_or(u32::MAX);
        self.asked.push(Asked { waiting, kind, reply, refused: Vec::new(), canceled: 0 });
        true
    }

    /// Blocks order entry of a scope and cancels its orders, or admits it again.
    fn change_entry(
        &mut self,
        kinds: &[CommandKind],
        scope: Scope,
        scope_id: u32,
        reply: Sender<AdminReply>,
    ) {
        let Some(first) = kinds.first() else { return };
        if !self.admit_request(*first, kinds.len(), reply) {
            return;
        }
        for kind in kinds {
            let command = Command { scope, scope_id, recv_time: now_ns(), ..Command::of(*kind) };
            self.sequence(command);
        }
    }

    fn change_phase(&mut self, ids: &[u32], phase: TradingPhase, reply: Sender<AdminReply>) {
        if !self.admit_request(CommandKind::ChangePhase, ids.len(), reply) {
            return;
        }
        for id in ids {
            let mut command = Command::of(CommandKind::ChangePhase);
            command.instrument_id = *id;
            command.phase = phase;
            command.recv_time = now_ns();
            self.sequence(command);
        }
    }

    fn set_limits(&mut self, session_id: u32, limits: &LimitsView, reply: Sender<AdminReply>) {
        if !self.admit_request(CommandKind::SetLimits, 1, reply) {
            return;
        }
        self.sequence(Command {
            scope: Scope::Session,
            scope_id: session_id,
            order_qty: limits.max_order_qty,
            price: limits.max_position,
            rate_per_s: limits.rate_per_s,
            rate_burst: limits.rate_burst,
            recv_time: now_ns(),
            ..Command::of(CommandKind::SetLimits)
        });
    }

    fn status(&self) -> Value {
        let instruments: Vec<Value> = self
            .venue
            .instruments
            .iter()
            .map(|instrument| {
                let phase = self.matcher.phase(instrument.id).unwrap_or(TradingPhase::None);
                json!({
                    "id": instrument.id,
                    "symbol": instrument.symbol,
                    "phase": phase.name().to_lowercase(),
                    "last_px": self.matcher.last_px(instrument.id),
                })
            })
            .collect();
        let mut status = self.figures();
        if let Some(fields) = status.as_object_mut() {
            fields.insert("ok".into(), json!(true));
            fields.insert("instruments".into(), json!(instruments));
            fields.insert("blocked".into(), self.blocked());
            fields.insert("limits".into(), self.limits());
            fields.insert("accounts".into(), self.accounts());
        }
        status
    }

    /// Whose order entry operators have blocked, by name.
    fn blocked(&self) -> Value {
        let is_blocked = |scope, id| self.matcher.is_blocked(scope, id);
        let members = self.venue.members.iter().filter(|m| is_blocked(Scope::Member, m.id));
        let firms: BTreeSet<u32> =
            self.venue.members.iter().map(|member| member.firm_id).filter(|id| *id > 0).collect();
        let firms = firms.into_iter().filter(|id| is_blocked(Scope::Firm, *id));
        let sessions = self.venue.sessions.iter().map(|one| (one.id, &one.comp_id));
        let strategies = self.venue.strategies.iter().map(|one| (one.id, &one.name));
        let sessions = sessions.chain(strategies);
        let sessions = sessions.filter(|(id, _)| is_blocked(Scope::Session, *id));
        json!({
            "venue": is_blocked(Scope::Venue, 0),
            "firms": firms.collect::<Vec<_>>(),
            "members": members.map(|member| &member.name).collect::<Vec<_>>(),
            "sessions": sessions.map(|(_, name)| name).collect::<Vec<_>>(),
        })
    }

    /// The limits that operators have set, by session.
    fn limits(&self) -> Value {
        let told = self.venue.sessions.iter().filter_map(|session| {
            let limits = self.matcher.limits(session.id)?;
            Some(json!({
                "session": session.comp_id,
                "order_qty": limits.max_order_qty,
                "position": limits.max_position,
                "rate_per_s": limits.rate_per_s,
                "burst": limits.rate_burst,
            }))
        });
        told.collect()
    }
}

/// Notes the outcome of one of an operator's commands, and answers with the last.
pub(super) fn answer(asked: &mut [Asked], event: &Event) {
    let Some(asked) = asked.first_mut() else { return };
    if event.kind == EventKind::MassCanceled {
        asked.canceled += event.last_qty;
        if event.leaves_qty > 0 {
            return; // it is sequenced again
        }
    }
    asked.waiting = asked.waiting.saturating_sub(1);
    if event.kind == EventKind::Rejected {
        let text = refusal(asked.kind, event.reason);
        asked.refused.push(match asked.kind {
            CommandKind::ChangePhase => format!("instrument {}: {text}", event.instrument_id),
            _ => text.to_owned(),
        });
    }
    if asked.waiting == 0 {
        let ok = asked.refused.is_empty();
        let error = asked.refused.join("; ");
        let reply = json!({
            "ok": ok, "seq": event.seq, "error": error, "canceled_orders": asked.canceled,
        });
        drop(asked.reply.send(reply));
    }
}

/// Why a command of an operator was refused, where the words for an order would not say it.
const fn refusal(kind: CommandKind, reason: Reason) -> &'static str {
    match (kind, reason) {
        (CommandKind::SetLimits, Reason::TooManyOrders) => {
            "as many sessions have limits as the venue can hold"
        }
        (CommandKind::SetAccount, Reason::InsufficientFunds) => {
            "open orders of the member would hold back more than the account has; cancel them first"
        }
        (CommandKind::Deposit, Reason::InsufficientFunds) => {
            "the account has less free; open orders hold back what they could cost"
        }
        (CommandKind::SetAccount | CommandKind::Deposit, Reason::UnsupportedCharacteristic) => {
            "the venue has more members than can have accounts, and this is one of the last"
        }
        (_, reason) => reason.text(),
    }
}
